import { z } from 'zod'
import { TrackSource } from './call.ts'
import { CallRole } from './call-rights.ts'
import { KnockId, ParticipantId, RoomId, Time, UserId } from './ids.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'
import { Nothing } from './nothing.ts'
import type { Operation } from './operations.ts'
import { UserName } from './user.ts'

/** Somebody at the door of a call. */
export const Knock = z.strictObject({ knockId: KnockId, userId: UserId, name: UserName, since: Time })
export type Knock = z.infer<typeof Knock>

const inRoom = { roomId: RoomId }
const someone = { ...inRoom, participantId: ParticipantId }
const reason = text(LIMITS.reasonChars).optional()
const path = (verb: string) => `/v1/rooms/{roomId}/call/${verb}`

/**
 * What hosts do in a call, and raising one's hand. The right `call` in the room is asked for by the binding; who is host
 * is settled where the call is, by CALL_RIGHTS. An API key is a host of every call.
 */
export const CALL_OPERATIONS = {
  'call:waiting': {
    summary: 'Who waits to be let into the call, the longest first. For hosts',
    rest: { method: 'get', path: path('waiting'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: z.strictObject({ data: z.array(Knock) }),
  },
  'call:admit': {
    summary: 'Let in who waits: those named, or all. For hosts',
    rest: { method: 'post', path: path('admit'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({
      ...inRoom,
      knockIds: z.array(KnockId).min(1).max(LIMITS.waitingPerCall).optional(),
    }),
    response: Nothing,
  },
  'call:deny': {
    summary: 'Turn away who waits. For hosts',
    rest: { method: 'post', path: path('deny'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, knockId: KnockId, reason }),
    response: Nothing,
  },
  'call:mute': {
    summary:
      'Mute a participant, or all but the hosts: the microphone, unless other tracks are named. They may unmute themselves. For hosts',
    rest: { method: 'post', path: path('mute'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({
      ...inRoom,
      participantId: ParticipantId.optional(),
      sources: z.array(TrackSource).min(1).max(TrackSource.options.length).optional(),
    }),
    response: Nothing,
  },
  'call:remove': {
    summary:
      'Send somebody out of the call, from all devices; to come back they have to be let in. For hosts',
    rest: { method: 'post', path: path('remove'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({ ...someone, reason }),
    response: Nothing,
  },
  'call:lock': {
    summary: 'Lock the call, so that nobody new comes in without being let in, or unlock it. For hosts',
    rest: { method: 'put', path: path('lock'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, locked: z.boolean() }),
    response: Nothing,
  },
  'call:end': {
    summary: 'End the call for everybody. For hosts',
    rest: { method: 'post', path: path('end'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: Nothing,
  },
  'call:role': {
    summary: 'Make somebody host, speaker or listener until the call ends. For hosts',
    rest: { method: 'put', path: path('role'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({ ...someone, role: CallRole }),
    response: Nothing,
  },
  'call:hand': {
    summary: "Raise or lower one's own hand; hosts lower others'",
    rest: { method: 'put', path: path('hand'), status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({ ...someone, raised: z.boolean() }),
    response: Nothing,
  },
} as const satisfies Record<string, Operation>
