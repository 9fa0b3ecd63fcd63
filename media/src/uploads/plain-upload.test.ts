import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { findProgram } from './ffmpeg.ts'
import { eventually } from './testing/eventually.ts'
import {
  fileOf,
  problemOf,
  startDatabase,
  startMedia,
  type TestMedia,
  TestRooms,
} from './testing/platform.ts'
import { phonePhoto, picture, pngHeader, video } from './testing/samples.ts'

const ffmpeg = await findProgram('ffmpeg')

let pool: pg.Pool
let closeDatabase = async () => {}
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
}, 60_000)
afterAll(() => closeDatabase())

let media: TestMedia
beforeEach(async () => {
  media = await startMedia({ pool, maxUploadBytes: 1_000_000 })
  media.rooms.set('lobby', 'alice', 'publisher')
  media.rooms.set('lobby', 'mona', 'member')
})
afterEach(async () => {
  await media.close()
  await pool.query('delete from files')
})

const rows = async (): Promise<number> =>
  Number((await pool.query('select count(*) from files')).rows[0].count)

/** That nothing was left: no object, no half-written one, no temporary file, no row. */
const expectNothing = async (): Promise<void> => {
  await eventually(media.incoming).toEqual([])
  expect(await media.objects()).toEqual([])
  expect(await rows()).toBe(0)
}

const send = async (name: string, body: BodyInit | Buffer) =>
  fileOf(await media.post('alice', 'lobby', name, body))

describe('an upload', () => {
  it('is stored with what it is, and its thumbnail', async () => {
    const file = await send('photo.jpg', await phonePhoto(800, 400))
    expect(file).toMatchObject({
      roomId: 'lobby',
      uploader: 'alice',
      name: 'photo.jpg',
      mime: 'image/jpeg',
      width: 400,
      height: 800,
      thumbnail: true,
    })
    expect(await media.objects()).toEqual([`files/${file.id}/original`, `files/${file.id}/thumbnail`])
    expect(await media.incoming()).toEqual([])
  })

  it.each(['publisher', 'moderator', 'owner'] as const)('is open to a %s', async role => {
    media.rooms.set('lobby', 'bob', role)
    expect((await media.post('bob', 'lobby', 'a.txt', 'text')).status).toBe(201)
  })

  it.each(['member', 'pending', 'banned'] as const)('is refused to a %s', async role => {
    media.rooms.set('lobby', 'bob', role)
    const problem = await problemOf(await media.post('bob', 'lobby', 'a.txt', 'text'))
    expect(problem.code).toBe('forbidden')
    await expectNothing()
  })

  it('is refused to strangers, bad tokens and nobody', async () => {
    const code = async (response: Promise<Response>) => (await problemOf(await response)).code
    expect(await code(media.post('zoe', 'lobby', 'a.txt', 'text'))).toBe('room_not_found')
    expect(await code(media.post('bad token', 'lobby', 'a.txt', 'text'))).toBe('token_missing')
    const bad = { authorization: 'Bearer forged' }
    expect(await code(media.post('alice', 'lobby', 'a.txt', 'text', bad))).toBe('token_signature')
    const url = `${media.url}/v1/rooms/lobby/files?name=a`
    expect(await code(fetch(url, { method: 'POST', body: 'text' }))).toBe('token_missing')
    await expectNothing()
  })

  it.each([
    '',
    '?name=',
    '?name=a&name=b',
    '?name=a&other=b',
    '?name=a%00b',
    `?name=${'x'.repeat(256)}`,
    '?__proto__=1&name=a',
  ])('is refused with the query %j', async query => {
    const response = await fetch(`${media.url}/v1/rooms/lobby/files${query}`, {
      method: 'POST',
      headers: { authorization: 'Bearer token-of-alice' },
      body: 'text',
    })
    expect((await problemOf(response)).code).toBe('invalid_request')
    await expectNothing()
  })

  it.each(['%ff', 'a%20b', '..%2f..', '%00', '__proto__', 'x'.repeat(65)])(
    'is refused to the room %j',
    async room => {
      expect((await problemOf(await media.post('alice', room, 'a', 'text'))).code).toBe('invalid_request')
      await expectNothing()
    },
  )

  it.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\Users\\me\\cv.pdf', 'cv.pdf'],
    ['two\r\nlines: "quoted".txt', 'two lines: "quoted".txt'],
    ['Ünïcödé 👩‍👩‍👧 \u202egnp.exe', 'Ünïcödé 👩‍👩‍👧 gnp.exe'],
    ['..', 'file'],
  ])('keeps of the name %j only what can be shown', async (given, shown) => {
    expect((await send(given, 'text')).name).toBe(shown)
  })

  it('of zero bytes is a file', async () => {
    expect(await send('empty', '')).toMatchObject({ size: 0, mime: 'application/octet-stream' })
  })
})

describe('what a file is', () => {
  it.each([
    ['HTML named .png', 'picture.png', '<!doctype html><script>alert(1)</script>'],
    ['SVG with script', 'a.svg', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
    ['SVG with a prologue', 'a.svg', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['XHTML', 'a.jpg', '<?xml version="1.0"?><html xmlns="http://www.w3.org/1999/xhtml"/>'],
    ['text with a BOM', 'a.txt', '\ufeff<script>'],
    ['WebVTT', 'a.vtt', 'WEBVTT\n\n<script>'],
  ])('%s is a plain file', async (_, name, body) => {
    const file = await send(name, body)
    expect(file).toMatchObject({ mime: 'application/octet-stream', thumbnail: false })
    expect(file.width).toBeUndefined()
  })

  it('an HLS playlist named .mp4 is no video', async () => {
    const file = await send('film.mp4', '#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n')
    expect(file.mime).not.toMatch(/^video/)
    expect(file.thumbnail).toBe(false)
  })

  it('a picture that cannot be read is a plain file', async () => {
    const whole = await picture('png', 600, 600)
    for (const body of [whole.subarray(0, whole.byteLength >> 1), pngHeader(50_000, 50_000)]) {
      expect(await send('picture.png', body)).toMatchObject({
        mime: 'application/octet-stream',
        thumbnail: false,
        size: body.byteLength,
      })
    }
    expect((await media.objects()).every(key => key.endsWith('/original'))).toBe(true)
  })

  it('does not depend on name or Content-Type', async () => {
    const png = await picture('png', 30, 20)
    const response = await media.post('alice', 'lobby', 'page.html', png, { 'content-type': 'text/html' })
    expect(await fileOf(response)).toMatchObject({ mime: 'image/png', width: 30, height: 20 })
  })

  it.skipIf(!ffmpeg)('a video has a poster frame where there is ffmpeg', async () => {
    const file = await send('film', await video(ffmpeg ?? '', 'mp4', '320x240'))
    expect(file).toMatchObject({ mime: 'video/mp4', thumbnail: true })
    const response = await media.get('alice', `/v1/files/${file.id}/thumbnail`)
    expect(response.headers.get('content-type')).toBe('image/webp')
    expect(await media.incoming()).toEqual([])
  })

  it.skipIf(!ffmpeg)('a video has none where there is not', async () => {
    const bare = await startMedia({ pool, ffmpeg: false })
    try {
      bare.rooms.set('lobby', 'alice', 'publisher')
      const body = await video(ffmpeg ?? '', 'webm', '64x64')
      const file = await fileOf(await bare.post('alice', 'lobby', 'film.webm', body))
      expect(file).toMatchObject({ mime: 'video/webm', thumbnail: false })
    } finally {
      await bare.close()
    }
  })
})

/** Sends the head of an upload by hand. */
const open = async (length: string): Promise<Socket> => {
  const socket = connect(Number(new URL(media.url).port), '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', () => {})
  const head = [
    'POST /v1/rooms/lobby/files?name=part HTTP/1.1',
    'Host: x',
    'Authorization: Bearer token-of-alice',
  ]
  socket.write([...head, length, '', ''].join('\r\n'))
  return socket
}

describe('an upload that is too large', () => {
  const limit = { code: 'too_large', limit: 1_000_000, detail: 'A file must be at most 1000000 bytes.' }

  it('is refused by its announced length', async () => {
    const response = await media.post('alice', 'lobby', 'big', randomBytes(1_000_001))
    expect(await problemOf(response)).toMatchObject(limit)
    await expectNothing()
  })

  it('is refused while it streams in, without an announced length', async () => {
    const body = new ReadableStream({
      start(controller) {
        for (let sent = 0; sent < 3_000_000; sent += 100_000) controller.enqueue(randomBytes(100_000))
        controller.close()
      },
    })
    expect(await problemOf(await media.post('alice', 'lobby', 'big', body))).toMatchObject(limit)
    await expectNothing()
  })

  it('is cut off when it never ends', async () => {
    let sent = 0
    const endless = new ReadableStream({
      pull(controller) {
        sent += 1_000_000
        controller.enqueue(new Uint8Array(1_000_000))
      },
    })
    // Whether the client still sees the answer is its own business; that it cannot go on is ours.
    await media.post('alice', 'lobby', 'endless', endless).then(problemOf, () => undefined)
    expect(sent).toBeLessThan(100_000_000)
    await expectNothing()
    expect(await send('next', 'text')).toMatchObject({ size: 4 })
  })

  it('is refused before its first byte when it says how large it will be', async () => {
    const socket = await open('Content-Length: 1000001')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 413 /)
    socket.destroy()
    await expectNothing()
  })

  it('is cut off when its client does not listen', async () => {
    const socket = await open('Transfer-Encoding: chunked')
    const chunk = Buffer.concat([Buffer.from('100000\r\n'), Buffer.alloc(0x100000), Buffer.from('\r\n')])
    // Not once(): that rejects when the cut arrives as a reset.
    const closed = new Promise(resolve => socket.once('close', resolve))
    let sent = 0
    while (!socket.destroyed && sent < 500_000_000) {
      sent += chunk.byteLength
      if (!socket.write(chunk)) await Promise.race([new Promise(go => socket.once('drain', go)), closed])
    }
    await closed
    expect(sent).toBeLessThan(100_000_000)
    await expectNothing()
  })

  it('may have exactly the limit', async () => {
    expect(await send('full', randomBytes(1_000_000))).toMatchObject({ size: 1_000_000 })
  })
})

/** Begins an upload of 1000 bytes by hand and sends `sent` of them. */
const begin = async (sent: number): Promise<Socket> => {
  const socket = await open('Content-Length: 1000')
  socket.write('x'.repeat(sent))
  return socket
}

describe('an upload that breaks off', () => {
  it.each([0, 1, 999])('after %i of 1000 bytes leaves nothing', async sent => {
    const socket = await begin(sent)
    await eventually(media.incoming).toHaveLength(1)
    socket.destroy()
    await expectNothing()
  })

  it('leaves nothing when its sender is banned before the last byte', async () => {
    const socket = await begin(999)
    await eventually(media.incoming).toHaveLength(1)
    media.rooms.set('lobby', 'alice', 'banned')
    socket.write('x')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 403 /)
    socket.destroy()
    await expectNothing()
  })

  it('leaves nothing when its sender is gone before it is stored', async () => {
    let letPass = () => {}
    const gate = new Promise<void>(resolve => {
      letPass = resolve
    })
    const rooms = new TestRooms()
    rooms.set('lobby', 'alice', 'publisher')
    const slow = {
      asked: 0,
      // The second question comes once all bytes are there.
      async roleOf(token: string, roomId: string) {
        if (++this.asked === 2) await gate
        return rooms.roleOf(token, roomId)
      },
      readerOf: rooms.readerOf.bind(rooms),
    }
    await media.close()
    media = await startMedia({ pool, access: slow })
    const socket = await begin(1000)
    await eventually(() => slow.asked).toBe(2)
    socket.destroy()
    await eventually(media.connections).toBe(0)
    letPass()
    await expectNothing()
  })
})

describe('Idempotency-Key', () => {
  const key = { 'idempotency-key': 'upload-1' }

  it('stores a repeated upload once', async () => {
    const first = await fileOf(await media.post('alice', 'lobby', 'a', 'text', key))
    const second = await fileOf(await media.post('alice', 'lobby', 'a', 'text', key))
    expect(second).toEqual(first)
    expect(await media.objects()).toHaveLength(1)
  })

  it('stores uploads racing each other once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => fileOf(await media.post('alice', 'lobby', 'a', 'text', key))),
    )
    expect(new Set(answers.map(file => file.id)).size).toBe(1)
    expect(await media.objects()).toHaveLength(1)
    expect(await rows()).toBe(1)
  })

  it('belongs to one user and one room', async () => {
    media.rooms.set('lobby', 'bob', 'publisher')
    media.rooms.set('den', 'alice', 'publisher')
    const first = await fileOf(await media.post('alice', 'lobby', 'a', 'text', key))
    const other = await fileOf(await media.post('bob', 'lobby', 'a', 'text', key))
    expect(other.id).not.toBe(first.id)
    expect((await problemOf(await media.post('alice', 'den', 'a', 'text', key))).code).toBe('conflict')
  })

  it('has a form', async () => {
    const bad = { 'idempotency-key': 'x'.repeat(256) }
    expect((await problemOf(await media.post('alice', 'lobby', 'a', 'text', bad))).code).toBe(
      'invalid_request',
    )
  })
})

it('takes many uploads at once, each with its own bytes', { timeout: 30_000 }, async () => {
  const bodies = Array.from({ length: 40 }, () => randomBytes(50_000))
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  await Promise.all(
    bodies.map(async (body, index) => {
      const { id } = await send(`file ${index}`, body)
      const response = await media.get('mona', `/v1/files/${id}`)
      expect(hash(new Uint8Array(await response.arrayBuffer()))).toBe(hash(body))
    }),
  )
  expect(await media.incoming()).toEqual([])
})
