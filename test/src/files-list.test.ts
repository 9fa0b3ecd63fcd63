import type { RoomFile } from '@trunkline/protocol'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { picture, settled, upload } from './support/files.ts'
import { ok } from './support/lively-room.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage
let here: string
let there: string

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'cid'], { services: ['signalling', 'media'] })
  here = await stage.room('ann', { members: ['bob'] })
  there = await stage.room('bob', { members: ['cid'] })
}, 90_000)

const share = async (who: string, name: string, bytes: string | Buffer<ArrayBuffer>, room = here) =>
  (await upload(stage.url(), stage.token(who), room, name, bytes)).id
const say = (who: string, ids: string[], more = {}) =>
  stage.say(who, here, '', { text: undefined, parts: ids.map(fileId => ({ fileId })) as never, ...more })
const list = (query = {}, who = 'ann', roomId = here) =>
  stage.overRest(who, 'file:list', { roomId, ...query })
const idsOf = ({ data }: { data: RoomFile[] }) => data.map(file => file.fileId)
const message = (seq: number, who = 'ann') => stage.overRest(who, 'message:get', { roomId: here, seq })

const PDF = '%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n'

test('what a message says of a file is what the server knows, not what its sender says', async () => {
  const photo = await share('ann', 'photo.png', picture(64))
  await settled(stage.url(), stage.token('ann'), photo)
  const lie = { fileId: photo, mime: 'audio/mpeg', name: 'song.mp3', size: 1, width: 7, durationMs: 9 }
  const truth = { fileId: photo, mime: 'image/png', name: 'photo.png', width: 64, height: 64 }
  const send = (part: object) =>
    stage.socket('ann').request('message:send', {
      roomId: here,
      clientId: 'the-same',
      parts: [part as never, { mime: 'text/plain', text: 'Look' }],
    })
  const { event } = await send({ ...lie, voice: true })
  const { parts } = await message(event.seq)
  expect(parts[0]).toMatchObject(truth)
  expect(parts[0]).not.toHaveProperty('voice')
  expect(parts[0]).not.toHaveProperty('durationMs')
  expect(parts[0]).toHaveProperty('size', expect.any(Number))
  expect(parts[1]).toEqual({ mime: 'text/plain', text: 'Look' })
  // Said again, with less of it: the same message.
  expect((await send({ fileId: photo })).event.seq).toBe(event.seq)
  await expect(send({ fileId: await share('ann', 'b.png', picture(8)) })).rejects.toThrow('conflict')
  const later = {
    roomId: here,
    clientId: 'for-later',
    sendAt: new Date(Date.now() + 3_600_000).toISOString(),
  }
  const waiting = await stage.overRest('ann', 'message:schedule', { ...later, parts: [lie] })
  expect(waiting.parts[0]).toMatchObject(truth)
  expect((await stage.overRest('ann', 'message:schedule', { ...later, parts: [{ fileId: photo }] })).id).toBe(
    waiting.id,
  )
  await stage.overRest('ann', 'message:edit', { roomId: here, seq: event.seq, parts: [lie] })
  expect((await message(event.seq)).parts[0]).toMatchObject(truth)
  await stage.overRest('ann', 'message:delete', { roomId: here, seq: event.seq })
}, 60_000)

test('a room lists its files: the latest first, by kind, page by page, each once', async () => {
  const [a, b, c] = [picture(20), picture(21), picture(22)].map((bytes, n) => share('ann', `${n}.png`, bytes))
  const pictures = await Promise.all([a, b, c].map(async id => (await id) ?? ''))
  const text = await share('bob', 'notes.txt', 'nothing that could be shown')
  const paper = await share('bob', 'paper.pdf', PDF)
  const first = await say('ann', pictures.slice(0, 2))
  const second = await say('bob', [text, paper])
  const answer = await say('ann', pictures.slice(2), { threadOf: first })
  const all = [pictures[2], text, paper, pictures[0], pictures[1]]
  const whole = await list()
  expect(idsOf(whole)).toEqual(all)
  expect(whole).not.toHaveProperty('nextCursor')
  expect(whole.data[0]).toMatchObject({ kind: 'picture', seq: answer, sender: 'ann', threadOf: first })
  expect(whole.data[2]).toMatchObject({ name: 'paper.pdf', mime: 'application/pdf', seq: second })
  // Thumbnails are being made meanwhile: each answer may know of one more.
  await vi.waitFor(
    async () => expect(await stage.overSocket('bob', 'file:list', { roomId: here })).toEqual(await list()),
    { timeout: 30_000, interval: 250 },
  )

  const paged: string[] = []
  let cursor: string | undefined
  do {
    const page = await list({ limit: 2, ...(cursor && { cursor }) }, 'bob')
    expect(page.data.length).toBeLessThanOrEqual(2)
    paged.push(...idsOf(page))
    cursor = page.nextCursor
  } while (cursor)
  expect(paged).toEqual(all)
  expect(idsOf(await list({ kind: ['picture'] }))).toEqual([pictures[2], pictures[0], pictures[1]])
  expect(idsOf(await list({ kind: ['video', 'audio'] }))).toEqual([])
  // Nothing can be made of this PDF: it is no document to anybody once that is known.
  await settled(stage.url(), stage.token('bob'), paper)
  await expect.poll(async () => idsOf(await list({ kind: ['other', 'document'] }))).toEqual([text, paper])
  expect(await refusalOf(list({ cursor: 'WyJ4Il0' }))).toBe('invalid_request')
  expect(await refusalOf(list({ limit: 51 }))).toBe('invalid_request')

  // Named again it is where it was named last, and goes back when that message goes.
  const again = await say('bob', [pictures[0] ?? ''])
  expect((await list()).data.map(({ fileId, seq }) => [fileId, seq])[0]).toEqual([pictures[0], again])
  expect(idsOf(await list())).toHaveLength(5)
  await stage.overRest('bob', 'message:delete', { roomId: here, seq: again })
  expect(idsOf(await list())).toEqual(all)
  await ok(stage.url(), 'DELETE', `/v1/files/${text}`, { token: stage.token('bob') })
  await stage.overRest('ann', 'message:delete', { roomId: here, seq: first })
  await expect.poll(async () => idsOf(await list())).toEqual([pictures[2], paper])
}, 60_000)

test('only to those who may read the room; what was forwarded is listed where it went', async () => {
  expect(await refusalOf(list({}, 'cid'))).toBe('room_not_found')
  const photo = await share('ann', 'passed on.png', picture(30))
  const seq = await say('ann', [photo], { ttlSeconds: 5 })
  await stage.overRest('bob', 'message:forward', { roomId: here, seq, toRoomId: there })
  expect((await list({}, 'cid', there)).data).toMatchObject([{ fileId: photo, name: 'passed on.png' }])
  expect(idsOf(await list())).toContain(photo)
  await expect.poll(async () => idsOf(await list()), { timeout: 20_000 }).not.toContain(photo)
  await stage.asServer('member:ban', { roomId: there, userId: 'cid' })
  onTestFinished(async () => {
    await stage.asServer('member:unban', { roomId: there, userId: 'cid' })
  })
  expect(await refusalOf(list({}, 'cid', there))).toBe('room_not_found')
}, 60_000)
