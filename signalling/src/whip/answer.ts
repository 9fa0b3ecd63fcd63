import { randomInt } from 'node:crypto'
import type { TransportOptions } from '@trunkline/protocol'
import type { Agreement } from './agreement.ts'
import type { Offer, OfferedCodec } from './offer.ts'

type Transport = Pick<TransportOptions, 'iceParameters' | 'iceCandidates' | 'dtlsParameters'>
type Candidate = {
  foundation: string
  priority: number
  address?: string
  ip?: string
  protocol: string
  port: number
  type: string
  tcpType?: string
}

/**
 * The answer to an offer: every section it has, in its order (RFC 8829, section 5.3.1), those that were agreed on bundled
 * on one transport, the others declined. Written by hand, because the order of lines is all there is to it.
 */
export const writeAnswer = (
  offer: Offer,
  agreed: readonly Agreement[],
  transport: Transport,
  direction: 'recvonly' | 'sendonly',
): string => {
  const { iceParameters, dtlsParameters } = transport
  const of = (mid: string) => agreed.find(({ media }) => media.mid === mid)
  const lines = [
    'v=0',
    `o=- ${randomInt(2 ** 47)} 1 IN IP4 127.0.0.1`,
    's=-',
    't=0 0',
    'a=ice-lite',
    'a=msid-semantic: WMS *',
    `a=group:BUNDLE ${agreed.map(({ media }) => media.mid).join(' ')}`,
  ]
  for (const media of offer.media) {
    const agreement = of(media.mid)
    if (media.kind === 'other') {
      lines.push(`m=${media.line}`, 'c=IN IP4 0.0.0.0', `a=mid:${media.mid}`, 'a=inactive')
    } else if (agreement) {
      lines.push(
        `m=${media.kind} 9 UDP/TLS/RTP/SAVPF ${agreement.codecs.map(({ payloadType }) => payloadType).join(' ')}`,
        'c=IN IP4 0.0.0.0',
        'a=rtcp:9 IN IP4 0.0.0.0',
        `a=mid:${media.mid}`,
        `a=${direction}`,
        // One stream, of what is sent: https://datatracker.ietf.org/doc/draft-ietf-wish-whep/
        ...(direction === 'sendonly' ? [`a=msid:call ${media.kind}`] : []),
        `a=ice-ufrag:${iceParameters.usernameFragment}`,
        `a=ice-pwd:${iceParameters.password}`,
        'a=ice-options:renomination',
        ...(transport.iceCandidates as Candidate[]).map(candidateLine),
        'a=end-of-candidates',
        ...fingerprintLines(dtlsParameters),
        'a=setup:passive',
        'a=rtcp-mux',
        'a=rtcp-rsize',
        ...agreement.codecs.flatMap(codecLines),
        ...agreement.headerExtensions.map(({ uri, id }) => `a=extmap:${id} ${uri}`),
        ...simulcastLines(agreement),
      )
    } else {
      const [first] = media.codecs
      lines.push(
        `m=${media.kind} 0 UDP/TLS/RTP/SAVPF ${first?.payloadType ?? 0}`,
        'c=IN IP4 0.0.0.0',
        `a=mid:${media.mid}`,
        'a=inactive',
      )
    }
  }
  return `${lines.join('\r\n')}\r\n`
}

/** What a restart of ICE is answered with (RFC 8840). */
export const writeFragment = (iceParameters: Transport['iceParameters']): string =>
  `a=ice-lite\r\na=ice-ufrag:${iceParameters.usernameFragment}\r\na=ice-pwd:${iceParameters.password}\r\n`

const candidateLine = (candidate: Candidate): string => {
  const { foundation, priority, address, ip, protocol, port, type, tcpType } = candidate
  const tcp = tcpType ? ` tcptype ${tcpType}` : ''
  return `a=candidate:${foundation} 1 ${protocol} ${priority} ${address ?? ip} ${port} typ ${type}${tcp}`
}

/** One is enough, and the strongest that everybody can. */
const fingerprintLines = ({ fingerprints }: Transport['dtlsParameters']): string[] => {
  const best = fingerprints.find(({ algorithm }) => algorithm === 'sha-256') ?? fingerprints[0]
  return best ? [`a=fingerprint:${best.algorithm} ${best.value}`] : []
}

const codecLines = ({
  mimeType,
  payloadType,
  clockRate,
  channels = 1,
  parameters,
  rtcpFeedback,
}: OfferedCodec) => {
  const config = Object.entries(parameters).map(([key, value]) => (value === '' ? key : `${key}=${value}`))
  return [
    `a=rtpmap:${payloadType} ${mimeType.split('/')[1]}/${clockRate}${channels > 1 ? `/${channels}` : ''}`,
    ...(config.length > 0 ? [`a=fmtp:${payloadType} ${config.join(';')}`] : []),
    ...rtcpFeedback.map(({ type, parameter }) => `a=rtcp-fb:${payloadType} ${type} ${parameter}`.trimEnd()),
  ]
}

const simulcastLines = ({ streams }: Agreement): string[] => {
  const rids = streams.flatMap(({ rid }) => rid ?? [])
  if (rids.length === 0) return []
  return [...rids.map(rid => `a=rid:${rid} recv`), `a=simulcast:recv ${rids.join(';')}`]
}
