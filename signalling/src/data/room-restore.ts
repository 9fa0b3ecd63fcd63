import { isUniqueViolation, sqlStateOf } from '@trunkline/kit'
import {
  AVATARS_PATH,
  type PortableLineOf,
  type RoomEvent,
  rolesWith,
  TrunklineError,
} from '@trunkline/protocol'
import { eq, sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import type { Connection } from '../log/connection.ts'
import { project } from '../log/projector.ts'
import { members, rooms, scheduledMessages, users } from '../schema.ts'
import type { ReadLine } from './line-reader.ts'

/** Events written and projected at once. */
const BATCH = 500

type Room = PortableLineOf<'room'>
type Member = PortableLineOf<'member'>

const time = (text: string | null): Date | null => (text === null ? null : new Date(text))

/** @throws TrunklineError `conflict` */
export const assertFree = async (executor: Executor, room: Room): Promise<void> => {
  const [taken] = await executor.select({ id: rooms.id }).from(rooms).where(eq(rooms.id, room.id))
  if (taken) {
    throw new TrunklineError(
      'conflict',
      `There is a room "${room.id}" here already, and an import changes none: delete it first, or keep it.`,
    )
  }
  if (room.distinctKey === null) return
  const [same] = await executor
    .select({ id: rooms.id })
    .from(rooms)
    .where(eq(rooms.distinctKey, room.distinctKey))
  if (!same) return
  throw new TrunklineError(
    'conflict',
    `The members of this room have a room of their own here already: "${same.id}". There is one per set of members.`,
  )
}

const settingsOf = (room: Room) => ({
  id: room.id,
  kind: room.kind,
  title: room.title,
  description: room.description,
  // A picture that lay on the server it comes from stayed there.
  avatar: room.avatar?.startsWith(`${AVATARS_PATH}/`) ? null : room.avatar,
  access: room.access,
  defaultRole: room.defaultRole,
  lobby: room.lobby,
  defaultCallRole: room.defaultCallRole,
  metadata: room.metadata,
  guests: room.guests,
  retentionDays: room.retentionDays,
  archivedAt: time(room.archivedAt),
  distinctKey: room.distinctKey,
  firstSeq: room.firstSeq,
  lastSeq: room.lastSeq,
  createdBy: room.createdBy,
  createdAt: new Date(room.createdAt),
})

/** Everybody an event makes a row of must be there; who is, stays as it is. */
const ensureUsers = async (executor: Executor, events: readonly RoomEvent[]): Promise<void> => {
  const found = new Map<string, typeof users.$inferInsert>()
  for (const { data } of events) {
    if ('user' in data) {
      // Their pictures stayed behind.
      const { avatar: _avatar, ...user } = data.user
      found.set(user.id, user)
    } else if ('userId' in data && !found.has(data.userId)) {
      found.set(data.userId, { id: data.userId, name: data.userId, kind: 'user' })
    }
  }
  if (found.size > 0) {
    await executor
      .insert(users)
      .values([...found.values()])
      .onConflictDoNothing()
  }
}

const writeEvents = async (
  connection: Connection,
  roomId: string,
  lines: readonly { event: RoomEvent; data: unknown }[],
): Promise<void> => {
  const events = lines.map(line => line.event)
  await ensureUsers(connection, events)
  await connection.$client.query(
    `insert into events (room_id, seq, type, sender, client_id, data, at)
     select $1, * from unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::json[], $7::timestamptz[])`,
    [
      roomId,
      events.map(event => event.seq),
      events.map(event => event.type),
      events.map(event => event.sender ?? null),
      events.map(event => event.clientId ?? null),
      // As it stood in the file, not as a schema read it.
      lines.map(line => JSON.stringify(line.data)),
      events.map(event => event.at),
    ],
  )
  await project(connection, events)
}

/**
 * Brings what the log cannot tell: how far everybody has read and, where retention took the beginning, who is in the
 * room at all. Where the log is whole, it has the last word on roles.
 */
const writeMember = async (executor: Executor, room: Room, member: Member): Promise<void> => {
  const { type: _type, userId, deliveredSeq, readSeq, role, ...rest } = member
  const receipts = {
    deliveredSeq: Math.min(deliveredSeq, room.lastSeq),
    readSeq: Math.min(readSeq, room.lastSeq),
    joinedAt: new Date(member.joinedAt),
  }
  if (room.firstSeq === 1) {
    await executor
      .update(members)
      .set(receipts)
      .where(sql`${members.roomId} = ${room.id} and ${members.userId} = ${userId}`)
    return
  }
  await executor.insert(users).values({ id: userId, name: userId, kind: 'user' }).onConflictDoNothing()
  const row = { ...rest, ...receipts, role, banUntil: time(rest.banUntil) }
  await executor
    .insert(members)
    .values({ roomId: room.id, userId, ...row })
    .onConflictDoUpdate({ target: [members.roomId, members.userId], set: row })
}

/**
 * Writes a room from its lines, in the transaction given: the log as it was, and what follows from it by the same code
 * that follows a living log. Users who are here already keep their names.
 * @param lines checked already
 */
export const restoreRoom = async (
  connection: Connection,
  lines: AsyncIterable<ReadLine>,
  progress: (events: number) => void,
): Promise<void> => {
  let room: Room | undefined
  const people: Member[] = []
  let waiting: { event: RoomEvent; data: unknown }[] = []
  let written = 0
  const flush = async () => {
    if (waiting.length === 0 || !room) return
    await writeEvents(connection, room.id, waiting)
    written += waiting.length
    waiting = []
    progress(written)
  }
  for await (const { line, raw } of lines) {
    if (line.type === 'room') {
      room = line
      await assertFree(connection, room)
      await connection.insert(rooms).values(settingsOf(room))
    } else if (line.type === 'user') {
      await connection
        .insert(users)
        .values({ id: line.id, name: line.name, kind: line.kind })
        .onConflictDoNothing()
    } else if (line.type === 'member') {
      people.push(line)
    } else if (line.type === 'scheduled') {
      const { type: _type, sendAt, ...row } = line
      await connection
        .insert(scheduledMessages)
        .values({ ...row, sendAt: new Date(sendAt) })
        .onConflictDoNothing()
    } else if (line.type === 'event') {
      waiting.push({ event: line.event, data: (raw as { event: { data: unknown } }).event.data })
      if (waiting.length >= BATCH) await flush()
    }
  }
  await flush()
  if (!room) throw new Error('an import has no room')
  for (const member of people) await writeMember(connection, room, member)
  const { id: _id, ...settings } = settingsOf(room)
  await connection
    .update(rooms)
    .set({
      ...settings,
      memberCount: sql`(select count(*) from members where room_id = ${room.id}
        and role = any(${sql.param(rolesWith('read'))}::text[]))`,
    })
    .where(eq(rooms.id, room.id))
}

/** What the database refused of an import, in words for whoever sent it; anything else is thrown on. */
export const refusalOf = (error: unknown): unknown => {
  if (error instanceof TrunklineError) return error
  if (isUniqueViolation(error)) {
    return new TrunklineError(
      'conflict',
      'Two of its events carry the same clientId of the same sender, or something in it is here already.',
      { cause: error },
    )
  }
  // 22: data exceptions, such as a number beyond what a column holds.
  if (/^(22|23)/.test(sqlStateOf(error) ?? '')) {
    return new TrunklineError(
      'invalid_request',
      'Something in it cannot be stored: it is no export of ours.',
      {
        cause: error,
      },
    )
  }
  return error
}
