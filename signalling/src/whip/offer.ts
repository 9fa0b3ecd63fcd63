import { type DtlsParameters, MediaKind, TrunklineError } from '@trunkline/protocol'
import { type MediaDescription, parse, parseParams, parseSimulcastStreamList } from 'sdp-transform'

/** A codec as it was offered, by the payload type the sender will use. */
export type OfferedCodec = {
  mimeType: string
  payloadType: number
  clockRate: number
  channels?: number
  parameters: Record<string, string | number>
  rtcpFeedback: { type: string; parameter: string }[]
}

/** One media section of an offer. */
export type OfferedMedia = {
  mid: string
  kind: MediaKind
  /** Whether the client would send it, and whether it would receive it. */
  sends: boolean
  receives: boolean
  /** In the order the client prefers them. */
  codecs: OfferedCodec[]
  headerExtensions: { uri: string; id: number }[]
  /** How the stream, or each size of it, is told apart; the largest first, where there are several. */
  streams: { ssrc?: number; rtxSsrc?: number; rid?: string }[]
  cname?: string
}

/** What a client says of itself that publishes by WHIP (RFC 9725) or watches by WHEP. */
export type Offer = {
  /** Of what is no sound and no picture only the place is kept: each section has to be answered. */
  media: (OfferedMedia | { mid: string; kind: 'other'; line: string })[]
  dtlsParameters: DtlsParameters
}

/** Those the engine knows, each with as many bytes as it has. */
const FINGERPRINT =
  /^(sha-1 ([0-9a-f]{2}:){19}|sha-224 ([0-9a-f]{2}:){27}|sha-256 ([0-9a-f]{2}:){31}|sha-384 ([0-9a-f]{2}:){47}|sha-512 ([0-9a-f]{2}:){63})[0-9a-f]{2}$/i

const refused = (why: string): TrunklineError =>
  new TrunklineError('invalid_request', `This is no offer that can be answered: ${why}`)

/**
 * @param use what is made of its sections; those have to be on one line
 * @throws TrunklineError `invalid_request` for what is no SDP offer that can be answered
 */
export const parseOffer = (sdp: string, use: 'sends' | 'receives'): Offer => {
  const offer = parseSdp(sdp)
  if (offer.media.length === 0) throw refused('it has no media section.')
  const media = offer.media.map((section, index) => {
    // The parser makes numbers of what looks like one.
    const mid = String(section.mid ?? index)
    const kind = MediaKind.safeParse(section.type)
    if (kind.success) return offeredMedia(section, mid, kind.data)
    return {
      mid,
      kind: 'other' as const,
      line: `${section.type} 0 ${section.protocol} ${section.payloads ?? 0}`,
    }
  })
  if (new Set(media.map(({ mid }) => mid)).size < media.length)
    throw refused('two sections have the same mid.')
  const used = media.filter(one => one.kind !== 'other' && one[use])
  const bundled =
    offer.groups
      ?.find(({ type }) => type === 'BUNDLE')
      ?.mids.toString()
      .split(' ') ?? []
  if (used.length > 1 && !used.every(({ mid }) => bundled.includes(mid))) {
    throw refused('its sections are not on one line; offer them in one group (a=group:BUNDLE).')
  }
  const [first] = offer.media
  const fingerprint = first?.fingerprint ?? offer.fingerprint
  if (!fingerprint) throw refused('it has no DTLS fingerprint.')
  if (!FINGERPRINT.test(`${fingerprint.type} ${fingerprint.hash}`)) {
    throw refused('its DTLS fingerprint is none (a=fingerprint:sha-256 and 32 bytes in hexadecimal).')
  }
  if (!(first?.iceUfrag ?? offer.iceUfrag)) throw refused('it has no ICE user fragment.')
  if ((first?.setup ?? offer.setup) === 'passive') {
    throw refused('it wants this server to begin DTLS (a=setup:passive); offer actpass or active.')
  }
  return {
    media,
    dtlsParameters: {
      role: 'client',
      fingerprints: [{ algorithm: fingerprint.type.toLowerCase(), value: fingerprint.hash }],
    },
  }
}

const parseSdp = (sdp: string) => {
  if (!sdp.startsWith('v=0')) throw refused('it is no SDP (v=0 is missing).')
  try {
    return parse(sdp)
  } catch {
    throw refused('it is no SDP.')
  }
}

const offeredMedia = (section: MediaDescription, mid: string, kind: MediaKind): OfferedMedia => {
  const { direction = 'sendrecv' } = section
  // Of a section that is to be on the line of another the port is 0 (RFC 8843, section 7.2.1).
  const isOffered = section.port !== 0 || section.bundleOnly !== undefined
  const cname = section.ssrcs?.find(({ attribute }) => attribute === 'cname')?.value
  return {
    mid,
    kind,
    sends: isOffered && (direction === 'sendrecv' || direction === 'sendonly'),
    receives: isOffered && (direction === 'sendrecv' || direction === 'recvonly'),
    codecs: offeredCodecs(section, kind),
    headerExtensions: (section.ext ?? []).map(({ uri, value }) => ({ uri, id: value })),
    streams: offeredStreams(section),
    ...(cname === undefined ? {} : { cname: String(cname) }),
  }
}

const offeredCodecs = (section: MediaDescription, kind: MediaKind): OfferedCodec[] => {
  const order = String(section.payloads ?? '').split(' ')
  return order.flatMap(payload => {
    const rtp = section.rtp.find(one => String(one.payload) === payload)
    if (!rtp) return []
    const fmtp = section.fmtp.find(one => one.payload === rtp.payload)
    const feedback = (section.rtcpFb ?? []).filter(
      one => one.payload === '*' || Number(one.payload) === rtp.payload,
    )
    return {
      mimeType: `${kind}/${rtp.codec}`,
      payloadType: rtp.payload,
      clockRate: rtp.rate ?? 0,
      ...(kind === 'audio' ? { channels: rtp.encoding ?? 1 } : {}),
      parameters: Object.fromEntries(
        Object.entries(fmtp ? parseParams(fmtp.config) : {}).flatMap(([key, value]) =>
          value === undefined ? [] : [[key, value]],
        ),
      ),
      rtcpFeedback: feedback.map(({ type, subtype }) => ({ type, parameter: subtype ?? '' })),
    }
  })
}

const offeredStreams = (section: MediaDescription): OfferedMedia['streams'] => {
  const { simulcast } = section
  const list = simulcast?.dir1 === 'send' ? simulcast.list1 : simulcast?.list2
  if (list) {
    const rids = parseSimulcastStreamList(list).flatMap(([first]) => (first ? [String(first.scid)] : []))
    return largestFirst(rids).map(rid => ({ rid }))
  }
  const ssrc = section.ssrcs?.[0]?.id
  if (ssrc === undefined) return [{}]
  const repairs = section.ssrcGroups
    ?.filter(({ semantics }) => semantics === 'FID')
    .map(({ ssrcs }) => ssrcs.split(' ').map(Number))
    .find(([of]) => of === ssrc)?.[1]
  return [{ ssrc, ...(repairs === undefined ? {} : { rtxSsrc: repairs }) }]
}

/** Names that say which is which, smallest first; all else is taken to begin with the largest, as OBS does. */
const SIZES = [
  ['q', 'h', 'f'],
  ['l', 'm', 'h'],
  ['low', 'mid', 'high'],
  ['low', 'medium', 'high'],
]

const largestFirst = (rids: string[]): string[] => {
  const names = SIZES.find(sizes => rids.every(rid => sizes.includes(rid)))
  return names ? rids.toSorted((a, b) => names.indexOf(b) - names.indexOf(a)) : rids
}
