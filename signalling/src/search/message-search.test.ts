import { sql } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import type { Database } from '../database.ts'
import { EventLog } from '../log/event-log.ts'
import { startTestDatabase } from '../testing/log-database.ts'
import { indexRooms } from './index-rooms.ts'
import { findMessages, messagesQuery } from './message-search.ts'
import { renameSender } from './rename-sender.ts'
import { readQuery } from './search-query.ts'

const ROOMS = 40
const MESSAGES = 50
let database: Database

const searchOf = (userId: string, query: string) => ({
  userId,
  query: readQuery(query),
  asOf: new Date(Date.now() + 1_000),
  limit: 200,
})
const ALL = { messages: true, files: true }

/** Half of the rooms are ada's, half ben's; `elsewhere` is a word of every message in ben's. */
beforeAll(async () => {
  const { open, addRoom } = await startTestDatabase()
  database = await open()
  const log = new EventLog(database)
  const roomIds = Array.from({ length: ROOMS }, (_, at) => `room-${at}`)
  for (const [at, roomId] of roomIds.entries()) {
    const userId = at % 2 === 0 ? 'ada' : 'ben'
    await addRoom(roomId, ['ada', 'ben'])
    await log.append({
      roomId,
      type: 'member.joined',
      data: { user: { id: userId, name: userId, kind: 'user' }, role: 'publisher' },
    })
    const word = userId === 'ben' ? 'elsewhere' : 'here'
    await Promise.all(
      Array.from({ length: MESSAGES }, (_, nr) =>
        log.append({
          roomId,
          type: 'message.created',
          sender: userId,
          data: { parts: [{ mime: 'text/plain', text: `${word} common word${nr} of room${at}` }] },
        }),
      ),
    )
  }
  for (let behind = roomIds; behind.length > 0; ) behind = (await indexRooms(database, behind)).behind
  await database.execute(sql`analyze`)
}, 60_000)

type Plan = { 'Shared Hit Blocks': number; 'Shared Read Blocks': number }

/** What one search read: pages of tables and indexes, and how many it found. */
const work = async (userId: string, query: string) => {
  const statement = messagesQuery(searchOf(userId, query), ALL)
  const { rows } = await database.transaction(async executor => {
    await executor.execute(sql`set local enable_seqscan = off`)
    // Once before, so that catalogues are known to the connection.
    await executor.execute(sql`explain (analyze, buffers) ${statement}`)
    return executor.execute<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
      sql`explain (analyze, buffers, format json) ${statement}`,
    )
  })
  const plan = rows[0]?.['QUERY PLAN'][0]?.Plan as Plan
  const text = JSON.stringify(rows)
  return { pages: plan['Shared Hit Blocks'] + plan['Shared Read Blocks'], text }
}

test("a word that is frequent in others' rooms costs what a word costs that is nowhere", async () => {
  expect(await findMessages(database, searchOf('ada', 'elsewhere'), ALL)).toEqual([])
  expect(await findMessages(database, searchOf('ben', 'elsewhere'), ALL)).toHaveLength(200)
  const pairs = [
    ['"elsewhere"', '"nowhereatall"'],
    ['elsewh', 'nowher'],
    ['"elsewhere" "common"', '"nowhereatall" "common"'],
  ] as const
  for (const [elsewhere, nowhere] of pairs) {
    const [there, not, own] = [
      await work('ada', elsewhere),
      await work('ada', nowhere),
      await work('ben', elsewhere),
    ]
    expect(there.pages, elsewhere).toBe(not.pages)
    // What it does cost where it is: the measure is not blind.
    expect(own.pages).toBeGreaterThan(there.pages + 20)
    expect(there.text).toContain('message_search_words')
    expect(there.text).not.toContain('Seq Scan on message_search')
  }
})

test('the rest of the rights hold for the index as for the log', async () => {
  const count = async (userId: string, query: string) =>
    (await findMessages(database, searchOf(userId, query), ALL)).length
  expect(await count('ada', 'room0 here')).toBe(MESSAGES)
  expect(await count('ada', 'room1 elsewhere')).toBe(0)
  await database.execute(sql`update members set role = 'banned' where user_id = 'ada' and room_id = 'room-0'`)
  expect(await count('ada', 'room0 here')).toBe(0)
})

test('messages that were given to another sender are found by that one only', async () => {
  const by = async (from: string) =>
    (await findMessages(database, { ...searchOf('ben', 'room1 elsewhere'), from }, ALL)).length
  expect([await by('ben'), await by('somebody')]).toEqual([MESSAGES, 0])
  await database.transaction(async executor => {
    await renameSender(executor, 'ben', 'somebody')
    await executor.execute(sql`update messages set sender = 'somebody' where sender = 'ben'`)
  })
  expect([await by('ben'), await by('somebody')]).toEqual([0, MESSAGES])
})
