import { isDeepStrictEqual } from 'node:util'
import {
  type Member,
  RANK,
  RIGHTS,
  type Room,
  type RoomChanges,
  type RoomKind,
  TrunklineError,
} from '@trunkline/protocol'
import { and, eq, sql } from 'drizzle-orm'
import { fileIdsOf } from '../files/file-shares.ts'
import { letGo } from '../files/loose-files.ts'
import { tellEnd } from '../log/deleted-rooms.ts'
import type { EventLog } from '../log/event-log.ts'
import { dropFiles } from '../log/project-files.ts'
import {
  departures,
  events,
  members,
  messageSearch,
  messages,
  roomSearch,
  rooms,
  scheduledMessages,
} from '../schema.ts'
import { type Actor, assertNotDirect, type Command, command } from './command.ts'
import { findMember } from './member-list.ts'
import { MEMBERS_CHANNEL } from './members-channel.ts'
import { noSuchMember } from './memberships.ts'
import { roomNotFound } from './roles.ts'
import { toRoom } from './rooms.ts'
import { standingOf } from './standings.ts'

/** @throws TrunklineError `invalid_request` for what a room of this kind cannot be */
export const assertSuitsKind = (
  kind: RoomKind,
  { access, defaultRole, guests, lobby, defaultCallRole }: RoomChanges,
): void => {
  if (kind !== 'channel' && access !== undefined && access !== 'invite') {
    throw new TrunklineError(
      'invalid_request',
      `access "${access}" is for channels: one comes into a ${kind} room by invitation only.`,
    )
  }
  if (kind !== 'direct') return
  if (defaultRole === 'member') {
    throw new TrunklineError(
      'invalid_request',
      'Both members of a direct room may write: leave defaultRole out.',
    )
  }
  if (lobby || defaultCallRole === 'listener') {
    throw new TrunklineError(
      'invalid_request',
      'A direct room has nobody who could let in the other, or let them speak: leave lobby and defaultCallRole out.',
    )
  }
  if (guests) {
    throw new TrunklineError(
      'invalid_request',
      'A direct room has exactly its two members, and lets no guests in.',
    )
  }
}

/** A room as it is now, and the address of the picture that another took the place of. */
type Updated = { room: Room; replaced: string | null }

/** What is decided about a room as a whole. */
export class RoomSettings {
  readonly #log: EventLog

  constructor(deps: { log: EventLog }) {
    this.#log = deps.log
  }

  /**
   * Changes what is given and different; where nothing is, nothing is appended.
   * @throws TrunklineError `forbidden` also for how long events are kept, which is for owners: it deletes what others said
   */
  update(actor: Actor, roomId: string, wanted: RoomChanges): Promise<Updated> {
    return command(this.#log, { roomId, actor, right: 'update' }, async context => {
      const { room, append, sender, rank } = context
      assertSuitsKind(room.kind, wanted)
      const changes = Object.fromEntries(
        Object.entries(wanted).filter(
          ([name, value]) =>
            value !== undefined && !isDeepStrictEqual(value, room[name as keyof RoomChanges]),
        ),
      ) as RoomChanges
      if (changes.retentionDays !== undefined && rank < RANK.owner) {
        throw new TrunklineError(
          'forbidden',
          'Only owners of this room may change how long it keeps its events.',
        )
      }
      if (Object.keys(changes).length > 0) await append({ type: 'room.updated', sender, data: { changes } })
      return { room: await now(context), replaced: changes.avatar === undefined ? null : room.avatar }
    })
  }

  archive(actor: Actor, roomId: string): Promise<Room> {
    return command(this.#log, { roomId, actor, right: 'administer' }, async context => {
      const { room, append, sender } = context
      if (room.archivedAt === null) await append({ type: 'room.archived', sender, data: {} })
      return now(context)
    })
  }

  restore(actor: Actor, roomId: string): Promise<Room> {
    return command(this.#log, { roomId, actor, right: 'administer' }, async context => {
      const { room, append, sender } = context
      if (room.archivedAt !== null) await append({ type: 'room.restored', sender, data: {} })
      return now(context)
    })
  }

  /**
   * Deletes a room with its log and all that was made from it. Only the departures of its members remain, for those who
   * sync later, and that it ended, for who follows the whole log. The bytes of its files are no business of this one: once nobody is in their room they open to nobody.
   * @param isDue looks at the room once nobody else changes it: it stays unless this is so
   */
  remove(
    actor: Actor,
    roomId: string,
    isDue: (room: { lastSeq: number }) => boolean = () => true,
  ): Promise<void> {
    return command(this.#log, { roomId, actor, right: 'administer' }, async ({ executor, room, sender }) => {
      if (!isDue(room)) return
      await tellEnd(executor, roomId, sender)
      const inIt = executor
        .select({
          userId: members.userId,
          roomId: members.roomId,
          tx: sql`pg_current_xact_id()`.as('tx'),
          barredAt: sql`null::timestamptz`.as('barred_at'),
        })
        .from(members)
        .where(and(eq(members.roomId, roomId), sql`${members.role} <> 'banned'`))
      await executor
        .insert(departures)
        .select(inIt)
        .onConflictDoUpdate({
          target: [departures.userId, departures.roomId],
          set: { tx: sql`pg_current_xact_id()` },
        })
      await dropFiles(executor.$client, roomId, { from: 0, to: Number.MAX_SAFE_INTEGER })
      const waiting = await executor
        .select({ content: scheduledMessages.content })
        .from(scheduledMessages)
        .where(eq(scheduledMessages.roomId, roomId))
      await letGo(
        executor,
        roomId,
        waiting.flatMap(({ content }) => fileIdsOf(content.parts)),
      )
      await executor.select().from(roomSearch).where(eq(roomSearch.roomId, roomId)).for('update')
      await executor.delete(messageSearch).where(eq(messageSearch.roomId, roomId))
      await executor.delete(events).where(eq(events.roomId, roomId))
      await executor.delete(messages).where(eq(messages.roomId, roomId))
      await executor.delete(rooms).where(eq(rooms.id, roomId))
      await executor.execute(
        sql`select pg_notify(${MEMBERS_CHANNEL}, json_build_object('roomId', ${roomId}::text, 'tx', pg_current_xact_id()::text)::text)`,
      )
    })
  }

  /** Hands the room over: the owner who does, or for an app's server every owner there is, becomes a moderator. */
  transfer(actor: Actor, roomId: string, userId: string): Promise<Member> {
    return command(this.#log, { roomId, actor, right: 'administer' }, async context => {
      assertNotDirect(context)
      const { executor, append, sender } = context
      const heir = await standingOf(executor, roomId, userId)
      if (!heir || !RIGHTS[heir.role].read) throw noSuchMember(userId)
      const owners = await executor
        .select({ userId: members.userId })
        .from(members)
        .where(and(eq(members.roomId, roomId), eq(members.role, 'owner')))
      if (heir.role !== 'owner') {
        await append({ type: 'member.changed', sender, data: { userId, role: 'owner' } })
      }
      for (const owner of owners) {
        const steps = actor.principal.type === 'key' || owner.userId === sender
        if (!steps || owner.userId === userId) continue
        await append({ type: 'member.changed', sender, data: { userId: owner.userId, role: 'moderator' } })
      }
      const member = await findMember(executor, roomId, userId)
      if (!member) throw noSuchMember(userId)
      return member
    })
  }
}

/** The room as the transaction has made it. */
const now = async ({ executor, room }: Command): Promise<Room> => {
  const [row] = await executor.select().from(rooms).where(eq(rooms.id, room.id))
  if (!row) throw roomNotFound()
  return toRoom(row)
}
