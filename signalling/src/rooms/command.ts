import { RANK, type RoomAction, TrunklineError, type User } from '@trunkline/protocol'
import { eq } from 'drizzle-orm'
import type { Principal } from '../identity/authenticate.ts'
import type { EventLog, LogTransaction } from '../log/event-log.ts'
import { rooms } from '../schema.ts'
import { assertMay, refusedByBan, roomNotFound, SERVER_RANK } from './roles.ts'
import { roleOf } from './standings.ts'

/** Who gives a command: a user, or an app's server, in a user's name or in nobody's. */
export type Actor = { principal: Principal; user: User | undefined }

export type LockedTransaction = LogTransaction & { room: typeof rooms.$inferSelect }

/** A transaction that has the room to itself, of somebody who may do what is asked. */
export type Command = LockedTransaction & {
  /** Of the actor in this room; an app's server stands above everybody. */
  rank: number
  sender: string | undefined
}

/**
 * Runs a command on a room. The right is asked for again under the room's lock: between the first look and now, the
 * actor may have been sent away.
 * @throws TrunklineError `room_not_found`, `forbidden`, and what `work` throws
 */
export const command = <R>(
  log: EventLog,
  options: { roomId: string; actor: Actor; right: RoomAction },
  work: (command: Command) => Promise<R>,
): Promise<R> => {
  const { roomId, actor, right } = options
  return log.transaction(roomId, async transaction => {
    const sender = actor.user?.id
    if (actor.principal.type === 'key') {
      const role = sender === undefined ? undefined : await roleOf(transaction.executor, roomId, sender)
      if (sender !== undefined && role === 'banned') throw refusedByBan(sender)
      return work({ ...transaction, rank: SERVER_RANK, sender })
    }
    const role = await roleOf(transaction.executor, roomId, actor.principal.user.id)
    if (!role) throw roomNotFound()
    assertMay(role, right)
    return work({ ...transaction, rank: RANK[role], sender })
  })
}

/** @throws TrunklineError `conflict`: a direct room is its two members, whatever anybody wants */
export const assertNotDirect = ({ room }: LockedTransaction): void => {
  if (room.kind !== 'direct') return
  throw new TrunklineError(
    'conflict',
    'A direct room has exactly its two members, with equal rights: nobody comes, goes, is sent away or put above the other. Create a group instead, or block the other.',
  )
}

/** A room that was found by its set of members is not the room of that set any more once somebody comes or goes. */
export const endDistinction = async ({ executor, room }: LockedTransaction): Promise<void> => {
  if (room.distinctKey === null || room.kind === 'direct') return
  await executor.update(rooms).set({ distinctKey: null }).where(eq(rooms.id, room.id))
}
