import { LIMITS, type User } from '@trunkline/protocol'
import { eq, sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import type { Database } from '../database.ts'
import { EventLog } from '../log/event-log.ts'
import { members, rooms } from '../schema.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { countsOf, countsOfAll } from './counts.ts'

let server: TestDatabase
let database: Database
let made = 0

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
}, 60_000)

/** A room of these two, in which each of `talk` said so many, one after the other. */
const room = async (userId: string, ...talk: [sender: string, messages: number][]): Promise<string> => {
  const id = `room-${++made}`
  const user: User = { id: userId, name: userId, kind: 'user' }
  await server.addRoom(id, [userId])
  const log = new EventLog(database)
  await log.append({ roomId: id, type: 'member.joined', data: { user, role: 'publisher' } })
  let seq = 1
  for (const [sender, count] of talk) {
    await database.execute(sql`
      insert into messages (room_id, seq, sender, at, counts, content_seq)
      select ${id}, seq, ${sender}, now(), true, seq from generate_series(${seq + 1}::bigint, ${seq + count}::bigint) seq`)
    await database.execute(sql`
      insert into mentions (room_id, user_id, seq)
      select ${id}, ${userId}, seq from generate_series(${seq + 1}::bigint, ${seq + count}::bigint) seq`)
    seq += count
  }
  await database.update(rooms).set({ lastSeq: seq, lastMessageSeq: seq }).where(eq(rooms.id, id))
  return id
}

test('counting stops at its limit, in a room and over all', async () => {
  const [one, two] = [await room('ann', ['ben', LIMITS.unreadCounted + 200]), await room('ann', ['ben', 5])]
  const counts = await countsOf(database, 'ann', [one, two, 'no such room'])
  expect(counts(one)).toEqual({ unread: LIMITS.unreadCounted, mentions: LIMITS.unreadCounted })
  expect(counts(two)).toEqual({ unread: 5, mentions: 5 })
  expect(counts('no such room')).toEqual({ unread: 0, mentions: 0 })
  expect(await countsOfAll(database, 'ann', false)).toEqual({
    unread: LIMITS.unreadCounted,
    mentions: LIMITS.unreadCounted,
  })
  await database.update(members).set({ readSeq: LIMITS.unreadCounted }).where(eq(members.roomId, one))
  expect((await countsOf(database, 'ann', [one]))(one)).toEqual({ unread: 201, mentions: 201 })
})

test('who never reads what it writes itself does not have it all walked through', async () => {
  const id = await room('bot', ['ben', 3], ['bot', 9_999], ['ben', 1])
  expect((await countsOf(database, 'bot', [id]))(id)).toEqual({ unread: 1, mentions: 1 })
})
