import { z } from 'zod'
import { Call, IceParameters, JoinedCall, LastN, PreparedCall, ResumeKey, RtpCapabilities } from './call.ts'
import { ParticipantEncryption } from './encryption.ts'
import { CallId, ConsumerId, ParticipantId, RoomId, Time, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import { Nothing } from './nothing.ts'
import { NOTICES } from './notices.ts'
import { ParticipantQuality } from './quality.ts'
import { REQUESTS } from './requests.ts'
import { DrainRequest, SfuOverview } from './sfu-drain.ts'
import { AtTheDoor, MODERATION_REQUESTS, SFU_MODERATION_NOTICES } from './sfu-moderation.ts'
import { SFU_RECORDING_NOTICES, SFU_RECORDING_REQUESTS } from './sfu-recording.ts'
import { SFU_STREAM_NOTICES, SFU_STREAM_REQUESTS } from './sfu-stream.ts'
import { WATCH_REQUESTS } from './sfu-watch.ts'
import { UserName } from './user.ts'

/** `connectionId` is the socket that speaks for a participant from now on. */
const spokenFor = { roomId: RoomId, participantId: ParticipantId, connectionId: z.string() }
const arrival = {
  ...spokenFor,
  ...AtTheDoor,
  userId: UserId,
  name: UserName,
  rtpCapabilities: RtpCapabilities,
}

/**
 * The internal contract between signalling and the SFU. Signalling decides who may do what; the SFU routes media and
 * is the one place that knows who is in which call. The same names as on the public wire where the meaning is the same.
 * In one process it is a function call; between processes, Socket.IO with the shared secret.
 */
export const SFU_REQUESTS = {
  'sfu:capabilities': {
    request: Nothing,
    response: z.strictObject({ routerRtpCapabilities: RtpCapabilities }),
  },
  /** All live calls, for signalling that has just started or reconnected. */
  'sfu:calls': { request: Nothing, response: z.strictObject({ calls: z.array(Call) }) },
  /** Its workers, and what became of the last drain. */
  'sfu:overview': { request: Nothing, response: SfuOverview },
  /** Begins to move calls off workers, and answers at once: `sfu:overview` says how it goes on. */
  'sfu:drain': { request: DrainRequest, response: SfuOverview },
  'call:get': {
    request: z.strictObject({ roomId: RoomId }),
    response: z.strictObject({ call: Call.nullable() }),
  },
  /**
   * Opens the room's call when there is none. `participantId` is chosen by signalling. `knock_first` and `locked` for
   * whom the door does not let in, as with `call:join`.
   */
  'call:prepare': { request: z.strictObject(arrival), response: PreparedCall },
  /** As `call:prepare`; takes what that made when it has the same `participantId` and user. */
  'call:join': {
    request: z.strictObject({
      ...arrival,
      consumerIds: z.array(ConsumerId).max(LIMITS.consumersPerRequest).optional(),
      lastN: LastN.optional(),
      encryption: ParticipantEncryption.optional(),
      /** Nobody speaks for it but its own transport: it is there as long as that is connected. */
      unattended: z.boolean().optional(),
    }),
    response: JoinedCall,
  },
  /** `not_in_call` unless the participant is there, is this user's, and the key is its own. */
  'call:resume': {
    request: z.strictObject({
      ...spokenFor,
      userId: UserId,
      resumeKey: ResumeKey,
      rtpCapabilities: RtpCapabilities,
      renew: z.boolean().optional(),
    }),
    response: JoinedCall,
  },
  /** The connection that speaks for it was lost. Says nothing of a participant that another speaks for by now. */
  'call:away': { request: z.strictObject(spokenFor), response: Nothing },
  /** This user may not be in the room any more: all its participants leave, also those that are away. */
  'call:dismiss': { request: z.strictObject({ roomId: RoomId, userId: UserId }), response: Nothing },
  /**
   * Whom a signalling process that was out of reach speaks for, in these rooms or in all: these are not away, its others
   * are. Answers those that the SFU does not have any more, and those whose media are lost.
   */
  'sfu:mine': {
    request: z.strictObject({
      participants: z.array(z.strictObject(spokenFor)),
      roomIds: z.array(RoomId).optional(),
    }),
    response: z.strictObject({ gone: z.array(ParticipantId) }),
  },
  'call:leave': REQUESTS['call:leave'],
  ...MODERATION_REQUESTS,
  ...SFU_RECORDING_REQUESTS,
  ...SFU_STREAM_REQUESTS,
  ...WATCH_REQUESTS,
  'transport:connect': REQUESTS['transport:connect'],
  'transport:restart': {
    request: REQUESTS['transport:restart'].request,
    response: z.strictObject({ iceParameters: IceParameters }),
  },
  'data:produce': REQUESTS['data:produce'],
  'data:receive': REQUESTS['data:receive'],
  'data:resume': REQUESTS['data:resume'],
  'key:send': REQUESTS['key:send'],
  'producer:create': REQUESTS['producer:create'],
  'producer:close': REQUESTS['producer:close'],
  'producer:pause': REQUESTS['producer:pause'],
  'producer:resume': REQUESTS['producer:resume'],
  'consumer:resume': REQUESTS['consumer:resume'],
  'consumer:pause': REQUESTS['consumer:pause'],
  'consumer:prefer': REQUESTS['consumer:prefer'],
  'call:quality': {
    request: z.strictObject({ roomId: RoomId }),
    response: z.strictObject({ participants: z.array(ParticipantQuality) }),
  },
} as const

export type SfuRequestName = keyof typeof SFU_REQUESTS
export type SfuRequestData<N extends SfuRequestName> = z.infer<(typeof SFU_REQUESTS)[N]['request']>
export type SfuResponseData<N extends SfuRequestName> = z.infer<(typeof SFU_REQUESTS)[N]['response']>

/** What the SFU tells signalling. */
export const SFU_NOTICES = {
  'call:started': z.strictObject({ roomId: RoomId, callId: CallId, startedAt: Time }),
  'call:changed': z.strictObject({ roomId: RoomId, call: Call }),
  'call:ended': z.strictObject({
    roomId: RoomId,
    callId: CallId,
    startedAt: Time,
    endedAt: Time,
    /** Who took part, the first LIMITS.usersPerRequest. */
    userIds: z.array(UserId),
  }),
  ...SFU_MODERATION_NOTICES,
  ...SFU_RECORDING_NOTICES,
  ...SFU_STREAM_NOTICES,
  'speaker:changed': NOTICES['speaker:changed'],
  'consumer:added': NOTICES['consumer:added'],
  'consumer:closed': NOTICES['consumer:closed'],
  'consumer:held': NOTICES['consumer:held'],
  'data:added': NOTICES['data:added'],
  'data:closed': NOTICES['data:closed'],
  'key:sent': NOTICES['key:sent'],
  'producer:limited': NOTICES['producer:limited'],
  'call:lost': NOTICES['call:lost'],
  /**
   * This SFU has nothing to do with these rooms any more. `handedOver`: their calls go on with another one, without
   * anybody's media. For who chooses among several, and nobody else.
   */
  'sfu:released': z.strictObject({ roomIds: z.array(RoomId), handedOver: z.boolean() }),
} as const

/** Both directions, as a link between processes takes them. */
export const SFU_CONTRACT = { requests: SFU_REQUESTS, notices: SFU_NOTICES } as const

export type SfuNoticeName = keyof typeof SFU_NOTICES
export type SfuNoticeData<N extends SfuNoticeName> = z.infer<(typeof SFU_NOTICES)[N]>
export type SfuNoticeListener = <N extends SfuNoticeName>(name: N, data: SfuNoticeData<N>) => void

/**
 * What signalling sees of an SFU: in process or across the network, the same.
 * `request` rejects with a TrunklineError; `unavailable` when the SFU cannot be reached.
 */
export interface Sfu {
  request<N extends SfuRequestName>(name: N, data: SfuRequestData<N>): Promise<SfuResponseData<N>>
  /** Hears every notice from now on; returns the way to stop. */
  onNotice(listener: SfuNoticeListener): () => void
  /**
   * Called whenever the SFU was out of reach and is back, or is another: its calls must be read again.
   * The listener is given the rooms concerned; all when nothing.
   */
  onReconnect(listener: (roomIds?: readonly string[]) => void): () => void
  close(): Promise<void>
}
