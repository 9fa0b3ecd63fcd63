import {
  type FileShelf,
  LIMITS,
  PORTABLE_VERSION,
  type PortableLine,
  type PortableLineOf,
} from '@trunkline/protocol'
import { asc, eq, inArray, sql } from 'drizzle-orm'
import { z } from 'zod'
import type { Database, Executor } from '../database.ts'
import type { EventLog } from '../log/event-log.ts'
import { assertMay, roomNotFound } from '../rooms/roles.ts'
import { roleOf } from '../rooms/standings.ts'
import { members, rooms, scheduledMessages, users } from '../schema.ts'
import { exportSteps } from './export-steps.ts'
import { fileLines, filesOf } from './file-lines.ts'
import { type JobParts, requireShelf } from './job-parts.ts'
import type { JobKind } from './job-runner.ts'

const IDS_AT_ONCE = 1_000
/** Pages of the log between two checkpoints. */
const PAGES_AT_ONCE = 10

/** Where an export is: in the log, of which the events up to `lastSeq` belong to it; then in the files. */
const Place = z.object({ seq: z.number(), lastSeq: z.number(), fileId: z.string().optional() })

const iso = (time: Date | null): string | null => time?.toISOString() ?? null

const roomLine = (row: typeof rooms.$inferSelect): PortableLineOf<'room'> => ({
  type: 'room',
  id: row.id,
  kind: row.kind,
  title: row.title,
  description: row.description,
  avatar: row.avatar,
  access: row.access,
  defaultRole: row.defaultRole,
  lobby: row.lobby,
  defaultCallRole: row.defaultCallRole,
  metadata: row.metadata,
  guests: row.guests,
  retentionDays: row.retentionDays,
  archivedAt: iso(row.archivedAt),
  distinctKey: row.distinctKey,
  firstSeq: row.firstSeq,
  lastSeq: row.lastSeq,
  createdBy: row.createdBy,
  createdAt: row.createdAt.toISOString(),
})

const memberLine = (row: typeof members.$inferSelect): PortableLine => ({
  type: 'member',
  userId: row.userId,
  role: row.role,
  deliveredSeq: row.deliveredSeq,
  readSeq: row.readSeq,
  joinedAt: row.joinedAt.toISOString(),
  pending: row.pending,
  offered: row.offered,
  banReason: row.banReason,
  banUntil: iso(row.banUntil),
  bannedBy: row.bannedBy,
})

export const scheduledLine = (row: typeof scheduledMessages.$inferSelect): PortableLine => ({
  type: 'scheduled',
  id: row.id,
  roomId: row.roomId,
  sender: row.sender,
  clientId: row.clientId,
  sendAt: row.sendAt.toISOString(),
  content: row.content as PortableLineOf<'scheduled'>['content'],
})

/** Users, in the order of their ids. */
async function* userLines(executor: Executor, ids: readonly string[]): AsyncGenerator<PortableLine> {
  for (let at = 0; at < ids.length; at += IDS_AT_ONCE) {
    const rows = await executor
      .select({ id: users.id, name: users.name, kind: users.kind })
      .from(users)
      .where(inArray(users.id, ids.slice(at, at + IDS_AT_ONCE)))
      .orderBy(asc(users.id))
    for (const row of rows) yield { type: 'user', ...row }
  }
}

/** Everybody a room speaks of: members, who said something, and who came and went. */
const idsIn = async (executor: Executor, roomId: string): Promise<string[]> => {
  const { rows } = await executor.execute<{ id: string }>(sql`
    select user_id as id from members where room_id = ${roomId}
    union select sender from events where room_id = ${roomId} and sender is not null
    union select coalesce(data -> 'user' ->> 'id', data ->> 'userId') from events
      where room_id = ${roomId} and type like 'member.%'
    order by id`)
  return rows.map(row => row.id)
}

/** All of a room that is neither its log nor a file, of one moment. */
async function* beginning(
  executor: Executor,
  roomId: string,
  forSender: string | undefined,
): AsyncGenerator<PortableLine> {
  const [room] = await executor.select().from(rooms).where(eq(rooms.id, roomId))
  if (!room) throw roomNotFound()
  // Asked for by an owner, who may have waited long for its turn.
  if (forSender !== undefined)
    assertMay((await roleOf(executor, roomId, forSender)) ?? 'banned', 'administer')
  const exportedAt = new Date().toISOString()
  yield {
    type: 'header',
    format: 'trunkline',
    version: PORTABLE_VERSION,
    kind: 'room',
    id: roomId,
    exportedAt,
  }
  yield roomLine(room)
  yield* userLines(executor, await idsIn(executor, roomId))
  const people = await executor
    .select()
    .from(members)
    .where(eq(members.roomId, roomId))
    .orderBy(asc(members.userId))
  for (const row of people) yield memberLine(row)
  // What somebody wrote and has not said yet is nobody else's: an owner gets their own, an app's server all.
  const waiting = await executor
    .select()
    .from(scheduledMessages)
    .where(eq(scheduledMessages.roomId, roomId))
    .orderBy(asc(scheduledMessages.id))
  for (const row of waiting) if (forSender === undefined || row.sender === forSender) yield scheduledLine(row)
}

/**
 * Exports a room. Settings, people and the end of the log are of one moment, the beginning; of what is deleted while the
 * export goes on, the words are left out.
 */
export const createRoomExport = (deps: {
  database: Database
  log: EventLog
  parts: JobParts
  shelf: FileShelf | undefined
}): JobKind => {
  const { database, log, parts } = deps

  return {
    async run(run) {
      const shelf = requireShelf(deps.shelf)
      const { job } = run
      const roomId = job.roomId ?? ''
      const forSender = job.caller.startsWith('user:') ? job.caller.slice('user:'.length) : undefined
      const steps = exportSteps(deps, run, Place)

      if (!steps.place()) {
        let place: z.infer<typeof Place> | undefined
        const lines = async function* (executor: Executor) {
          for await (const line of beginning(executor, roomId, forSender)) {
            if (line.type === 'room') place = { seq: line.firstSeq - 1, lastSeq: line.lastSeq }
            yield line
          }
        }
        const reached = () => {
          if (!place) throw new Error('a room was exported without its settings')
          return { place, done: 0, total: place.lastSeq - place.seq, detail: 'Exporting the log' }
        }
        await database.transaction(executor => steps.step(lines(executor), reached), {
          isolationLevel: 'repeatable read',
          accessMode: 'read only',
        })
      }

      for (let place = steps.place(); place && place.seq < place.lastSeq; place = steps.place()) {
        let { seq } = place
        const { lastSeq } = place
        const done = steps.done() - seq
        const total = steps.total()
        const lines = async function* (): AsyncGenerator<PortableLine> {
          for (let n = 0; n < PAGES_AT_ONCE && seq < lastSeq; n++) {
            const page = await log.page({
              roomId,
              after: seq,
              limit: Math.min(LIMITS.pageSize, lastSeq - seq),
            })
            if (page.events[0]?.seq !== seq + 1) throw new Gap()
            for (const event of page.events) {
              seq = event.seq
              yield { type: 'event', event }
            }
          }
        }
        try {
          await steps.step(lines(), () => ({
            place: { seq, lastSeq },
            done: done + seq,
            total,
            detail: 'Exporting the log',
          }))
        } catch (error) {
          if (error instanceof Gap) await restart()
          throw error
        }
      }

      for await (const file of filesOf(shelf, { roomId }, steps.place()?.fileId)) {
        const place = steps.place()
        if (!place) break
        await steps.step(fileLines(shelf, file), () => ({
          place: { ...place, fileId: file.id },
          done: steps.done() + 1,
          total: steps.total() + 1,
          detail: 'Exporting files',
        }))
      }
      return steps.finish()

      /** Retention took what was to come next, or the room is gone: the first line is not true any more. */
      async function restart() {
        await parts.discard(job.id)
        await run.save({ checkpoint: null, done: 0, total: 0, detail: 'Beginning again' })
      }
    },
    discard: job => parts.discard(job.id),
  }
}

class Gap extends Error {}
