import type { FileShelf } from '@trunkline/protocol'
import { and, asc, count, eq, isNull, ne, or, sql } from 'drizzle-orm'
import { z } from 'zod'
import { takeBack } from '../chat/scheduled-messages.ts'
import type { Database } from '../database.ts'
import type { DeletedUsers } from '../identity/deleted-users.ts'
import { newId } from '../ids.ts'
import { type Connection, inTransaction } from '../log/connection.ts'
import type { EventLog } from '../log/event-log.ts'
import { type EventRow, toEvent } from '../log/event-row.ts'
import type { Revocations } from '../relays/revocations.ts'
import { afterDeparture } from '../rooms/membership-changes.ts'
import {
  blocks,
  callUsers,
  deletedRooms,
  departures,
  events,
  liveCallUsers,
  members,
  mentions,
  messages,
  nodeValues,
  pushDevices,
  reactions,
  recordings,
  rings,
  ringTargets,
  rooms,
  scheduledMessages,
  users,
} from '../schema.ts'
import { renameSender } from '../search/rename-sender.ts'
import { filesOf } from './file-lines.ts'
import type { JobParts } from './job-parts.ts'
import type { JobKind, Run } from './job-runner.ts'
import type { JobTable } from './job-table.ts'
import { DELETED_NAME, type Gone, withoutUser } from './without-user.ts'

/** Messages deleted, or events rewritten, between two checkpoints. */
const BATCH = 200

const Place = z.object({
  alias: z.string(),
  /** Events before this one name the user no more. */
  roomId: z.string(),
  seq: z.number(),
  done: z.number(),
})
type Place = z.infer<typeof Place>

type Deps = {
  database: Database
  log: EventLog
  table: JobTable
  parts: JobParts
  shelf: FileShelf | undefined
  deletedUsers: DeletedUsers
  revocations: Revocations
  /** Ends what a user relays through TURN. */
  revokeRelays: (userId: string) => Promise<unknown>
  /** Ends the connections of a user, on all nodes. */
  disconnect: (userId: string) => void
  /** Forgets what was remembered of a user here. */
  forget: (userId: string) => void
}

/**
 * Deletes a user: out of all rooms, its words too if that is what was asked, its name and id everywhere. In every event
 * and row another id takes the place of its own, so nothing of what others said loses its place.
 */
export const createUserDeletion = (deps: Deps): JobKind => {
  const { database, log, table, parts, shelf, deletedUsers } = deps

  /** What is nobody's but theirs, and no part of any room's log. */
  const removeOwn = async (userId: string): Promise<void> => {
    await deletedUsers.begin(userId)
    deps.disconnect(userId)
    await deps.revokeRelays(userId)
    await database.delete(pushDevices).where(eq(pushDevices.userId, userId))
    await database.delete(blocks).where(or(eq(blocks.userId, userId), eq(blocks.blockedId, userId)))
    await database.transaction(executor => takeBack(executor, eq(scheduledMessages.sender, userId)))
    await database
      .update(users)
      .set({ name: DELETED_NAME, avatar: null, customStatus: null, lastSeenAt: null, words: null })
      .where(eq(users.id, userId))
    await shelf?.removeAvatars({ userId })
    for (const job of await table.exportsOf(userId)) {
      await parts.discard(job.id)
      await table.remove(job.id)
    }
  }

  /** A direct room stays with the two it has, the other keeps it; all else is left, as by `room:leave`. */
  const leave = (roomId: string, userId: string): Promise<void> =>
    log.transaction(roomId, async transaction => {
      const { executor, append, room } = transaction
      const [member] = await executor
        .select({ role: members.role })
        .from(members)
        .where(and(eq(members.roomId, roomId), eq(members.userId, userId)))
      if (!member || member.role === 'banned' || room.kind === 'direct') return
      await append({ type: 'member.left', sender: userId, data: { userId } })
      await afterDeparture(transaction, member.role)
    })

  const roomsToLeave = () =>
    database
      .select({ roomId: members.roomId })
      .from(members)
      .innerJoin(rooms, eq(rooms.id, members.roomId))
      .limit(BATCH)
      .$dynamic()

  const messagesOf = (userId: string) => and(eq(messages.sender, userId), isNull(messages.deletedAt))

  /** @returns how many were deleted */
  const removeMessages = async (userId: string): Promise<number> => {
    const found = await database
      .select({ roomId: messages.roomId, seq: messages.seq })
      .from(messages)
      .where(messagesOf(userId))
      .orderBy(asc(messages.roomId), asc(messages.seq))
      .limit(BATCH)
    for (const roomId of new Set(found.map(message => message.roomId))) {
      await log.transaction(roomId, async ({ executor, append }) => {
        // Asked again under the room's lock: somebody may have deleted one meanwhile.
        const still = await executor
          .select({ seq: messages.seq })
          .from(messages)
          .where(and(eq(messages.roomId, roomId), messagesOf(userId)))
          .orderBy(asc(messages.seq))
          .limit(BATCH)
        for (const { seq } of still) await append({ type: 'message.deleted', data: { messageSeq: seq } })
      })
    }
    return found.length
  }

  /** Events that name the user, in the order of rooms and numbers, after a place. */
  const eventsNaming = (userId: string, place: Place) =>
    database
      .select({ roomId: events.roomId, seq: events.seq })
      .from(events)
      .where(
        and(
          sql`(${events.roomId}, ${events.seq}) > (${place.roomId}, ${place.seq})`,
          // An id has no character that JSON writes in another way.
          or(eq(events.sender, userId), sql`strpos(${events.data}::text, ${`"${userId}"`}) > 0`),
        ),
      )
      .orderBy(asc(events.roomId), asc(events.seq))
      .limit(BATCH)

  const rewrite = (roomId: string, seqs: readonly number[], gone: Gone): Promise<void> =>
    log.transaction(roomId, async ({ executor }) => {
      const { rows } = await executor.$client.query<EventRow & { seq: string }>(
        `select room_id as "roomId", seq, type, sender, client_id as "clientId", data, at from events
         where room_id = $1 and seq = any($2::bigint[])`,
        [roomId, seqs],
      )
      const rewritten = rows.map(row => withoutUser(toEvent({ ...row, seq: Number(row.seq) }), gone))
      await executor.$client.query(
        `update events set sender = new.sender, client_id = new.client_id, data = new.data
         from unnest($2::bigint[], $3::text[], $4::text[], $5::json[]) as new (seq, sender, client_id, data)
         where events.room_id = $1 and events.seq = new.seq`,
        [
          roomId,
          rewritten.map(event => event.seq),
          rewritten.map(event => event.sender ?? null),
          rewritten.map(event => event.clientId ?? null),
          rewritten.map(event => JSON.stringify(event.data)),
        ],
      )
    })

  /** Puts the alias in the user's place in every table, and takes the user out. */
  const rename = async (connection: Connection, userId: string, alias: string): Promise<void> => {
    const tx = sql`pg_current_xact_id()`
    await connection
      .insert(users)
      .values({ id: alias, name: DELETED_NAME, kind: 'user' })
      .onConflictDoNothing()
    await connection
      .update(members)
      .set({ userId: alias, banReason: null, tx })
      .where(eq(members.userId, userId))
    await connection.update(members).set({ bannedBy: alias }).where(eq(members.bannedBy, userId))
    await renameSender(connection, userId, alias)
    await connection.update(messages).set({ sender: alias }).where(eq(messages.sender, userId))
    await connection.update(mentions).set({ userId: alias }).where(eq(mentions.userId, userId))
    await connection.update(reactions).set({ userId: alias }).where(eq(reactions.userId, userId))
    await connection.update(rings).set({ fromId: alias }).where(eq(rings.fromId, userId))
    await connection.update(ringTargets).set({ userId: alias }).where(eq(ringTargets.userId, userId))
    await connection.update(callUsers).set({ userId: alias }).where(eq(callUsers.userId, userId))
    await connection.update(recordings).set({ userId: alias }).where(eq(recordings.userId, userId))
    await connection.delete(liveCallUsers).where(eq(liveCallUsers.userId, userId))
    await connection.update(nodeValues).set({ sender: alias }).where(eq(nodeValues.sender, userId))
    await connection.update(rooms).set({ createdBy: alias }).where(eq(rooms.createdBy, userId))
    await connection.update(deletedRooms).set({ sender: alias }).where(eq(deletedRooms.sender, userId))
    // Whoever gets this id later is another: the room of the pair is not theirs to be found.
    await connection
      .update(rooms)
      .set({ distinctKey: null })
      .where(sql`${rooms.id} in (select room_id from members where user_id = ${alias})`)
    await connection.delete(departures).where(eq(departures.userId, userId))
    await connection.delete(users).where(eq(users.id, userId))
  }

  return {
    async run(run: Run) {
      const { job } = run
      const userId = job.userId ?? ''
      const removesWords = job.options.messages === 'remove'
      let place: Place =
        run.checkpoint === null
          ? { alias: newId('deleted'), roomId: '', seq: 0, done: 0 }
          : Place.parse(run.checkpoint)
      const save = (more: Partial<Place>, left: number, detail: string) => {
        place = { ...place, ...more }
        return run.save({ checkpoint: place, done: place.done, total: place.done + left, detail })
      }
      await save({}, 1, 'Signing the user out')
      await removeOwn(userId)

      const isTheirs = and(eq(members.userId, userId), ne(members.role, 'banned'), ne(rooms.kind, 'direct'))
      for (let found = await roomsToLeave().where(isTheirs); found.length > 0; ) {
        for (const { roomId } of found) await leave(roomId, userId)
        await save({ done: place.done + found.length }, 1, 'Leaving rooms')
        found = await roomsToLeave().where(isTheirs)
      }

      if (removesWords) {
        const [left] = await database.select({ messages: count() }).from(messages).where(messagesOf(userId))
        let waiting = left?.messages ?? 0
        for (let deleted = await removeMessages(userId); deleted > 0; ) {
          waiting = Math.max(0, waiting - deleted)
          await save({ done: place.done + deleted }, waiting + 1, 'Deleting messages')
          deleted = await removeMessages(userId)
        }
        if (shelf) {
          for await (const file of filesOf(shelf, { uploader: userId })) {
            await shelf.delete(file.id)
            await save({ done: place.done + 1 }, 1, 'Deleting files')
          }
        }
      }
      await shelf?.reassign(userId, place.alias)

      const gone = { id: userId, alias: place.alias, removesWords }
      for (let found = await eventsNaming(userId, place); found.length > 0; ) {
        const byRoom = Map.groupBy(found, event => event.roomId)
        for (const [roomId, named] of byRoom) {
          await rewrite(
            roomId,
            named.map(event => event.seq),
            gone,
          )
        }
        const last = found.at(-1) ?? place
        const next = { roomId: last.roomId, seq: last.seq, done: place.done + found.length }
        await save(next, 1, 'Taking the name out of the logs')
        found = await eventsNaming(userId, place)
      }

      await inTransaction(database.$client, async connection => {
        await rename(connection, userId, place.alias)
        await deletedUsers.complete(connection, userId)
        await deps.revocations.forget(connection, userId)
        const done = place.done + 1
        await run.end({ detail: 'The user was deleted', done, total: done }, connection)
      })
      deps.forget(userId)
      return undefined
    },

    /** What was deleted stays deleted; the user may come back. */
    discard: job => deletedUsers.giveUp(job.userId ?? ''),
  }
}
