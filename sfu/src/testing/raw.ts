import {
  KIND_OF_SOURCE,
  type RtpCapabilities,
  type RtpParameters,
  type Sfu,
  type SfuRequestData,
  type TrackSource,
} from '@trunkline/protocol'
import { ROUTER_RTP_CAPABILITIES } from '../codecs.ts'

// A client that speaks the contract and sends no media: for what the contract itself promises.

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

/** Somebody on the way in, with a socket of its own. */
export const arrivalOf = (
  roomId: string,
  participantId: string,
  rtpCapabilities: RtpCapabilities = ROUTER_RTP_CAPABILITIES,
): SfuRequestData<'call:join'> => ({
  roomId,
  participantId,
  userId: `user-${participantId}`,
  name: `Name of ${participantId}`,
  connectionId: `socket-${participantId}`,
  standing: { role: 'speaker', rank: 0 },
  lobby: false,
  asOf: 0,
  rtpCapabilities,
})

export const joinRaw = (sfu: Sfu, ...of: Parameters<typeof arrivalOf>) =>
  sfu.request('call:join', arrivalOf(...of))

type Joined = Awaited<ReturnType<typeof joinRaw>>

export const idsOf = (joined: Joined) => ({
  roomId: joined.call.roomId,
  participantId: joined.participantId,
})

/** Comes back, on another socket, as who joined. */
export const resumeRaw = (sfu: Sfu, joined: Joined, other: Partial<SfuRequestData<'call:resume'>> = {}) =>
  sfu.request('call:resume', {
    ...idsOf(joined),
    userId: `user-${joined.participantId}`,
    connectionId: `next-socket-${joined.participantId}`,
    resumeKey: joined.resumeKey,
    rtpCapabilities: ROUTER_RTP_CAPABILITIES,
    ...other,
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
