import { z } from 'zod'
import { CALL_OPERATIONS, Knock } from './call-operations.ts'
import { CallRole } from './call-rights.ts'
import { KnockId, ParticipantId, RoomId, UserId } from './ids.ts'
import { Nothing } from './nothing.ts'
import { UserName } from './user.ts'

/** What somebody is to the calls of a room, by role and token: signalling knows. What hosts made of them, the SFU knows. */
export const CallStanding = z.strictObject({
  role: CallRole,
  /**
   * Above 0 for who moderates the room (RANK of their role) and, highest, for an app's server: nobody takes from them
   * what they are, but who stands above.
   */
  rank: z.int().min(0),
})
export type CallStanding = z.infer<typeof CallStanding>

/** The rank of an app's server, above all in a room. */
export const SERVER_CALL_RANK = 100

/** Who does something; without a user it is an app's server. */
export const CallActor = CallStanding.extend({ userId: UserId.optional() })
export type CallActor = z.infer<typeof CallActor>

/** The latest event of the room when this was read: requests overtake each other, and what is older says nothing. */
const asOf = z.int().min(0)

/** What a room says of those who come to its call. */
export const AtTheDoor = {
  standing: CallStanding,
  /** Whether its setting `lobby` is on. */
  lobby: z.boolean(),
  asOf,
}

const by = { roomId: RoomId, by: CallActor }
// Not `participantId`: whoever names that speaks for the participant, and these speak about one.
const about = { ...by, targetId: ParticipantId }
const { 'call:mute': mute, 'call:deny': deny, 'call:admit': admit } = CALL_OPERATIONS

/** Requests of the contract with the SFU about who may be in a call, and as what. */
export const MODERATION_REQUESTS = {
  /** `holder` names the socket that waits: a knock ends a little after its last holder went. */
  'call:knock': {
    request: z.strictObject({
      roomId: RoomId,
      userId: UserId,
      name: UserName,
      holder: z.string(),
      ...AtTheDoor,
    }),
    response: z.strictObject({ knockId: KnockId }),
  },
  'call:unknock': {
    request: z.strictObject({ roomId: RoomId, userId: UserId, holder: z.string(), atOnce: z.boolean() }),
    response: Nothing,
  },
  'call:waiting': { request: z.strictObject(by), response: CALL_OPERATIONS['call:waiting'].response },
  'call:admit': {
    request: z.strictObject({ ...by, knockIds: admit.request.shape.knockIds }),
    response: Nothing,
  },
  'call:deny': {
    request: z.strictObject({ ...by, knockId: KnockId, reason: deny.request.shape.reason }),
    response: Nothing,
  },
  'call:mute': {
    request: z.strictObject({
      ...by,
      targetId: ParticipantId.optional(),
      sources: mute.request.shape.sources,
    }),
    response: Nothing,
  },
  'call:remove': {
    request: z.strictObject({ ...about, reason: deny.request.shape.reason }),
    response: Nothing,
  },
  'call:lock': { request: z.strictObject({ ...by, locked: z.boolean() }), response: Nothing },
  'call:end': { request: z.strictObject(by), response: Nothing },
  'call:role': { request: z.strictObject({ ...about, role: CallRole }), response: Nothing },
  'call:hand': { request: z.strictObject({ ...about, raised: z.boolean() }), response: Nothing },
  /** Whether the actor may open and close breakouts: `forbidden`, or nothing. */
  'call:host': { request: z.strictObject(by), response: Nothing },
  /**
   * The room's call goes on though nobody is in it, so that who was let in comes back from breakouts: for so long, ms; 0:
   * no longer. Nothing, where there is no call.
   */
  'call:keep': { request: z.strictObject({ roomId: RoomId, forMs: z.int().min(0) }), response: Nothing },
  /** What a participant is to the room changed. */
  'call:standing': {
    request: z.strictObject({ roomId: RoomId, targetId: ParticipantId, standing: CallStanding, asOf }),
    response: Nothing,
  },
  /** The room's setting changed. */
  'call:lobby': { request: z.strictObject({ roomId: RoomId, lobby: z.boolean(), asOf }), response: Nothing },
} as const

const closed = { reason: z.enum(['removed', 'ended']), text: z.string().optional() }
const muted = { sources: CALL_OPERATIONS['call:mute'].request.shape.sources.unwrap(), by: UserId.optional() }

/** What a client hears of these. */
export const MODERATION_NOTICES = {
  /** To who knocked: `call:join` lets in now, until the call ends. */
  'call:admitted': z.strictObject({ roomId: RoomId, knockId: KnockId }),
  /** To who knocked: turned away. */
  'call:denied': z.strictObject({ roomId: RoomId, knockId: KnockId, reason: z.string().optional() }),
  /** To hosts: everybody who waits now. */
  'waiting:changed': z.strictObject({ roomId: RoomId, waiting: z.array(Knock) }),
  /** To who was muted: the server has paused these tracks; unmuting is up to them. */
  'call:muted': z.strictObject({ roomId: RoomId, participantId: ParticipantId, ...muted }),
  /** To a participant who is out of the call: it was sent away, or the call ended for all. */
  'call:closed': z.strictObject({ roomId: RoomId, participantId: ParticipantId, ...closed }),
} as const

/** The same as the SFU tells signalling, with whom it is for. */
export const SFU_MODERATION_NOTICES = {
  ...MODERATION_NOTICES,
  'call:admitted': MODERATION_NOTICES['call:admitted'].extend({ userId: UserId }),
  'call:denied': MODERATION_NOTICES['call:denied'].extend({ userId: UserId }),
  'waiting:changed': MODERATION_NOTICES['waiting:changed'].extend({ hostIds: z.array(ParticipantId) }),
} as const
