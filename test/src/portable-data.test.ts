import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { PortableLine } from '@trunkline/protocol'
import { beforeAll, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { inDatabaseOf } from './support/database.ts'
import { lookUp } from './support/files.ts'
import { contentOf, doneOf, endOf, exported, sendImport } from './support/jobs.ts'
import { bytesOf, download, type LivelyRoom, livelyRoom, logOf, ok } from './support/lively-room.ts'
import { subscriptionAt } from './support/push-services.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let here: TestServer
let there: TestServer
let room: LivelyRoom
let content: string

const linesOf = (text: string): PortableLine[] =>
  text
    .trimEnd()
    .split('\n')
    .map(line => PortableLine.parse(JSON.parse(line)))

/** What a room looks like to whoever asks about it, but for what names the installation. */
const viewOf = async (url: string, roomId: string) => {
  const path = `/v1/rooms/${roomId}`
  const all = [
    '',
    '/messages',
    '/members',
    '/bans',
    '/nodes',
    '/nodes/x-temperature',
    '/pins',
    '/messages/7/thread',
  ]
  const views = await Promise.all(all.map(async part => [part, await rest(url, 'GET', path + part)] as const))
  const scheduled = await rest(url, 'GET', `${path}/scheduled-messages?sender=carol`)
  const inbox = await rest(url, 'GET', '/v1/inbox?sender=bob')
  const entry = inbox.body.data.find((entry: { room: { id: string } }) => entry.room.id === roomId)
  return {
    ...Object.fromEntries(views.map(([part, { status, body }]) => [part, { status, body }])),
    scheduled: scheduled.body,
    entry,
  }
}

beforeAll(async () => {
  const options = {
    services: ['signalling', 'media'],
    env: { TRUNKLINE_SECRET: 'a-secret-for-portable-data' },
    register,
  }
  ;[here, there] = await Promise.all([startServer(options), startServer(options)])
  room = await livelyRoom(here.url, 'ward-7')
  content = await exported(here.url, { roomId: room.id })
}, 120_000)

test('an export says all there is, in lines of the documented form', () => {
  const lines = linesOf(content)
  const count = (type: string) => lines.filter(line => line.type === type).length
  expect(lines[0]).toMatchObject({
    type: 'header',
    format: 'trunkline',
    version: 1,
    kind: 'room',
    id: 'ward-7',
  })
  expect(lines.at(-1)).toMatchObject({ type: 'end', counts: { header: 1, room: 1, file: 2, scheduled: 1 } })
  expect(count('user')).toBe(5)
  expect(count('member')).toBe(4)
  // 700,000 bytes in pieces, and a small one.
  expect(count('fileBytes')).toBe(5)
  expect(content).not.toContain('a rude word')
})

test('imported into another installation, the room is the same: log, what follows from it, and files', async () => {
  await ok(there.url, 'PATCH', '/v1/users/bob', { body: { name: 'Bob Who Is Here Already' } })
  const { status, body } = await sendImport(there.url, content)
  expect([status, body.kind]).toEqual([201, 'import'])
  const job = await doneOf(there.url, body.id)
  expect(job.done).toBe(job.total)
  expect(await logOf(there.url, room.id)).toEqual(await logOf(here.url, room.id))
  const [before, after] = [await viewOf(here.url, room.id), await viewOf(there.url, room.id)]
  // Whose name is known here keeps it.
  const renamed = JSON.parse(JSON.stringify(before).replaceAll('"Bob Hope"', '"Bob Who Is Here Already"'))
  expect(after).toEqual(renamed)
  expect(await download(there.url, 'carol', room.fileIds[0] ?? '')).toEqual(
    new Uint8Array(bytesOf('notes', 700_000)),
  )
  expect(await download(there.url, 'carol', room.fileIds[1] ?? '')).toEqual(
    new Uint8Array(Buffer.from('hello')),
  )
  expect(await download(there.url, 'dan', room.fileIds[0] ?? '')).toBe(404)
  // What is made of the files is made anew, and what the log says of that already is not said again.
  const untold = () =>
    inDatabaseOf(there, async pool => (await pool.query('select id from files where not is_told')).rows)
  await expect.poll(untold, { timeout: 30_000 }).toEqual([])
  expect(await logOf(there.url, room.id)).toEqual(await logOf(here.url, room.id))
  // It lives on where it came to.
  const said = await ok(there.url, 'POST', `/v1/rooms/${room.id}/messages`, {
    body: { sender: 'bob', text: 'here now' },
  })
  expect(said.seq).toBe((await logOf(here.url, room.id)).length + 1)
  const found = async () => (await ok(there.url, 'GET', '/v1/search?sender=bob&query=thread')).data
  await expect.poll(found, { timeout: 30_000 }).toHaveLength(1)
}, 60_000)

test('nothing is imported over a room that is there', async () => {
  const { body } = await sendImport(here.url, content)
  const job = await endOf(here.url, body.id)
  expect(job).toMatchObject({ state: 'failed' })
  expect(job.detail).toContain('There is a room "ward-7" here already')
  // And the files of the one that is there stay.
  expect(await download(here.url, 'carol', room.fileIds[0] ?? '')).toHaveLength(700_000)
})

test('the content comes in ranges, to who asked and to keys alone', async () => {
  const ada = await mintToken(here.url, 'ada')
  const { body } = await rest(here.url, 'POST', '/v1/exports', { token: ada, body: { roomId: room.id } })
  const job = await doneOf(here.url, body.id)
  expect(Date.parse(job.expiresAt ?? '') - Date.now()).toBeGreaterThan(23 * 3_600_000)
  const whole = await (await contentOf(here.url, body.id, { token: ada })).text()
  // What others wrote and have not said yet is not an owner's to read.
  expect(linesOf(whole).some(line => line.type === 'scheduled')).toBe(false)
  const part = await contentOf(here.url, body.id, { token: ada, range: 'bytes=10-19' })
  expect([part.status, await part.text()]).toEqual([206, whole.slice(10, 20)])
  const rest_ = await contentOf(here.url, body.id, { token: ada, range: `bytes=${whole.length - 5}-` })
  expect(rest_.headers.get('content-range')).toMatch(/^bytes \d+-\d+\/\d+$/)
  expect((await contentOf(here.url, body.id, { token: ada, range: 'bytes=99999999-' })).status).toBe(416)
  const bob = await mintToken(here.url, 'bob')
  expect((await contentOf(here.url, body.id, { token: bob })).status).toBe(404)
  expect((await rest(here.url, 'GET', `/v1/jobs/${body.id}`, { token: bob })).status).toBe(404)
  expect(
    (await rest(here.url, 'POST', '/v1/exports', { token: bob, body: { roomId: room.id } })).status,
  ).toBe(403)
  expect((await rest(here.url, 'POST', '/v1/exports', { token: bob, body: { userId: 'ada' } })).status).toBe(
    403,
  )
})

test("a user's own export has what is theirs, and nothing that others said", async () => {
  const token = await mintToken(here.url, 'bob')
  const subscription = subscriptionAt('https://push.example.invalid/of-bob')
  const target = { kind: 'web', subscription }
  const device = await ok(here.url, 'POST', '/v1/devices', {
    body: { sender: 'bob', target, name: 'Phone', locale: 'de' },
  })
  const quietHours = { start: '22:00', end: '07:00', timeZone: 'Europe/Berlin', after: 'hold' }
  await ok(here.url, 'PATCH', '/v1/notifications', { body: { sender: 'bob', quietHours } })
  await ok(here.url, 'PUT', `/v1/rooms/${room.id}/notifications`, { body: { sender: 'bob', level: 'none' } })
  const { body } = await rest(here.url, 'POST', '/v1/exports', { token, body: { userId: 'bob' } })
  await doneOf(here.url, body.id)
  const text = await (await contentOf(here.url, body.id, { token })).text()
  const lines = linesOf(text)
  expect(lines.find(line => line.type === 'profile')).toMatchObject({ id: 'bob', name: 'Bob Hope' })
  expect(lines.find(line => line.type === 'membership')).toMatchObject({
    room: { id: room.id },
    role: 'publisher',
  })
  expect(lines.filter(line => line.type === 'file')).toHaveLength(1)
  expect(lines.filter(line => line.type === 'device')).toMatchObject([
    { id: device.id, kind: 'web', name: 'Phone', locale: 'de', content: 'full' },
  ])
  // Who knows where it is reached can write to it.
  for (const secret of ['push.example.invalid', ...Object.values(subscription.keys)])
    expect(text).not.toContain(secret)
  expect(lines.filter(line => line.type === 'notifications')).toEqual([
    { type: 'notifications', quietHours, whenAway: null, digestMinutes: null },
  ])
  expect(lines.filter(line => line.type === 'roomNotification')).toEqual([
    { type: 'roomNotification', roomId: room.id, level: 'none', until: null },
  ])
  const events = lines.flatMap(line => (line.type === 'event' ? line.event : []))
  expect(new Set(events.map(event => event.sender))).toEqual(new Set(['bob']))
  expect(events.map(event => event.type)).toEqual(
    expect.arrayContaining(['message.created', 'message.edited', 'reaction.added', 'node.published']),
  )
  for (const others of ['good morning"', 'in a thread', 'tschüß', 'on call', 'Ada Lovelace'])
    expect(text).not.toContain(others)
  const refused = await sendImport(there.url, text)
  expect((await endOf(there.url, refused.body.id)).detail).toContain("user's own export")
})

test('files go with the room they belong to', async () => {
  const objects = () =>
    readdirSync(`${here.dataFolder}/files`, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => join(entry.parentPath, entry.name))
      .sort()
  const before = objects()
  const other = await livelyRoom(here.url, 'ward-8')
  const token = await mintToken(here.url, 'ada')
  expect(await lookUp(here.url, token, ...other.fileIds)).toHaveLength(2)
  expect(objects().length).toBeGreaterThanOrEqual(before.length + 2)
  await ok(here.url, 'DELETE', '/v1/rooms/ward-8?sender=ada')
  await expect.poll(objects, { timeout: 15_000 }).toEqual(before)
}, 60_000)
