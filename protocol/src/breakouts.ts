import { z } from 'zod'
import { RoomId, Time, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'
import type { Operation } from './operations.ts'
import { RoomTitle } from './room.ts'

const Users = z.array(UserId).max(LIMITS.usersPerBreakout)

/** A room beside a room, for some of its people, for a while. */
export const Breakout = z.strictObject({
  roomId: RoomId,
  title: RoomTitle,
  /** Who is to be in it. Hosts come and go as they like. */
  userIds: Users,
})
export type Breakout = z.infer<typeof Breakout>

/** All breakouts of a room that are open. */
export const Breakouts = z.strictObject({
  breakouts: z.array(Breakout),
  /** When they close by themselves. */
  endsAt: Time.optional(),
})
export type Breakouts = z.infer<typeof Breakouts>

/** Somebody was sent to a breakout, or, with null, back to where all were. */
export const BreakoutMove = z.strictObject({ userId: UserId, roomId: RoomId.nullable() })
export type BreakoutMove = z.infer<typeof BreakoutMove>

const inRoom = { roomId: RoomId }
const path = '/v1/rooms/{roomId}/breakouts'

/** For hosts, but for `breakout:list`. */
export const BREAKOUT_OPERATIONS = {
  'breakout:open': {
    summary:
      'Open breakout rooms, with those named in each; calls move by themselves. They close after so many seconds, if that is said. For hosts',
    rest: { method: 'post', path, status: 201 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({
      ...inRoom,
      breakouts: z
        .array(z.strictObject({ title: RoomTitle, userIds: Users }))
        .min(1)
        .max(LIMITS.breakoutsPerRoom),
      seconds: z.int().min(LIMITS.breakoutSecondsMin).max(LIMITS.breakoutSecondsMax).optional(),
    }),
    response: Breakouts,
  },
  'breakout:move': {
    summary: 'Send somebody to another breakout, or, without one, back to the room. For hosts',
    rest: { method: 'post', path: `${path}/move`, status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, userId: UserId, breakoutId: RoomId.optional() }),
    response: Breakouts,
  },
  'breakout:close': {
    summary: 'Close all breakouts: everybody comes back, and the rooms are archived. For hosts',
    rest: { method: 'delete', path, status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: Breakouts,
  },
  'breakout:list': {
    summary: 'The breakouts of a room that are open',
    rest: { method: 'get', path, status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: Breakouts,
  },
} as const satisfies Record<string, Operation>
