import type { OperationAnswer } from '@trunkline/protocol'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'

/** Signalling is all that is asked. */
const ALONE = { services: ['signalling'], env: { TRUNKLINE_SECRET: 'the-secret-of-these-tests' } }

const register = cleanUpAfterAll()
let server: TestServer
let made = 0

beforeAll(async () => {
  server = await startServer({ ...ALONE, register })
}, 60_000)

const ok = async <T = unknown>(method: string, path: string, body?: unknown, token?: string): Promise<T> => {
  const answer = await rest(server.url, method, path, { body, token })
  expect(answer.status, JSON.stringify(answer.body)).toBeLessThan(300)
  return answer.body
}
const room = async (members: string[], more: object = {}): Promise<string> => {
  const { id } = await ok<{ id: string }>('POST', '/v1/rooms', {
    kind: 'group',
    title: `room ${++made}`,
    members,
    ...more,
  })
  return id
}
const say = (roomId: string, sender: string, text: string, more: object = {}) =>
  ok<{ seq: number }>('POST', `/v1/rooms/${roomId}/messages`, { sender, text, ...more })
const inbox = (token: string, query = '') =>
  ok<OperationAnswer<'inbox:list'>>('GET', `/v1/inbox?${query}`, undefined, token)
const ids = ({ data }: OperationAnswer<'inbox:list'>) => data.map(({ room }) => room.id)

test('rooms by latest activity, with what was last said, counts and the other one', async () => {
  const token = await mintToken(server.url, 'ann', { name: 'Ann' })
  await mintToken(server.url, 'ben', { name: 'Ben' })
  const quiet = await room(['ann', 'ben'])
  const busy = await room(['ann', 'ben'])
  const pair = await room(['ann', 'ben'], { kind: 'direct', title: undefined })
  await room(['ben'])
  expect(ids(await inbox(token))).toEqual([pair, busy, quiet])

  await say(busy, 'ben', 'one', { mentions: ['ann'] })
  await say(pair, 'ben', 'two')
  const { seq } = await say(busy, 'ben', 'three')
  await say(quiet, 'ann', 'my own')
  const list = await inbox(token)
  expect(ids(list)).toEqual([quiet, busy, pair])
  expect(list.data).toMatchObject([
    { unread: 0, mentions: 0, lastMessage: { text: 'my own' } },
    { unread: 2, mentions: 1, lastMessage: { text: 'three', seq }, me: { role: 'publisher' } },
    { unread: 1, peer: { id: 'ben', name: 'Ben' } },
  ])
  expect(list.total).toEqual({ unread: 3, mentions: 1 })
  expect(list.data[1]).not.toHaveProperty('peer')

  // What is taken back neither counts nor shows.
  await ok('DELETE', `/v1/rooms/${busy}/messages/${seq}`, undefined, await mintToken(server.url, 'ben'))
  const after = await inbox(token)
  expect(after.data.find(entry => entry.room.id === busy)).toMatchObject({
    unread: 1,
    lastMessage: { text: 'one' },
  })
})

test('page after page, none twice and none left out', async () => {
  const token = await mintToken(server.url, 'pat')
  const rooms: string[] = []
  for (let n = 0; n < 7; n++) rooms.push(await room(['pat']))
  const invitation = await room(['host'])
  await ok('POST', `/v1/rooms/${invitation}/invitations`, { userIds: ['pat'] })
  const first = await inbox(token, 'limit=3')
  expect(first.pending).toMatchObject([{ room: { id: invitation }, pending: 'invited' }])
  const second = await inbox(token, `limit=3&cursor=${first.nextCursor}`)
  expect(second).not.toHaveProperty('pending')
  expect(second).not.toHaveProperty('total')
  const third = await inbox(token, `limit=3&cursor=${second.nextCursor}`)
  expect([first, second, third].flatMap(ids)).toEqual(rooms.reverse())
  expect(third.nextCursor).toBeUndefined()
})

test('archived rooms have a list of their own', async () => {
  const token = await mintToken(server.url, 'kim')
  const [open, closed] = [await room(['kim', 'lee']), await room(['kim', 'lee'])]
  await say(closed, 'lee', 'the last word')
  await ok('POST', `/v1/rooms/${closed}/archive`)
  const live = await inbox(token)
  expect(ids(live)).toEqual([open])
  expect(live.total).toEqual({ unread: 0, mentions: 0 })
  const archived = await inbox(token, 'archived=true')
  expect(ids(archived)).toEqual([closed])
  expect(archived.total).toEqual({ unread: 1, mentions: 0 })
})

test('a page is not larger than an answer may be', async () => {
  const token = await mintToken(server.url, 'big')
  for (let n = 0; n < 20; n++) await say(await room(['big']), 'big', 'x'.repeat(60_000))
  let page = await inbox(token)
  expect(page.data.length).toBeLessThan(20)
  let seen = ids(page)
  while (page.nextCursor) {
    page = await inbox(token, `cursor=${page.nextCursor}`)
    seen = [...seen, ...ids(page)]
  }
  expect(new Set(seen).size).toBe(20)
})

test('the feed is what was said in all channels one follows, the latest first', async () => {
  const token = await mintToken(server.url, 'fan')
  const channels: string[] = []
  for (let n = 0; n < 3; n++) {
    const id = await room(['writer'], { kind: 'channel', access: 'open' })
    channels.push(id)
    if (n < 2) await ok('POST', `/v1/rooms/${id}/follow`, {}, token)
  }
  const group = await room(['fan', 'writer'])
  await say(group, 'writer', 'not in a channel')
  for (let n = 0; n < 9; n++) await say(channels[n % 3] as string, 'writer', `item ${n}`)
  const pages: OperationAnswer<'feed:list'>[] = []
  let cursor: string | undefined
  do {
    const query = `limit=4${cursor ? `&cursor=${cursor}` : ''}`
    const page = await ok<OperationAnswer<'feed:list'>>('GET', `/v1/feed?${query}`, undefined, token)
    pages.push(page)
    cursor = page.nextCursor
  } while (cursor)
  expect(pages.map(page => page.data.map(message => message.text))).toEqual([
    ['item 7', 'item 6', 'item 4', 'item 3'],
    ['item 1', 'item 0'],
  ])
  await ok('PUT', '/v1/blocks/writer', {}, token)
  expect((await ok<OperationAnswer<'feed:list'>>('GET', '/v1/feed', undefined, token)).data).toEqual([])
})

test('a socket that watches its inbox hears of rooms it has not open, also of those it comes into later', async () => {
  const roomId = await room(['watcher', 'writer'])
  const watcher = await connectSocket(server.url, 'watcher', onTestFinished)
  await watcher.request('inbox:watch', {})
  const { seq } = await say(roomId, 'writer', 'hello')
  await watcher.hear('event:appended', ({ event }) => event.roomId === roomId && event.seq === seq)
  const later = await room(['watcher', 'writer'])
  await watcher.hear('room:entered', notice => notice.roomId === later)
  const there = await say(later, 'writer', 'here too')
  await watcher.hear('event:appended', ({ event }) => event.roomId === later && event.seq === there.seq)
  await ok('DELETE', `/v1/rooms/${later}/members/watcher`)
  await watcher.hear('room:closed', notice => notice.roomId === later)
  const missed = await say(later, 'writer', 'not for you')
  const heard = await say(roomId, 'writer', 'for you')
  await watcher.hear('event:appended', ({ event }) => event.roomId === roomId && event.seq === heard.seq)
  const ofLater = watcher.heard('event:appended').filter(({ event }) => event.roomId === later)
  expect(ofLater.map(({ event }) => event.seq)).not.toContain(missed.seq)
})

test('what is no cursor of ours is refused, whatever it holds', async () => {
  const token = await mintToken(server.url, 'ann')
  const forged = (...fields: unknown[]) => Buffer.from(JSON.stringify(fields)).toString('base64url')
  const cursors = [
    'x',
    forged('0000-01-01T00:00:00Z', 'a'),
    forged('2026-01-01T00:00:00Z', '\0'),
    forged(1, 2),
  ]
  for (const path of ['/v1/inbox', '/v1/feed', '/v1/sync']) {
    for (const cursor of cursors) {
      const { status, body } = await rest(server.url, 'GET', `${path}?cursor=${cursor}`, { token })
      expect({ path, cursor, status, code: body.code }).toMatchObject({
        status: 400,
        code: 'invalid_request',
      })
    }
  }
})
