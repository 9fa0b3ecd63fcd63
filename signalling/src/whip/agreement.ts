import { PACKET_MID, type RtpCapabilities, type RtpParameters } from '@trunkline/protocol'
import type { OfferedCodec, OfferedMedia } from './offer.ts'

type Capability = {
  kind: string
  mimeType: string
  clockRate: number
  channels?: number
  parameters?: Record<string, unknown>
  rtcpFeedback?: { type: string; parameter?: string }[]
}
type Extension = { kind: string; uri: string; direction?: string }

/** What a section is sent by: the codec with its repair, or those a player takes; and what both sides know of all else. */
export type Agreement = {
  media: OfferedMedia
  codecs: OfferedCodec[]
  headerExtensions: OfferedMedia['headerExtensions']
  streams: OfferedMedia['streams']
}

/**
 * What is taken of an offered section: the first codec the SFU routes.
 * @returns undefined when the client does not send it, or by nothing that can be routed
 */
export const agreeOn = (media: OfferedMedia, routed: RtpCapabilities): Agreement | undefined => {
  if (!media.sends) return undefined
  const capabilities = (routed.codecs ?? []) as Capability[]
  for (const offered of media.codecs) {
    const capability = capabilities.find(one => isSame(offered, one))
    if (!capability) continue
    const codec = { ...offered, rtcpFeedback: common(offered.rtcpFeedback, capability.rtcpFeedback ?? []) }
    const repair = media.codecs.find(
      ({ mimeType, parameters }) => /\/rtx$/i.test(mimeType) && parameters.apt === offered.payloadType,
    )
    const known = ((routed.headerExtensions ?? []) as Extension[]).filter(
      ({ kind, direction = 'sendrecv' }) => kind === media.kind && /recv/.test(direction),
    )
    return {
      media,
      codecs: repair ? [codec, { ...repair, rtcpFeedback: [] }] : [codec],
      headerExtensions: media.headerExtensions.filter(({ uri }) => known.some(one => one.uri === uri)),
      streams: repair ? media.streams : media.streams.map(({ rtxSsrc: _, ...stream }) => stream),
    }
  }
  return undefined
}

/** What players may ask for. Bandwidth is none of it: the header extensions that would tell cannot be sent by their ids. */
const PLAYER_FEEDBACK = [
  { type: 'nack', parameter: '' },
  { type: 'nack', parameter: 'pli' },
  { type: 'ccm', parameter: 'fir' },
]

/**
 * What a player can be sent by a section: every codec of it that the SFU routes, for whoever is shown may send by any.
 * @returns undefined when it does not receive it, or by nothing that is routed
 */
export const agreeToSend = (media: OfferedMedia, routed: RtpCapabilities): Agreement | undefined => {
  if (!media.receives) return undefined
  const capabilities = (routed.codecs ?? []) as Capability[]
  const codecs = media.codecs
    .filter(offered => capabilities.some(one => isSame(offered, one)))
    .map(offered => ({ ...offered, rtcpFeedback: common(offered.rtcpFeedback, PLAYER_FEEDBACK) }))
  if (codecs.length === 0) return undefined
  const headerExtensions = media.headerExtensions.filter(
    ({ uri, id }) => uri === PACKET_MID.uri && id === PACKET_MID.id,
  )
  return { media, codecs, headerExtensions, streams: [] }
}

/** A player's codecs as the engine takes them, by the payload types it chose. */
export const rtpCapabilitiesOf = (agreed: readonly Agreement[]): RtpCapabilities => ({
  codecs: agreed.flatMap(({ media, codecs }) =>
    codecs.map(({ payloadType, ...codec }) => ({
      kind: media.kind,
      ...codec,
      preferredPayloadType: payloadType,
    })),
  ),
})

/** As the engine takes it (https://mediasoup.org/documentation/v3/mediasoup/rtp-parameters-and-capabilities/). */
export const rtpParametersOf = ({ media, codecs, headerExtensions, streams }: Agreement): RtpParameters => ({
  mid: media.mid,
  codecs,
  headerExtensions,
  // The engine counts layers from the smallest.
  encodings: streams.toReversed().map(({ ssrc, rtxSsrc, rid }) => ({
    ...(ssrc === undefined ? {} : { ssrc }),
    ...(rid === undefined ? {} : { rid }),
    ...(rtxSsrc === undefined ? {} : { rtx: { ssrc: rtxSsrc } }),
  })),
  rtcp: { ...(media.cname ? { cname: media.cname } : {}), reducedSize: true, mux: true },
})

const isSame = (offered: OfferedCodec, routed: Capability): boolean =>
  offered.mimeType.toLowerCase() === routed.mimeType.toLowerCase() &&
  !/\/rtx$/i.test(routed.mimeType) &&
  offered.clockRate === routed.clockRate &&
  (offered.channels ?? 1) === (routed.channels ?? 1) &&
  hasSameProfile(offered.mimeType.toLowerCase(), offered.parameters, routed.parameters ?? {})

const hasSameProfile = (
  mimeType: string,
  offered: Record<string, unknown>,
  routed: Record<string, unknown>,
): boolean => {
  const of = (parameters: Record<string, unknown>, key: string, otherwise: string) =>
    String(parameters[key] ?? otherwise).toLowerCase()
  const same = (key: string, otherwise: string, digits?: number) =>
    of(offered, key, otherwise).slice(0, digits) === of(routed, key, otherwise).slice(0, digits)
  // RFC 6184, section 8.1: the level may differ, the profile and its constraints may not.
  if (mimeType === 'video/h264')
    return same('packetization-mode', '0') && same('profile-level-id', '420010', 4)
  if (mimeType === 'video/vp9') return same('profile-id', '0')
  return true
}

const common = (
  offered: OfferedCodec['rtcpFeedback'],
  routed: readonly { type: string; parameter?: string }[],
): OfferedCodec['rtcpFeedback'] =>
  offered.filter(({ type, parameter }) =>
    routed.some(one => one.type === type && (one.parameter ?? '') === parameter),
  )
