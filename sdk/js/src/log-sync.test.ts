import type { OpenedRoom, RoomEvent } from '@trunkline/protocol'
import { expect, test, vi } from 'vitest'
import { LogSync, type LogSyncPort } from './log-sync.ts'

const event = (seq: number): RoomEvent => ({
  roomId: 'r',
  seq,
  at: '2026-01-01T00:00:00.000Z',
  type: 'member.left',
  data: { userId: 'u' },
})
const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => event(from + i))
const opened = (events: RoomEvent[], lastSeq: number, hasMore = false) =>
  ({ events, hasMore, room: { lastSeq } }) as OpenedRoom

/** A log that answers as the server does. */
const serverOf = (length: number) => {
  const server = { length, asked: [] as object[], fail: false }
  const sync: LogSyncPort['sync'] = async request => {
    server.asked.push(request)
    if (server.fail) throw new Error('gone')
    const { after, before, limit = 50 } = request
    const all = range(1, server.length)
    if (after !== undefined) {
      const rest = all.filter(({ seq }) => seq > after)
      return { events: rest.slice(0, limit), hasMore: rest.length > limit }
    }
    const rest = all.filter(({ seq }) => before === undefined || seq < before)
    return { events: rest.slice(-limit), hasMore: rest.length > limit }
  }
  return { server, sync }
}

const logOn = (length: number) => {
  const { server, sync } = serverOf(length)
  const seen: number[] = []
  const started: number[][] = []
  const log = new LogSync({
    sync,
    appended: it => seen.push(...it.map(({ seq }) => seq)),
    started: it => started.push(it.map(({ seq }) => seq)),
    prepended: () => undefined,
  })
  return { server, log, seen, started }
}

test('a jump in seq is filled from the server and heard once, in order', async () => {
  const { server, log, seen } = logOn(10)
  log.opened(opened(range(1, 3), 3), undefined)
  log.append([event(4), event(10)])
  await vi.waitFor(() => expect(seen).toEqual([4, 5, 6, 7, 8, 9, 10]))
  expect(server.asked).toEqual([{ after: 4, limit: 200 }])
})

test('a failed question is asked again when the next event shows the same gap', async () => {
  const { server, log, seen } = logOn(6)
  log.opened(opened(range(1, 3), 3), undefined)
  server.fail = true
  log.append([event(5)])
  await vi.waitFor(() => expect(server.asked).toHaveLength(1))
  await new Promise(setImmediate)
  expect(seen).toEqual([])
  server.fail = false
  log.append([event(6)])
  await vi.waitFor(() => expect(seen).toEqual([4, 5, 6]))
})

test('after a reconnect, page after page until all is there', async () => {
  const { log, seen } = logOn(600)
  log.opened(opened(range(1, 3), 3), undefined)
  log.opened(opened(range(4, 53), 600, true), 3)
  await vi.waitFor(() => expect(log.last).toBe(600))
  expect(seen).toEqual(range(4, 600).map(({ seq }) => seq))
})

test('after a long absence, the latest page and the rest on demand', async () => {
  const { log, seen } = logOn(5_000)
  log.opened(opened(range(1, 3), 3), undefined)
  log.opened(opened(range(4, 53), 5_000, true), 3)
  await vi.waitFor(() => expect(log.last).toBe(5_000))
  expect(seen).toEqual([])
  expect(log.hasEarlier).toBe(true)
  expect((await log.loadEarlier()).map(({ seq }) => seq)).toEqual(range(4_901, 4_950).map(({ seq }) => seq))
  expect(log.events[0]?.seq).toBe(4_901)
})

test('a gap that shows while another question is under way is asked for too', async () => {
  const { server, log, seen } = logOn(6)
  log.opened(opened(range(1, 3), 3), undefined)
  log.append([event(5)])
  // The answer is on its way, and knows nothing of 7 and 8; of these, 7 is lost.
  server.length = 8
  log.append([event(8)])
  await vi.waitFor(() => expect(seen).toEqual([4, 5, 6, 7, 8]))
  expect(server.asked).toEqual([
    { after: 3, limit: 200 },
    { after: 6, limit: 200 },
  ])
})

test('what retention took while we were away is said, and what is left begins anew', async () => {
  const { log, seen, started } = logOn(30)
  log.opened(opened(range(1, 3), 3), undefined)
  log.opened({ ...opened(range(21, 25), 30, true), removed: { from: 4, to: 20 } }, 3)
  await vi.waitFor(() => expect(log.last).toBe(30))
  expect(log.removed).toEqual({ from: 4, to: 20 })
  expect(log.hasEarlier).toBe(false)
  expect(log.first).toBe(21)
  expect(started).toEqual([[1, 2, 3], []])
  expect(seen).toEqual(range(21, 30).map(({ seq }) => seq))
})

test('a log that is shorter than it was is another one', async () => {
  const { server, log, started } = logOn(10)
  log.opened(opened(range(1, 10), 10), undefined)
  server.length = 4
  log.opened(opened([], 4), 10)
  await vi.waitFor(() => expect(log.last).toBe(4))
  expect(started.at(-1)).toEqual([1, 2, 3, 4])
})

test('events that came before the first page are told of after it', () => {
  const { log, seen, started } = logOn(5)
  log.append([event(4), event(5)])
  log.opened(opened(range(1, 4), 4), undefined)
  expect(started).toEqual([[1, 2, 3, 4]])
  expect(seen).toEqual([5])
})
