import { z } from 'zod'
import {
  Call,
  DtlsParameters,
  IceParameters,
  IceServer,
  JoinedCall,
  LastN,
  MediaKind,
  PreparedCall,
  ResumeKey,
  RtpCapabilities,
  RtpParameters,
  TrackSource,
} from './call.ts'
import { DataConsumerOptions, DataDelivery, SctpStreamParameters } from './data.ts'
import { KeyMessages, ParticipantEncryption } from './encryption.ts'
import type { WireError } from './errors.ts'
import { RoomEvent } from './events.ts'
import {
  ConsumerId,
  KnockId,
  ParticipantId,
  Position,
  ProducerId,
  RoomId,
  Seq,
  TransportId,
  UserId,
} from './ids.ts'
import { RemovedStretch } from './inbox.ts'
import { LIMITS } from './limits.ts'
import { MessageSend } from './message.ts'
import { Nothing } from './nothing.ts'
import { OPERATIONS } from './operations.ts'
import { PageLimit } from './page.ts'
import { Member, Room } from './room.ts'
import { Presence } from './user.ts'

/** A stretch of a room's log, ascending. `hasMore` says whether there is more in the direction asked for. */
export const EventPage = z.strictObject({
  events: z.array(RoomEvent),
  hasMore: z.boolean(),
  /** What retention took out of what was asked for. */
  removed: RemovedStretch.optional(),
})
export type EventPage = z.infer<typeof EventPage>

/** What `room:open` answers: enough to draw the room and to join its call in one more round trip. */
export const OpenedRoom = z.strictObject({
  room: Room,
  /** The user's own membership. */
  me: Member,
  /** The longest there first, and no more than LIMITS.membersListed: of a larger room the list is cut, and nothing says so. */
  members: z.array(Member),
  /** Of those of `members` who are not offline, or say something of themselves. */
  presence: z.array(Presence),
  /** The latest page of the log, or what came after `after`. Ascending. */
  ...EventPage.shape,
  /** Whom this user has blocked: what they say is not to be shown. */
  blocked: z.array(UserId),
  call: Call.nullable(),
  /** What the SFU can route: the same for every call, so a client loads its device before it joins. Null: no calls here. */
  routerRtpCapabilities: RtpCapabilities.nullable(),
})
export type OpenedRoom = z.infer<typeof OpenedRoom>

const participant = { roomId: RoomId, participantId: ParticipantId }
const ofProducer = z.strictObject({ ...participant, producerId: ProducerId })
const ofConsumers = z.strictObject({
  ...participant,
  consumerIds: z.array(ConsumerId).min(1).max(LIMITS.consumersPerRequest),
})

/** Requests about a socket itself or about its calls: REST has no use for them, or (`room:sync`, `message:send`) routes of its own. */
const SOCKET_REQUESTS = {
  'room:open': {
    /** `after`: only events after this position, for a client that already has the earlier ones. */
    request: z.strictObject({ roomId: RoomId, after: Position.optional(), limit: PageLimit.optional() }),
    response: OpenedRoom,
  },
  'room:close': { request: z.strictObject({ roomId: RoomId }), response: Nothing },
  'room:sync': {
    /** Either `after` (fills a gap forward) or `before` (history backward); neither gives the latest page. */
    request: z.strictObject({
      roomId: RoomId,
      after: Position.optional(),
      before: Seq.optional(),
      limit: PageLimit.optional(),
    }),
    response: EventPage,
  },
  'message:send': { request: MessageSend, response: z.strictObject({ event: RoomEvent }) },
  /** From now on this socket hears `event:appended` of all the user's rooms, also of those it comes into later. */
  'inbox:watch': { request: Nothing, response: Nothing },
  /** Hears `presence:changed` of these users, in place of those watched before, and answers how they are there now. */
  'presence:watch': {
    request: z.strictObject({ userIds: z.array(UserId).max(LIMITS.presenceWatched) }),
    response: z.strictObject({ data: z.array(Presence) }),
  },
  /** What a client loads its device with before it prepares a call of a room that it has not opened; null: no calls here. */
  'call:capabilities': {
    request: Nothing,
    response: z.strictObject({
      /** Who asks. */
      userId: UserId,
      routerRtpCapabilities: RtpCapabilities.nullable(),
    }),
  },
  /**
   * Before joining: connects, so that joining takes one round trip. Seen by nobody, and gone with the socket. Whoever may join
   * may prepare; a token that grants the room makes nobody a member by that.
   */
  'call:prepare': {
    request: z.strictObject({ roomId: RoomId, rtpCapabilities: RtpCapabilities }),
    response: PreparedCall.extend({ iceServers: z.array(IceServer) }),
  },
  /** With the `participantId` of `call:prepare` what that made is taken; the answer has another id when it is gone. */
  'call:join': {
    request: z.strictObject({
      roomId: RoomId,
      rtpCapabilities: RtpCapabilities,
      participantId: ParticipantId.optional(),
      /** Of what was prepared: what can be shown at once, and is to flow without being asked for again. */
      consumerIds: z.array(ConsumerId).max(LIMITS.consumersPerRequest).optional(),
      lastN: LastN.optional(),
      encryption: ParticipantEncryption.optional(),
    }),
    response: JoinedCall.extend({ iceServers: z.array(IceServer) }),
  },
  /**
   * Comes back as the same participant after the socket or the media were lost, from any socket of the user. Transports
   * with the ids of before still run. Refused with `not_in_call` when it is too late (LIMITS.resumeMs): join anew.
   */
  'call:resume': {
    request: z.strictObject({
      ...participant,
      resumeKey: ResumeKey,
      rtpCapabilities: RtpCapabilities,
      /** Wants other transports, because those it has do not connect any more. */
      renew: z.boolean().optional(),
    }),
    response: JoinedCall.extend({ iceServers: z.array(IceServer) }),
  },
  'call:leave': { request: z.strictObject(participant), response: Nothing },
  /**
   * Asks to be let in, where `call:join` answered `knock_first` or `locked`. The answer comes as `call:admitted` or
   * `call:denied`. A knock lasts as long as its socket, and LIMITS.knockGraceMs more for one that comes back.
   */
  'call:knock': {
    request: z.strictObject({ roomId: RoomId }),
    response: z.strictObject({ knockId: KnockId }),
  },
  /** Waits no longer. */
  'call:unknock': { request: z.strictObject({ roomId: RoomId }), response: Nothing },
  'transport:connect': {
    request: z.strictObject({ ...participant, transportId: TransportId, dtlsParameters: DtlsParameters }),
    response: Nothing,
  },
  /** The credential of the call's start may have expired meanwhile, so new ones come along. */
  'transport:restart': {
    request: z.strictObject({ ...participant, transportId: TransportId }),
    response: z.strictObject({ iceParameters: IceParameters, iceServers: z.array(IceServer) }),
  },
  /** One stream of each delivery for a participant; what it carries is between clients. */
  'data:produce': {
    request: z.strictObject({
      ...participant,
      transportId: TransportId,
      delivery: DataDelivery,
      sctpStreamParameters: SctpStreamParameters,
    }),
    response: z.strictObject({ dataProducerId: ProducerId }),
  },
  /** Receives the data of everybody else from now on: of those who send any, and by `data:added` of those who begin to. */
  'data:receive': {
    request: z.strictObject(participant),
    response: z.strictObject({ consumers: z.array(DataConsumerOptions) }),
  },
  /** Says that these can be received: before, nothing flows by them, and who begins to send waits for it, a little. */
  'data:resume': { request: ofConsumers, response: Nothing },
  /**
   * Tells others in the call of keys to what one sends: `key:sent`. Nothing is kept. Answers who was not told: they have
   * left, or are away.
   */
  'key:send': {
    request: z.strictObject({ ...participant, messages: KeyMessages }),
    response: z.strictObject({ missed: z.array(ParticipantId) }),
  },
  'producer:create': {
    request: z.strictObject({
      ...participant,
      transportId: TransportId,
      source: TrackSource,
      kind: MediaKind,
      rtpParameters: RtpParameters,
      paused: z.boolean().optional(),
    }),
    response: z.strictObject({ producerId: ProducerId }),
  },
  'producer:close': { request: ofProducer, response: Nothing },
  'producer:pause': { request: ofProducer, response: Nothing },
  'producer:resume': { request: ofProducer, response: Nothing },
  'consumer:resume': { request: ofConsumers, response: Nothing },
  /** Stops the flow of tracks that are not looked at; `consumer:resume` starts it again, with a key frame. */
  'consumer:pause': { request: ofConsumers, response: Nothing },
  'consumer:prefer': {
    /**
     * Simulcast and SVC layers this viewer wants at most, from 0 (lowest). `pinned`: this camera flows whoever speaks,
     * beside the `lastN` of joining, and goes first when the line is narrow. What is left out stays as it was.
     */
    request: z.strictObject({
      ...participant,
      consumerId: ConsumerId,
      spatialLayer: z.int().min(0).max(7).optional(),
      temporalLayer: z.int().min(0).max(7).optional(),
      pinned: z.boolean().optional(),
    }),
    response: Nothing,
  },
} as const

/**
 * Every Socket.IO request, `domain:verb`, with the shape of what is sent and of `data` in its acknowledgement.
 * Each is answered exactly once: `{ok: true, data}` or `{ok: false, error}`.
 */
export const REQUESTS = { ...OPERATIONS, ...SOCKET_REQUESTS } as const

export type SocketRequestName = keyof typeof SOCKET_REQUESTS
export type RequestName = keyof typeof REQUESTS
export type RequestData<N extends RequestName> = z.infer<(typeof REQUESTS)[N]['request']>
export type ResponseData<N extends RequestName> = z.infer<(typeof REQUESTS)[N]['response']>
export type Ack<T> = { ok: true; data: T } | { ok: false; error: WireError }

/** Socket.IO `auth` of the handshake. */
export const Handshake = z.strictObject({ token: z.string().max(LIMITS.tokenChars), version: z.int() })
export type Handshake = z.infer<typeof Handshake>
