import { z } from 'zod'
import { CallRole } from './call-rights.ts'
import { EncryptionKeys, ParticipantEncryption } from './encryption.ts'
import { CallId, ConsumerId, ParticipantId, ProducerId, RoomId, Time, TransportId, UserId } from './ids.ts'
import { jsonFault } from './json.ts'
import { LIMITS } from './limits.ts'
import { CallRecording } from './recording.ts'
import { CallStream } from './stream.ts'
import { UserName } from './user.ts'

/** What a track shows or carries. */
export const TrackSource = z.enum(['camera', 'mic', 'screen', 'screenAudio'])
export type TrackSource = z.infer<typeof TrackSource>
export const MediaKind = z.enum(['audio', 'video'])
export type MediaKind = z.infer<typeof MediaKind>

/** Kind of media each source carries. */
export const KIND_OF_SOURCE = {
  camera: 'video',
  mic: 'audio',
  screen: 'video',
  screenAudio: 'audio',
} as const

/**
 * Parameters in mediasoup's own shapes (https://mediasoup.org/documentation/v3/mediasoup/rtp-parameters-and-capabilities/).
 * They are checked here as bounded JSON objects; the engine checks the rest and its refusal is reported as
 * `invalid_request`.
 */
const engineObject = <T>() =>
  z
    .custom<T>(value => typeof value === 'object' && value !== null && !Array.isArray(value), {
      message: 'must be an object',
      abort: true,
    })
    .superRefine((value, ctx) => {
      const fault = jsonFault(value)
      if (fault) ctx.addIssue({ code: 'custom', message: fault })
    })
    .meta({ type: 'object' })

export type RtpCapabilities = { codecs?: unknown[]; headerExtensions?: unknown[] }
export type RtpParameters = {
  mid?: string
  codecs: unknown[]
  headerExtensions?: unknown[]
  encodings?: unknown[]
  rtcp?: unknown
}
export type DtlsParameters = {
  role?: 'auto' | 'client' | 'server'
  fingerprints: { algorithm: string; value: string }[]
}
export type IceParameters = { usernameFragment: string; password: string; iceLite?: boolean }

export const RtpCapabilities = engineObject<RtpCapabilities>()
export const RtpParameters = engineObject<RtpParameters>()
export const IceParameters = z.strictObject({
  usernameFragment: z.string(),
  password: z.string(),
  iceLite: z.boolean().optional(),
})
export const DtlsParameters = z.strictObject({
  role: z.enum(['auto', 'client', 'server']).optional(),
  fingerprints: z
    .array(z.strictObject({ algorithm: z.string().max(16), value: z.string().max(256) }))
    .min(1)
    .max(8),
})

export const IceServer = z.strictObject({
  urls: z.array(z.string()),
  username: z.string().optional(),
  credential: z.string().optional(),
})
export type IceServer = z.infer<typeof IceServer>

/** How data channels run over a transport. Sizes in bytes; `OS` and `MIS` are numbers of streams (RFC 8831). */
export const SctpParameters = z.strictObject({
  port: z.int(),
  OS: z.int(),
  MIS: z.int(),
  maxMessageSize: z.int(),
  maxSendMessageSize: z.int(),
  maxReceiveMessageSize: z.int(),
})
export type SctpParameters = z.infer<typeof SctpParameters>

/** What a client needs to build its half of a transport. */
export const TransportOptions = z.strictObject({
  id: TransportId,
  iceParameters: IceParameters,
  iceCandidates: z.array(engineObject<Record<string, unknown>>()),
  dtlsParameters: DtlsParameters,
  sctpParameters: SctpParameters,
})
export type TransportOptions = z.infer<typeof TransportOptions>

/** Where streams come in by WHIP: https://www.rfc-editor.org/rfc/rfc9725 */
export const WHIP_PATH = '/v1/rooms/{roomId}/whip'
/** Where they go out by WHEP: https://datatracker.ietf.org/doc/draft-ietf-wish-whep/ */
export const WHEP_PATH = '/v1/rooms/{roomId}/whep'

/** A published track as others see it. */
export const Track = z.strictObject({
  producerId: ProducerId,
  source: TrackSource,
  /** True when muted or switched off by its owner. */
  paused: z.boolean(),
})
export type Track = z.infer<typeof Track>

/** Somebody in a call. One user in two tabs is two participants. */
export const Participant = z.strictObject({
  id: ParticipantId,
  userId: UserId,
  name: UserName,
  joinedAt: Time,
  role: CallRole,
  /** Since when the hand is up; absent when it is not. */
  handRaisedAt: Time.optional(),
  tracks: z.array(Track),
  /** Its connection is lost and it may come back, for LIMITS.resumeMs: what it shows stands still, and it has not left. */
  away: z.boolean(),
  /** Absent: nothing it sends is encrypted end to end. */
  encryption: ParticipantEncryption.optional(),
})
export type Participant = z.infer<typeof Participant>

/** A room's live call, whole: every `call:changed` carries all of it, so a lost notice does no harm. */
export const Call = z.strictObject({
  id: CallId,
  roomId: RoomId,
  startedAt: Time,
  /** Whether nobody new comes in without being let in. */
  locked: z.boolean(),
  /** Whether the room has a lobby: who is no host has to knock. */
  lobby: z.boolean(),
  /** Absent while nobody records it. */
  recording: CallRecording.optional(),
  /** Absent while nobody streams it to others. */
  stream: CallStream.optional(),
  /** With a lobby or locked, told to hosts and to those inside alone: others read an empty list. */
  participants: z.array(Participant),
  /**
   * Listeners besides those that `participants` names: of who only listens, and has no hand up, the first
   * LIMITS.listenersNamed are named. Absent when all are. Who is told as somebody in the call may be one of these.
   */
  moreListeners: z.int().min(1).optional(),
})
export type Call = z.infer<typeof Call>

/** What a client needs to receive one track. Consumers start paused; the client resumes them when it is ready. */
export const ConsumerOptions = z.strictObject({
  id: ConsumerId,
  producerId: ProducerId,
  participantId: ParticipantId,
  source: TrackSource,
  kind: MediaKind,
  rtpParameters: RtpParameters,
  /** It does not flow for now, because of `lastN`. */
  held: z.boolean().optional(),
  /** With whose keys its sender encrypts it end to end, by its own account; absent when it does not. */
  keys: EncryptionKeys.optional(),
})
export type ConsumerOptions = z.infer<typeof ConsumerOptions>

/**
 * Of the cameras only those of this many who spoke last flow, besides the pinned ones; screens and sound always do. All
 * when left out.
 */
export const LastN = z.int().min(0).max(LIMITS.lastNMax)

/** Proves, together with the user's token, that who comes back is who was there. A secret of one participant. */
export const ResumeKey = z.string().min(1).max(64)

/**
 * Everything a client needs to connect before it joins. Nobody sees it, and nothing flows: the consumers of what is
 * published already, and those that `consumer:added` brings, are resumed by who has joined only.
 */
export const PreparedCall = z.strictObject({
  participantId: ParticipantId,
  resumeKey: ResumeKey,
  routerRtpCapabilities: RtpCapabilities,
  sendTransport: TransportOptions,
  receiveTransport: TransportOptions,
  consumers: z.array(ConsumerOptions),
})
export type PreparedCall = z.infer<typeof PreparedCall>

/** Everything a client needs to send and receive, in one answer. */
export const JoinedCall = PreparedCall.extend({ call: Call })
export type JoinedCall = z.infer<typeof JoinedCall>
