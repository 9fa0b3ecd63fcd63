import {
  type EventType,
  type FileShelf,
  PORTABLE_VERSION,
  type PortableLine,
  type RoomEvent,
  TrunklineError,
} from '@trunkline/protocol'
import { and, asc, eq, gt, inArray, ne, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Database, Executor } from '../database.ts'
import { toEvent } from '../log/event-row.ts'
import { toDevice } from '../push/devices.ts'
import {
  blocks,
  events,
  members,
  notificationLevels,
  notificationSettings,
  pushDevices,
  rooms,
  scheduledMessages,
  users,
} from '../schema.ts'
import { exportSteps } from './export-steps.ts'
import { fileLines, filesOf } from './file-lines.ts'
import type { JobParts } from './job-parts.ts'
import type { JobKind } from './job-runner.ts'
import { scheduledLine } from './room-export.ts'

/** What somebody said and did; who came and went is a room's, not theirs. */
const OWN: EventType[] = [
  'message.created',
  'message.edited',
  'message.deleted',
  'reaction.added',
  'reaction.removed',
  'node.published',
  'ring.started',
  'ring.accepted',
  'ring.declined',
]
const EVENTS_AT_ONCE = 1_000

/** Where an export is: in the log of the room named, after `seq`; then in the files. */
const Place = z.object({
  /** Still to be read, in the order of their ids. */
  rooms: z.array(z.string()),
  seq: z.number(),
  fileId: z.string().optional(),
})

/** A forwarded message says what another said: that it was forwarded is one's own, the words are not. */
const own = (event: RoomEvent, userId: string): RoomEvent =>
  event.type === 'message.created' && event.data.forwarded && event.data.forwarded.sender !== userId
    ? { ...event, data: { ...event.data, parts: [], metadata: undefined } }
    : event

async function* profile(executor: Executor, userId: string): AsyncGenerator<PortableLine> {
  const [user] = await executor.select().from(users).where(eq(users.id, userId))
  if (!user) throw new TrunklineError('not_found', `There is no user "${userId}".`)
  const exportedAt = new Date().toISOString()
  yield {
    type: 'header',
    format: 'trunkline',
    version: PORTABLE_VERSION,
    kind: 'user',
    id: userId,
    exportedAt,
  }
  yield {
    type: 'profile',
    id: user.id,
    name: user.name,
    kind: user.kind,
    ...(user.avatar === null ? {} : { avatar: user.avatar }),
    createdAt: user.createdAt.toISOString(),
    dnd: user.dnd,
    hidden: user.hidden,
    customStatus: user.customStatus,
    lastSeenAt: user.lastSeenAt?.toISOString() ?? null,
  }
  const blocked = await executor
    .select()
    .from(blocks)
    .where(eq(blocks.userId, userId))
    .orderBy(asc(blocks.at))
  for (const block of blocked) yield { type: 'block', userId: block.blockedId, at: block.at.toISOString() }
  const memberships = await executor
    .select({ member: members, id: rooms.id, kind: rooms.kind, title: rooms.title })
    .from(members)
    .innerJoin(rooms, eq(rooms.id, members.roomId))
    // Who is kept out is told nothing of the room.
    .where(and(eq(members.userId, userId), ne(members.role, 'banned')))
    .orderBy(asc(rooms.id))
  for (const { member, ...room } of memberships) {
    yield {
      type: 'membership',
      room,
      role: member.role,
      deliveredSeq: member.deliveredSeq,
      readSeq: member.readSeq,
      joinedAt: member.joinedAt.toISOString(),
    }
  }
  const waiting = await executor
    .select()
    .from(scheduledMessages)
    .where(eq(scheduledMessages.sender, userId))
    .orderBy(asc(scheduledMessages.id))
  for (const row of waiting) yield scheduledLine(row)
  yield* told(executor, userId)
}

/** By what they are told while away, and how they want to be. */
async function* told(executor: Executor, userId: string): AsyncGenerator<PortableLine> {
  const devices = await executor
    .select()
    .from(pushDevices)
    .where(eq(pushDevices.userId, userId))
    .orderBy(asc(pushDevices.createdAt), asc(pushDevices.id))
  for (const row of devices) yield { type: 'device', ...toDevice(row) }
  const [settings] = await executor
    .select()
    .from(notificationSettings)
    .where(eq(notificationSettings.userId, userId))
  if (settings) {
    const { quietHours, whenAway, digestMinutes } = settings
    yield { type: 'notifications', quietHours, whenAway, digestMinutes }
  }
  const levels = await executor
    .select()
    .from(notificationLevels)
    .where(eq(notificationLevels.userId, userId))
    .orderBy(asc(notificationLevels.roomId))
  for (const { roomId, level, until } of levels) {
    yield { type: 'roomNotification', roomId, level, until: until?.toISOString() ?? null }
  }
}

/** Rooms somebody is or was in: only there can they have said anything. */
const roomsOf = async (executor: Executor, userId: string): Promise<string[]> => {
  const { rows } = await executor.execute<{ id: string }>(sql`
    select room_id as id from members where user_id = ${userId}
    union select room_id from departures where user_id = ${userId}
    union select room_id from messages where sender = ${userId}
    union select room_id from node_values where sender = ${userId}
    order by id`)
  return rows.map(row => row.id)
}

/** Exports what is a user's own: profile, memberships, what they said in all rooms, their files. Nothing of others. */
export const createUserExport = (deps: {
  database: Database
  parts: JobParts
  shelf: FileShelf | undefined
}): JobKind => {
  const { database, parts, shelf } = deps

  const said = (userId: string, roomId: string, after: number) =>
    database
      .select()
      .from(events)
      .where(
        and(
          eq(events.roomId, roomId),
          gt(events.seq, after),
          eq(events.sender, userId),
          inArray(events.type, OWN),
        ),
      )
      .orderBy(asc(events.seq))
      .limit(EVENTS_AT_ONCE)

  return {
    async run(run) {
      const userId = run.job.userId ?? ''
      const steps = exportSteps(deps, run, Place)

      if (!steps.place()) {
        const roomIds = await roomsOf(database, userId)
        await steps.step(profile(database, userId), () => ({
          place: { rooms: roomIds, seq: 0 },
          done: 0,
          total: roomIds.length,
          detail: 'Exporting what was said',
        }))
      }

      for (let place = steps.place(); place && place.rooms.length > 0; place = steps.place()) {
        const { rooms: waiting, seq } = place
        const [roomId = '', ...rest] = waiting
        const rows = await said(userId, roomId, seq)
        const lines = rows.map((row): PortableLine => ({ type: 'event', event: own(toEvent(row), userId) }))
        const isLast = rows.length < EVENTS_AT_ONCE
        await steps.step(lines, () => ({
          place: isLast ? { rooms: rest, seq: 0 } : { rooms: waiting, seq: rows.at(-1)?.seq ?? seq },
          done: steps.done() + Number(isLast),
          total: steps.total(),
          detail: 'Exporting what was said',
        }))
      }

      if (shelf) {
        for await (const file of filesOf(shelf, { uploader: userId }, steps.place()?.fileId)) {
          await steps.step(fileLines(shelf, file), () => ({
            place: { rooms: [], seq: 0, fileId: file.id },
            done: steps.done() + 1,
            total: steps.total() + 1,
            detail: 'Exporting files',
          }))
        }
      }
      return steps.finish()
    },
    discard: job => parts.discard(job.id),
  }
}
