import { type RoomEvent, TrunklineError } from '@trunkline/protocol'
import { eq } from 'drizzle-orm'
import { beforeAll, expect, test } from 'vitest'
import { randomFrom, seed } from '../../../test/src/support/rounds.ts'
import type { Database } from '../database.ts'
import { events, members, rooms } from '../schema.ts'
import { startTestDatabase, type TestDatabase } from '../testing/log-database.ts'
import { type Entry, EventLog } from './event-log.ts'

const said = (text: string) => ({ parts: [{ mime: 'text/plain', text }] })
const userOf = (id: string) => ({ id, name: id, kind: 'user' as const })

let server: TestDatabase
let database: Database
/** Two nodes on one database. */
let logs: [EventLog, EventLog]
let made = 0

beforeAll(async () => {
  server = await startTestDatabase()
  database = await server.open()
  logs = [new EventLog(database), new EventLog(await server.open())]
}, 60_000)

/** A room of some publishers: the events 1 to n. */
const newRoom = async (...userIds: string[]): Promise<string> => {
  const id = `room-${++made}`
  await server.addRoom(id, userIds)
  await logs[0].transaction(id, async ({ append }) => {
    for (const userId of userIds) {
      await append({ type: 'member.joined', data: { user: userOf(userId), role: 'publisher' } })
    }
  })
  return id
}

const message = (
  roomId: string,
  sender: string,
  clientId?: string,
  right: Entry['right'] = 'write',
): Entry<'message.created'> => ({
  roomId,
  type: 'message.created',
  sender,
  clientId,
  right,
  data: said(clientId ?? ''),
})

const readLog = (roomId: string) =>
  database.select().from(events).where(eq(events.roomId, roomId)).orderBy(events.seq)

const codeOf = (work: Promise<unknown>): Promise<string> =>
  work.then(
    () => 'appended',
    error => (error instanceof TrunklineError ? error.code : String(error)),
  )

test('hundreds of appends at once by two nodes to many rooms, transactions in between: gapless, each once, told in order', async () => {
  const random = randomFrom(seed())
  const roomIds = await Promise.all(Array.from({ length: 12 }, () => newRoom('ann', 'bob')))
  const told = logs.map(log => {
    const heard = new Map<string, number[]>()
    log.onAppend(({ roomId, seq }) => heard.set(roomId, [...(heard.get(roomId) ?? []), seq]))
    return heard
  })
  const answers: { roomId: string; event: RoomEvent }[] = []
  const work = Array.from({ length: 900 }, async (_, n) => {
    const roomId = roomIds[Math.floor(random() ** 2 * roomIds.length)] as string
    const log = logs[n % 2] as EventLog
    if (n % 9 > 0) {
      const { event } = await log.append(message(roomId, n % 4 < 2 ? 'ann' : 'bob', `${n}`))
      answers.push({ roomId, event })
      return
    }
    await log.transaction(roomId, async ({ append, room }) => {
      const first = await append({ type: 'room.updated', data: { changes: { title: `${n}` } } })
      const second = await append({ type: 'message.created', sender: 'ann', data: said(`${n}`) })
      expect([first.event.seq, second.event.seq]).toEqual([room.lastSeq + 1, room.lastSeq + 2])
      answers.push({ roomId, event: first.event }, { roomId, event: second.event })
    })
  })
  await Promise.all(work)

  for (const roomId of roomIds) {
    const log = await readLog(roomId)
    const numbers = log.map(({ seq }) => seq)
    expect(numbers).toEqual(numbers.map((_, at) => at + 1))
    const [room] = await database.select().from(rooms).where(eq(rooms.id, roomId))
    expect(room?.lastSeq).toBe(log.length)
    const times = log.map(({ at }) => at.getTime())
    expect(times).toEqual(times.toSorted((a, b) => a - b))
    const answered = answers.filter(answer => answer.roomId === roomId).map(({ event }) => event.seq)
    expect(answered.toSorted((a, b) => a - b)).toEqual(numbers.slice(2))
    for (const heard of told) {
      const seqs = heard.get(roomId) ?? []
      expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    }
    const byEither = told.flatMap(heard => heard.get(roomId) ?? [])
    expect(byEither.toSorted((a, b) => a - b)).toEqual(numbers.slice(2))
  }
})

test('the same clientId gives the first event: in one batch, later, on another node, from another sender not', async () => {
  const roomId = await newRoom('ann', 'bob')
  const [one, two] = logs
  const same = () => one.append(message(roomId, 'ann', 'c'))
  const together = await Promise.all([same(), same(), one.append(message(roomId, 'bob', 'c')), same()])
  expect(together.map(({ isNew }) => isNew)).toEqual([true, false, true, false])
  expect(together.map(({ event }) => event.seq)).toEqual([3, 3, 4, 3])
  const later = await two.append(message(roomId, 'ann', 'c'))
  expect(later).toEqual({ event: together[0]?.event, isNew: false })
  const inTransaction = await two.transaction(roomId, ({ append }) =>
    append({ type: 'message.created', sender: 'bob', clientId: 'c', data: said('other') }),
  )
  expect(inTransaction).toEqual({ event: together[2]?.event, isNew: false })
  const racing = await Promise.all(
    Array.from({ length: 40 }, (_, n) => (logs[n % 2] as EventLog).append(message(roomId, 'ann', 'race'))),
  )
  expect(racing.filter(({ isNew }) => isNew)).toHaveLength(1)
  expect(await readLog(roomId)).toHaveLength(5)
})

test('who has no right is refused alone, and so is what has no room', async () => {
  const roomId = await newRoom('ann', 'bob', 'cid')
  const archived = await newRoom('ann')
  const [log] = logs
  await log.append({ roomId, type: 'member.changed', data: { userId: 'bob', role: 'member' } })
  await log.append({ roomId, type: 'member.banned', data: { userId: 'cid' } })
  await log.append({ roomId: archived, type: 'room.archived', data: {} })
  const outcomes = await Promise.all(
    [
      message(roomId, 'ann', '1'),
      message(roomId, 'bob', '2'),
      message(roomId, 'cid', '3'),
      message(roomId, 'nobody', '4'),
      message('no-such-room', 'ann', '5'),
      message(archived, 'ann', '6'),
      message(archived, 'ann', '7', 'not-banned'),
      message(roomId, 'cid', '8', 'not-banned'),
      message(roomId, 'nobody', '9', 'not-banned'),
      message(roomId, 'ann', '10'),
    ].map(entry => codeOf(log.append(entry))),
  )
  expect(outcomes).toEqual([
    'appended',
    'forbidden',
    'room_not_found',
    'room_not_found',
    'room_not_found',
    'forbidden',
    'forbidden',
    'forbidden',
    'appended',
    'appended',
  ])
  const numbers = (await readLog(roomId)).map(({ seq }) => seq)
  expect(numbers).toEqual([1, 2, 3, 4, 5, 6, 7, 8])
})

test('what mentions somebody and what does not keep the order in which they came', async () => {
  const random = randomFrom(seed())
  const roomIds = await Promise.all(Array.from({ length: 5 }, () => newRoom('ann', 'bob')))
  const said = new Map(roomIds.map(roomId => [roomId, [] as string[]]))
  const work = Array.from({ length: 400 }, async (_, n) => {
    const roomId = roomIds[Math.floor(random() * roomIds.length)] as string
    const entry = message(roomId, random() < 0.5 ? 'ann' : 'bob', `${n}`)
    if (random() < 0.3) entry.data = { ...entry.data, mentions: ['bob'] }
    said.get(roomId)?.push(`${n}`)
    await logs[0].append(entry)
  })
  await Promise.all(work)
  for (const [roomId, clientIds] of said) {
    expect((await readLog(roomId)).slice(2).map(({ clientId }) => clientId)).toEqual(clientIds)
  }
})

test('what PostgreSQL cannot hold fails alone', async () => {
  const roomId = await newRoom('ann')
  const [log] = logs
  const unfit = { ...message(roomId, 'ann', 'unfit'), data: { ...said('x'), expiresAt: 'never' } }
  const outcomes = await Promise.allSettled([
    log.append(message(roomId, 'ann', 'before')),
    log.append(unfit),
    log.append(message(roomId, 'ann', 'after')),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect((await readLog(roomId)).map(({ clientId }) => clientId)).toEqual([null, 'before', 'after'])
})

test('nothing is said after a ban by whom it is about, on whichever node', async () => {
  for (let round = 0; round < 10; round++) {
    const roomId = await newRoom('ann', 'bob')
    const sends = Array.from({ length: 60 }, (_, n) =>
      codeOf((logs[n % 2] as EventLog).append(message(roomId, n % 3 > 0 ? 'bob' : 'ann', `${n}`))),
    )
    const ban = logs[round % 2]?.append({
      roomId,
      type: 'member.banned',
      sender: 'ann',
      data: { userId: 'bob' },
    })
    const more = Array.from({ length: 60 }, (_, n) =>
      codeOf((logs[n % 2] as EventLog).append(message(roomId, n % 3 > 0 ? 'bob' : 'ann', `late-${n}`))),
    )
    const codes = await Promise.all([...sends, ...more])
    const bannedAt = (await ban)?.event.seq ?? 0
    const log = await readLog(roomId)
    expect(log.filter(({ seq, sender }) => seq > bannedAt && sender === 'bob')).toEqual([])
    expect(new Set(codes)).toEqual(new Set(['appended', 'room_not_found']))
    expect(log).toHaveLength(3 + codes.filter(code => code === 'appended').length)
  }
})

test('a ban that has ended keeps nobody from being spoken for', async () => {
  const roomId = await newRoom('ann', 'bob')
  const until = new Date(Date.now() - 1_000).toISOString()
  await logs[0].append({ roomId, type: 'member.banned', data: { userId: 'bob', until } })
  expect(await codeOf(logs[0].append(message(roomId, 'bob', '1', 'not-banned')))).toBe('appended')
  expect(await codeOf(logs[0].append(message(roomId, 'bob', '2')))).toBe('room_not_found')
})

test('a transaction that fails leaves nothing, tells nothing, and lets the next go on', async () => {
  const roomId = await newRoom('ann')
  const [log] = logs
  const told: RoomEvent[] = []
  const stop = log.onAppend(event => told.push(event))
  const failing = log.transaction(roomId, async ({ append }) => {
    await append({ type: 'member.left', data: { userId: 'ann' } })
    throw new Error('changed my mind')
  })
  const next = log.append(message(roomId, 'ann', '1'))
  await expect(failing).rejects.toThrow('changed my mind')
  expect((await next).event.seq).toBe(2)
  expect(told).toEqual([(await next).event])
  stop()
  await expect(log.transaction('no-such-room', async () => {})).rejects.toMatchObject({
    code: 'room_not_found',
  })
})

test('transactions on rooms that others change in the other order go through, by trying again', async () => {
  const [one, two] = await Promise.all([newRoom('ann'), newRoom('ann')])
  const touch = (log: EventLog, first: string, second: string) =>
    log.transaction(first, async ({ executor, append }) => {
      await append({ type: 'room.updated', data: { changes: { title: 'x' } } })
      await executor.update(rooms).set({ description: 'touched' }).where(eq(rooms.id, second))
    })
  await Promise.all(
    Array.from({ length: 6 }, (_, n) =>
      n % 2 ? touch(logs[0], one as string, two as string) : touch(logs[1], two as string, one as string),
    ),
  )
  for (const roomId of [one, two]) expect(await readLog(roomId as string)).toHaveLength(4)
})

test('more than the database takes is refused, with the time to try again', async () => {
  const roomId = await newRoom('ann')
  const big = 'x'.repeat(60_000)
  const results = await Promise.all(
    Array.from({ length: 1_300 }, async () =>
      codeOf(logs[0].append({ roomId, type: 'message.created', sender: 'ann', data: said(big) })),
    ),
  )
  const refused = results.filter(code => code === 'unavailable').length
  expect(refused).toBeGreaterThan(0)
  expect(results.filter(code => code === 'appended')).toHaveLength(1_300 - refused)
  expect(await codeOf(logs[0].append(message(roomId, 'ann', 'after')))).toBe('appended')
})

test('a page says what retention took of it', async () => {
  const roomId = await newRoom('ann')
  const [log] = logs
  for (let n = 0; n < 5; n++) await log.append(message(roomId, 'ann', `${n}`))
  await database.delete(events).where(eq(events.roomId, roomId))
  await database.update(rooms).set({ firstSeq: 4 }).where(eq(rooms.id, roomId))
  await log.append(message(roomId, 'ann', '5'))
  const page = async (query: { after?: number; before?: number; limit?: number }) =>
    (await log.page({ roomId, limit: 10, ...query })).removed
  expect(await page({ after: 0 })).toEqual({ from: 1, to: 3 })
  expect(await page({ after: 2 })).toEqual({ from: 3, to: 3 })
  expect(await page({ after: 3 })).toBeUndefined()
  expect(await page({})).toEqual({ from: 1, to: 3 })
  expect(await page({ before: 3 })).toEqual({ from: 1, to: 2 })
  expect(await page({ before: 1 })).toBeUndefined()
})

test('a member is what the last event made of them', async () => {
  const roomId = await newRoom('ann')
  await logs[0].append({ roomId, type: 'member.banned', data: { userId: 'ann', reason: 'noise' } })
  const row = async () => (await database.select().from(members).where(eq(members.roomId, roomId)))[0]
  expect(await row()).toMatchObject({ role: 'banned', banReason: 'noise', pending: null })
  await logs[0].append({ roomId, type: 'member.unbanned', data: { userId: 'ann' } })
  expect(await row()).toBeUndefined()
})
