import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHttpApp } from '@trunkline/kit'
import { type AvatarOwner, LIMITS, TrunklineError } from '@trunkline/protocol'
import type pg from 'pg'
import sharp from 'sharp'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type MediaDatabase, openMediaDatabase } from '../database.ts'
import { createPictures, type Pictures } from '../pictures/pictures.ts'
import { openDiskStore } from '../store/disk.ts'
import type { ObjectStore } from '../store/store.ts'
import { problemOf, quiet, startDatabase, TestRooms } from '../testing/platform.ts'
import { phonePhoto, picture, pngHeader } from '../testing/samples.ts'
import { type Avatars, createAvatars } from './avatars.ts'

/** A desk that can refuse, or answer nothing, after it has set an avatar or before. */
class FaultyRooms extends TestRooms {
  fault: { error: TrunklineError; isSet: boolean } | undefined

  override async setAvatar(token: string, owner: AvatarOwner, avatar: string | null) {
    if (this.fault && !this.fault.isSet) throw this.fault.error
    const answer = await super.setAvatar(token, owner, avatar)
    if (this.fault) throw this.fault.error
    return answer
  }
}

let pool: pg.Pool
let db: MediaDatabase
let objects: ObjectStore
let pictures: Pictures
let avatars: Avatars
let rooms: FaultyRooms
let url = ''
let folder = ''
let photo: Buffer
const closing: (() => unknown)[] = []

beforeAll(async () => {
  const database = await startDatabase()
  closing.push(database.close)
  pool = database.pool
  db = await openMediaDatabase(pool)
  folder = await mkdtemp(join(tmpdir(), 'trunkline-avatars-'))
  closing.push(() => rm(folder, { recursive: true, force: true }))
  objects = await openDiskStore(folder)
  pictures = createPictures({ logger: quiet, folder })
  closing.push(() => pictures.close())
  rooms = new FaultyRooms()
  avatars = createAvatars({
    logger: quiet,
    db,
    objects,
    desk: rooms,
    folder: join(folder, 'avatars'),
    picture: path => pictures.avatar(path),
  })
  const { app, finish } = createHttpApp(quiet)
  app.use(avatars.router)
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  closing.push(() => {
    server.close()
    server.closeAllConnections()
  })
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  rooms.set('lobby', 'olga', 'owner')
  rooms.set('lobby', 'mona', 'member')
  photo = await picture('jpeg', 900, 600)
}, 60_000)
afterAll(async () => {
  for (const close of closing.reverse()) await close()
})
beforeEach(async () => {
  rooms.fault = undefined
  rooms.avatars.clear()
  await pool.query('delete from avatars')
  for await (const { key } of objects.list('avatars/')) await objects.delete(key)
})

const ROOM = '/v1/rooms/lobby/avatar'
const OLGA = '/v1/users/olga/avatar'
const send = (user: string, path: string, body: Buffer, method = 'PUT') =>
  fetch(url + path, {
    method,
    headers: { authorization: `Bearer token-of-${user}` },
    ...(method === 'PUT' && { body: new Uint8Array(body) }),
  })
const set = async (user: string, path: string, body = photo): Promise<string> => {
  const response = await send(user, path, body)
  const answer = (await response.json()) as { avatar: string }
  expect([response.status, answer]).toEqual([
    200,
    { avatar: expect.stringMatching(/^\/avatars\/[0-9a-f]{32}$/) },
  ])
  return answer.avatar
}
const stored = async (): Promise<string[]> => {
  const keys: string[] = []
  for await (const { key } of objects.list('avatars/')) keys.push(`/${key}`)
  return keys.sort()
}
const rows = async (): Promise<number> => (await pool.query('select id from avatars')).rows.length
/** Makes everything look as if it had been made long ago. */
const age = () => pool.query(`update avatars set created_at = now() - interval '1 hour'`)

describe('an avatar', () => {
  it('of a room or a user is a picture anybody sees who has its address', async () => {
    for (const [path, owner] of [
      [ROOM, 'room/lobby'],
      [OLGA, 'user/olga'],
    ] as const) {
      const avatar = await set('olga', path)
      expect(rooms.avatars.get(owner)).toBe(avatar)
      const response = await fetch(url + avatar)
      expect(response.status).toBe(200)
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'image/webp',
        'cache-control': 'public, max-age=31536000, immutable',
        'x-content-type-options': 'nosniff',
        'content-security-policy': "sandbox; default-src 'none'",
        'cross-origin-resource-policy': 'cross-origin',
      })
      const bytes = Buffer.from(await response.arrayBuffer())
      expect(bytes.byteLength).toBe(Number(response.headers.get('content-length')))
      expect(await sharp(bytes).metadata()).toMatchObject({ format: 'webp', width: 512, height: 512 })
      const etag = response.headers.get('etag') ?? ''
      const again = await fetch(url + avatar, { headers: { 'if-none-match': etag } })
      expect([again.status, await again.text()]).toEqual([304, ''])
      const head = await fetch(url + avatar, { method: 'HEAD' })
      expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([
        200,
        String(bytes.byteLength),
        '',
      ])
    }
  })

  it('tells nothing of the camera or the place', async () => {
    const avatar = await set('olga', OLGA, await phonePhoto(800, 600))
    const bytes = Buffer.from(await (await fetch(url + avatar)).arrayBuffer())
    expect(bytes.includes('SecretCamera')).toBe(false)
    expect((await sharp(bytes).metadata()).exif).toBeUndefined()
  })

  it('takes the place of the one before, of which nothing is left', async () => {
    const first = await set('olga', ROOM)
    const second = await set('olga', ROOM)
    expect(second).not.toBe(first)
    expect(await stored()).toEqual([second])
    expect(await rows()).toBe(1)
    expect((await problemOf(await fetch(url + first))).code).toBe('not_found')
  })

  it('is taken away', async () => {
    const avatar = await set('olga', ROOM)
    const others = await set('olga', OLGA)
    const response = await send('olga', ROOM, photo, 'DELETE')
    expect([response.status, await response.json()]).toEqual([200, { avatar: null }])
    expect(rooms.avatars.get('room/lobby')).toBeUndefined()
    expect(await stored()).toEqual([others])
    expect((await fetch(url + avatar)).status).toBe(404)
    // Again, and where there is none: the same.
    expect((await send('olga', ROOM, photo, 'DELETE')).status).toBe(200)
  })

  it('may have been a picture elsewhere', async () => {
    rooms.avatars.set('room/lobby', 'https://pictures.example/avatars/0123456789abcdef0123456789abcdef')
    const avatar = await set('olga', ROOM)
    expect(await stored()).toEqual([avatar])
  })

  it('of somebody who is not there any more is taken away', async () => {
    await set('olga', ROOM)
    const room = await set('olga', OLGA)
    await avatars.removeOf({ userId: 'olga' })
    expect(await stored()).not.toContain(room)
    expect(await stored()).toHaveLength(1)
  })

  it.each(['x', '0'.repeat(31), '0'.repeat(32), `${'0'.repeat(32)}x`, '..%2f..%2ffiles', '%00', '__proto__'])(
    'is not found under the id %s',
    async id => {
      expect((await problemOf(await fetch(`${url}/avatars/${id}`))).code).toBe('not_found')
    },
  )
})

describe('what is refused', () => {
  it('who may not, before anything is read', async () => {
    const codeOf = async (user: string, path: string, method = 'PUT') =>
      (await problemOf(await send(user, path, photo, method))).code
    for (const method of ['PUT', 'DELETE']) {
      expect(await codeOf('mona', ROOM, method)).toBe('forbidden')
      expect(await codeOf('zoe', ROOM, method)).toBe('room_not_found')
      expect(await codeOf('mona', OLGA, method)).toBe('forbidden')
      expect((await problemOf(await fetch(url + ROOM, { method }))).code).toBe('token_missing')
    }
    expect(await rows()).toBe(0)
    expect(await stored()).toEqual([])
  })

  it('what is no picture, or one that cannot be shown, with a sentence', async () => {
    for (const body of [
      Buffer.from('text'),
      Buffer.alloc(0),
      randomBytes(1_000),
      Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'),
      pngHeader(60_000, 60_000),
      photo.subarray(0, 200),
    ]) {
      const problem = await problemOf(await send('olga', ROOM, body))
      expect([problem.status, problem.code]).toEqual([415, 'unsupported_media_type'])
      expect(problem.detail).toMatch(/^[A-Z].*\.$/)
    }
    expect(await rows()).toBe(0)
    expect(await readdir(join(folder, 'avatars'))).toEqual([])
  })

  it('a picture in a form, as curl -F sends it', async () => {
    const form = new FormData()
    form.set('file', new Blob([new Uint8Array(photo)], { type: 'image/png' }), 'me.png')
    const headers = { authorization: 'Bearer token-of-olga' }
    const problem = await problemOf(await fetch(url + ROOM, { method: 'PUT', headers, body: form }))
    expect(problem.code).toBe('unsupported_media_type')
    expect(problem.detail).toMatch(/^Send the bytes of the file themselves, /)
    expect(await rows()).toBe(0)
  })

  it('what is too large, announced or not', async () => {
    const announced = await problemOf(await send('olga', ROOM, Buffer.alloc(LIMITS.avatarBytes + 1)))
    expect(announced).toMatchObject({ code: 'too_large', limit: LIMITS.avatarBytes })
    const status = await new Promise(resolve => {
      const headers = { authorization: 'Bearer token-of-olga' }
      const asked = request(url + ROOM, { method: 'PUT', headers }, response => {
        response.resume()
        resolve(response.statusCode)
      })
      asked.on('error', resolve)
      asked.write(Buffer.alloc(LIMITS.avatarBytes))
      asked.end(Buffer.alloc(1))
    })
    expect(status).toBe(413)
    expect(await readdir(join(folder, 'avatars'))).toEqual([])
  })

  it('leaves nothing of a client that goes in the middle', async () => {
    const headers = { authorization: 'Bearer token-of-olga', 'content-length': '1000' }
    const asked = request(url + ROOM, { method: 'PUT', headers })
    asked.on('error', () => undefined)
    asked.write(photo.subarray(0, 500))
    await expect.poll(() => readdir(join(folder, 'avatars'))).toHaveLength(1)
    asked.destroy()
    await expect.poll(() => readdir(join(folder, 'avatars'))).toEqual([])
    expect(await rows()).toBe(0)
  })
})

describe('when signalling does not set it', () => {
  it('because it refuses, nothing is left, and the one before stays', async () => {
    const before = await set('olga', ROOM)
    rooms.fault = { error: new TrunklineError('forbidden', 'Not any more.'), isSet: false }
    expect((await problemOf(await send('olga', ROOM, photo))).code).toBe('forbidden')
    expect(await stored()).toEqual([before])
    expect(await rows()).toBe(1)
  })

  it.each([true, false])(
    'or nobody knows (set: %s), what somebody may have stays until the next',
    async isSet => {
      const before = await set('olga', ROOM)
      rooms.fault = { error: new TrunklineError('unavailable', 'No answer.'), isSet }
      expect((await problemOf(await send('olga', ROOM, photo))).code).toBe('unavailable')
      expect(await stored()).toHaveLength(2)
      await age()
      await avatars.sweep()
      expect(await stored()).toHaveLength(2)
      expect((await fetch(url + (rooms.avatars.get('room/lobby') ?? ''))).status).toBe(200)
      expect(isSet).toBe(rooms.avatars.get('room/lobby') !== before)
      rooms.fault = undefined
      const avatar = await set('olga', ROOM)
      expect(await stored()).toEqual([avatar])
      expect(await rows()).toBe(1)
    },
  )
})

describe('what a crash left', () => {
  it('on its way in is swept away once it is old', async () => {
    const id = randomBytes(16).toString('hex')
    await pool.query(`insert into avatars (id, owner) values ($1, 'user/olga')`, [id])
    await objects.put(`avatars/${id}`, photo)
    await avatars.sweep()
    expect(await stored()).toHaveLength(1)
    await age()
    await avatars.sweep()
    expect(await stored()).toEqual([])
    expect(await rows()).toBe(0)
  })

  it('is not what somebody has', async () => {
    const avatar = await set('olga', ROOM)
    await age()
    await avatars.sweep()
    expect(await stored()).toEqual([avatar])
  })
})

it('has one of many that are sent at once, and nothing of the others', async () => {
  const sent = await Promise.all(Array.from({ length: 8 }, () => set('olga', ROOM)))
  const current = rooms.avatars.get('room/lobby') ?? ''
  expect(sent).toContain(current)
  expect(await stored()).toEqual([current])
  expect(await rows()).toBe(1)
})
