import { KIND_OF_SOURCE, type RtpParameters, type Sfu, type TrackSource } from '@trunkline/protocol'
import { ROUTER_RTP_CAPABILITIES } from '../codecs.ts'

/** A client that speaks the contract and sends no media: for what the contract itself promises. */
let last = 0

/** Valid parameters nobody used yet: own media section, own SSRC. */
export const rtpParametersOf = (source: TrackSource): RtpParameters => {
  const n = ++last
  const codec =
    KIND_OF_SOURCE[source] === 'audio'
      ? { mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }
      : { mimeType: 'video/VP8', payloadType: 96, clockRate: 90_000 }
  return {
    mid: String(n),
    codecs: [{ ...codec, parameters: {}, rtcpFeedback: [{ type: 'transport-cc' }] }],
    encodings: [{ ssrc: 1_000_000 + n }],
    rtcp: { cname: 'raw' },
  }
}

export const DTLS = {
  role: 'client' as const,
  fingerprints: [{ algorithm: 'sha-256', value: Array.from({ length: 32 }, () => 'AB').join(':') }],
}

export const joinRaw = (
  sfu: Sfu,
  roomId: string,
  participantId: string,
  rtpCapabilities = ROUTER_RTP_CAPABILITIES,
) =>
  sfu.request('call:join', {
    roomId,
    participantId,
    userId: `user-${participantId}`,
    name: `Name of ${participantId}`,
    connectionId: `socket-${participantId}`,
    standing: { role: 'speaker', rank: 0 },
    lobby: false,
    rtpCapabilities,
  })

type Joined = Awaited<ReturnType<typeof joinRaw>>

export const idsOf = (joined: Joined) => ({
  roomId: joined.call.roomId,
  participantId: joined.participantId,
})

export const publishRaw = (
  sfu: Sfu,
  joined: Joined,
  source: TrackSource,
  rtpParameters: unknown = rtpParametersOf(source),
) =>
  sfu.request('producer:create', {
    ...idsOf(joined),
    transportId: joined.sendTransport.id,
    source,
    kind: KIND_OF_SOURCE[source],
    rtpParameters: rtpParameters as RtpParameters,
  })
