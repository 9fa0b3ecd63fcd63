import { createHash, randomBytes } from 'node:crypto'
import { Rest, type Room, type RoomPost, Trunkline } from '@trunkline/sdk'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { picture } from './support/files.ts'
import { mintToken } from './support/rest.ts'
import { API_KEY, restartServer, startServer, type TestServer } from './support/server.ts'

const WAIT = { timeout: 30_000, interval: 25 }
const MIB = 1024 * 1024

const register = cleanUpAfterAll()
const services = ['signalling', 'media']
let server: TestServer
beforeAll(async () => {
  const env = { TRUNKLINE_SECRET: 'a-secret-for-the-files-test' }
  server = await startServer({ services, env, register })
})

const connect = async (userId: string): Promise<Trunkline> => {
  const client = new Trunkline({
    url: server.url,
    token: await mintToken(server.url, userId, { name: userId }),
  })
  onTestFinished(() => client.close())
  return client
}

const makeRoom = async (post: RoomPost): Promise<string> => {
  const app = new Rest({ url: server.url, getToken: async () => API_KEY })
  return (await app.operation('room:create', post)).id
}

const blobOf = (bytes: Uint8Array<ArrayBuffer>, type = '') => new Blob([bytes], { type })
const hashOf = async (blob: Blob) =>
  createHash('sha256')
    .update(new Uint8Array(await blob.arrayBuffer()))
    .digest('hex')

/** Fulfilled once so much of an upload has arrived. */
const past = (upload: ReturnType<Room['files']['upload']>, progress: number): Promise<void> =>
  vi.waitFor(() => expect(upload.progress).toBeGreaterThan(progress), WAIT)

test('files of any size arrive as they were sent; the same message shows them to others, ready after a while', async () => {
  const roomId = await makeRoom({ kind: 'group', members: ['ann', 'bob'] })
  const [ann, bob] = await Promise.all([connect('ann'), connect('bob')])
  const [here, there] = await Promise.all([ann.openRoom(roomId), bob.openRoom(roomId)])
  const photo = blobOf(new Uint8Array(picture(700)), 'image/png')
  const large = blobOf(randomBytes(20 * MIB))
  const event = await here.sendFiles(
    [
      { blob: photo, name: 'photo.png', width: 700, height: 700 },
      { blob: large, name: 'scan.bin' },
    ],
    { text: 'both of them', mentions: ['bob'] },
  )
  await vi.waitFor(() => expect(there.message(event.seq)).toBeDefined(), WAIT)
  const { parts = [], text, mentions } = there.message(event.seq) ?? {}
  expect({ text, mentions }).toEqual({ text: 'both of them', mentions: ['bob'] })
  const ids = parts.flatMap(part => ('fileId' in part ? part.fileId : []))
  expect(parts).toMatchObject([
    { mime: 'image/png', name: 'photo.png', size: photo.size, width: 700, height: 700 },
    { name: 'scan.bin', size: 20 * MIB },
    { text: 'both of them' },
  ])
  await vi.waitFor(() => {
    for (const id of ids) expect(there.files.get(id)?.state).toBe('ready')
  }, WAIT)
  const [shown = '', saved = ''] = ids
  const thumbnail = await fetch(there.files.urlOf(shown, 'thumb512') ?? '')
  expect(thumbnail.headers.get('content-type')).toBe('image/webp')
  expect(await hashOf(await there.files.download(saved))).toBe(await hashOf(large))
})

test('an upload pauses and goes on, and a server that dies in its middle does not lose it', async () => {
  const roomId = await makeRoom({ kind: 'group', members: ['cat'] })
  const cat = await connect('cat')
  const room = await cat.openRoom(roomId)
  const blob = blobOf(randomBytes(64 * MIB))
  const upload = room.files.upload(blob, 'scan.bin')
  await past(upload, 0.1)
  upload.pause()
  const { progress } = upload
  expect(upload.state).toBe('paused')
  // Whatever was on its way has arrived by the time something else was asked and answered.
  await cat.users.get('cat')
  expect(upload.progress).toBe(progress)
  upload.resume()
  await past(upload, Math.min(0.5, progress))
  await server.stop('SIGKILL')
  expect(upload.state).toBe('sending')
  server = await restartServer(server, { services, register })
  const file = await upload.done
  expect(upload).toMatchObject({ state: 'done', progress: 1 })
  expect(file).toMatchObject({ name: 'scan.bin', size: 64 * MIB, roomId })
  await vi.waitFor(() => expect(room.files.get(file.id)?.state).toBe('ready'), WAIT)
  expect(await hashOf(await room.files.download(file.id))).toBe(await hashOf(blob))
})

test('what is given up is told so, and what is refused says why', async () => {
  const roomId = await makeRoom({ kind: 'channel', members: ['dan'] })
  const reader = await (await connect('dan')).openRoom(roomId)
  await expect(reader.files.upload(blobOf(randomBytes(MIB)), 'a.bin').done).rejects.toMatchObject({
    code: 'forbidden',
  })
  await expect(reader.sendFiles([{ blob: blobOf(randomBytes(10)), name: 'b.bin' }])).rejects.toMatchObject({
    code: 'forbidden',
  })
  expect(reader.pending).toMatchObject([{ state: 'failed' }])

  const writable = await (await connect('eva')).openRoom(await makeRoom({ kind: 'group', members: ['eva'] }))
  const upload = writable.files.upload(blobOf(randomBytes(40 * MIB)), 'c.bin')
  await past(upload, 0)
  upload.cancel()
  await expect(upload.done).rejects.toThrow('cancelled')
  expect(upload.state).toBe('cancelled')
})

test('a deleted file is gone for everybody who knew it; pictures of people and rooms are told', async () => {
  const roomId = await makeRoom({ kind: 'group', members: ['fay', 'gus'] })
  const fay = await connect('fay')
  const gus = await connect('gus')
  const [here, there] = await Promise.all([fay.openRoom(roomId), gus.openRoom(roomId)])
  const { id } = await here.files.upload(blobOf(new Uint8Array(picture(200))), 'a.png').done
  await there.files.load(id)
  await here.send({ parts: [{ fileId: id }] })
  const { data } = await there.files.list({ kind: ['picture', 'video'] })
  expect(data).toMatchObject([{ fileId: id, name: 'a.png', mime: 'image/png', sender: 'fay' }])
  await here.files.delete(id)
  await vi.waitFor(() => expect(there.files.isGone(id)).toBe(true), WAIT)

  const path = await fay.users.setAvatar('fay', blobOf(new Uint8Array(picture(900)), 'image/png'))
  const answer = await fetch(fay.rest.urlOf(path ?? ''))
  expect(answer.headers.get('content-type')).toBe('image/webp')
  expect((await fay.users.get('fay')).avatar).toBe(path)
  // Heard live, by whoever shares a room and has it open.
  const told: string[] = []
  gus.users.on('changed', user => void told.push(user.name))
  await vi.waitFor(() => expect(there.member('fay')?.user.avatar).toBe(path), WAIT)
  await fay.users.rename('fay', 'Fay Wray')
  await vi.waitFor(() => expect(there.member('fay')?.user.name).toBe('Fay Wray'), WAIT)
  expect(told).toContain('Fay Wray')
  expect(await fay.users.setAvatar('fay', null)).toBeNull()
})
