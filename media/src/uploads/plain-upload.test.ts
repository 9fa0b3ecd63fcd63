import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { LIMITS } from '@trunkline/protocol'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import { MEDIA_LIMITS } from '../limits.ts'
import { eventually } from '../testing/eventually.ts'
import { fileOf, problemOf, startDatabase, startMedia, type TestMedia } from '../testing/platform.ts'
import { picture } from '../testing/samples.ts'

let pool: pg.Pool
let closeDatabase = async () => {}
let media: TestMedia
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
  media = await startMedia({ pool, uploadBytes: 1_000_000 })
}, 60_000)
afterAll(async () => {
  await media.close()
  await closeDatabase()
})

const count = async (table: 'files' | 'uploads'): Promise<number> =>
  Number((await pool.query(`select count(*) from ${table}`)).rows[0].count)
const rows = () => count('files')

let before = 0
beforeEach(async () => {
  for (const room of ['lobby', 'den'])
    for (const name of ['alice', 'bob', 'mona']) media.rooms.set(room, name, undefined)
  media.rooms.set('lobby', 'alice', 'publisher')
  media.rooms.set('lobby', 'mona', 'member')
  await pool.query('update files set request_key = null')
  before = await rows()
})

/** That nothing was left: no bytes under way, no row. */
const expectNothing = async (): Promise<void> => {
  await eventually(media.staged).toEqual([])
  await eventually(() => count('uploads')).toBe(0)
  expect(await rows()).toBe(before)
}

const send = async (name: string, body: BodyInit | Buffer) =>
  fileOf(await media.post('alice', 'lobby', name, body))

describe('an upload', () => {
  it('is a file at once, and soon to be had', async () => {
    const body = randomBytes(1_000)
    const file = await send('photo.bin', body)
    expect(file).toMatchObject({
      roomId: 'lobby',
      uploader: 'alice',
      name: 'photo.bin',
      mime: 'application/octet-stream',
      size: 1_000,
      state: 'checking',
      derivatives: [],
    })
    expect(await media.settled('alice', file.id)).toMatchObject({ state: 'ready' })
    const response = await media.get('alice', `/v1/files/${file.id}`)
    expect(Buffer.from(await response.arrayBuffer()).equals(body)).toBe(true)
    expect(response.headers.get('etag')).toBe(`"${createHash('sha256').update(body).digest('hex')}"`)
    expect(await media.staged()).toEqual([])
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

  it('in a form, as curl -F sends it, is refused; under the type curl --data-binary says it is taken', async () => {
    const form = new FormData()
    form.set('file', new Blob(['text']), 'a.txt')
    const problem = await problemOf(await media.post('alice', 'lobby', 'a.txt', form))
    expect([problem.status, problem.code]).toEqual([415, 'unsupported_media_type'])
    expect(problem.detail).toMatch(/^Send the bytes of the file themselves, /)
    await expectNothing()
    const type = { 'content-type': 'application/x-www-form-urlencoded' }
    expect((await fileOf(await media.post('alice', 'lobby', 'a.txt', 'a=b&c', type))).size).toBe(5)
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
  it('does not depend on name or Content-Type', async () => {
    const png = await picture('png', 30, 20)
    const response = await media.post('alice', 'lobby', 'page.html', png, { 'content-type': 'text/html' })
    const file = await fileOf(response)
    expect(file.mime).toBe('image/png')
    expect(await media.settled('alice', file.id)).toMatchObject({ mime: 'image/png', width: 30, height: 20 })
  })

  it.each([
    ['HTML named .png', 'picture.png', '<!doctype html><script>alert(1)</script>'],
    ['SVG with script', 'a.svg', '<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'],
    ['SVG with a prologue', 'a.svg', '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>'],
    ['text with a BOM', 'a.txt', '\ufeff<script>'],
  ])('%s is a plain file', async (_, name, body) => {
    const { id } = await send(name, body)
    const file = await media.settled('alice', id)
    expect(file).toMatchObject({ mime: 'application/octet-stream', derivatives: [] })
  })

  it('a playlist named .mp4 is a text', async () => {
    const playlist = '#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n'
    const { id } = await send('film.mp4', playlist)
    const file = await media.settled('alice', id)
    expect(file).toMatchObject({ mime: 'text/plain', derivatives: [], state: 'ready' })
  })

  it('limits how large it may be', { timeout: 60_000 }, async () => {
    const { objects, staging, rooms } = media
    const large = await startMedia({ pool, objects, staging, rooms })
    try {
      const body = Buffer.alloc(LIMITS.pictureBytes + 1)
      body.set(await picture('png', 10, 10))
      const problem = await problemOf(await large.post('alice', 'lobby', 'a.png', body))
      expect(problem).toMatchObject({ code: 'too_large', limit: LIMITS.pictureBytes })
      await expectNothing()
      body.fill(1, 0, 100)
      expect((await fileOf(await large.post('alice', 'lobby', 'a.bin', body))).size).toBe(body.byteLength)
    } finally {
      await large.close()
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
    await eventually(media.staged).toHaveLength(1)
    socket.destroy()
    await expectNothing()
  })

  it('leaves nothing when its sender is banned before the last byte', async () => {
    const socket = await begin(999)
    await eventually(media.staged).toHaveLength(1)
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
    const { rooms } = media
    const ask = rooms.roleOf
    onTestFinished(() => {
      rooms.roleOf = ask
    })
    let asked = 0
    // The second question comes once all bytes are there.
    rooms.roleOf = async (token, roomId) => {
      if (++asked === 2) await gate
      return ask.call(rooms, token, roomId)
    }
    const connections = await media.connections()
    const socket = await begin(1000)
    await eventually(() => asked).toBe(2)
    socket.destroy()
    await eventually(media.connections).toBeLessThanOrEqual(connections)
    letPass()
    await expectNothing()
  })
})

describe('an upload that takes its time', () => {
  /** Minutes until the only upload there is goes. */
  const left = async (): Promise<number> => {
    const { rows } = await pool.query(
      'select round(extract(epoch from expires_at - now()) / 60)::int as minutes from uploads',
    )
    return rows[0].minutes
  }

  it('is kept as long as somebody receives it, and goes ten minutes after nobody does', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
    onTestFinished(() => {
      vi.useRealTimers()
    })
    const socket = await begin(500)
    await eventually(media.staged).toHaveLength(1)
    expect(await left()).toBe(10)
    await pool.query("update uploads set expires_at = expires_at - interval '9 minutes'")
    expect(await left()).toBe(1)
    vi.advanceTimersByTime(MEDIA_LIMITS.plainUploadRenewMs)
    await eventually(left).toBe(10)
    await media.media.sweep()
    socket.write('x'.repeat(500))
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(/^HTTP\/1.1 201 /)
    // Those of the job that looks at the file end as well.
    await eventually(() => vi.getTimerCount()).toBe(0)
    socket.destroy()
  })
})

describe('Idempotency-Key', () => {
  const key = { 'idempotency-key': 'upload-1' }

  it('stores a repeated upload once', async () => {
    const first = await fileOf(await media.post('alice', 'lobby', 'a', 'text', key))
    const second = await fileOf(await media.post('alice', 'lobby', 'a', 'text', key))
    expect(second.id).toBe(first.id)
    expect(await rows()).toBe(before + 1)
  })

  it('stores uploads racing each other once', async () => {
    const answers = await Promise.all(
      Array.from({ length: 8 }, async () => fileOf(await media.post('alice', 'lobby', 'a', 'text', key))),
    )
    expect(new Set(answers.map(file => file.id)).size).toBe(1)
    expect(await rows()).toBe(before + 1)
    await eventually(media.staged).toEqual([])
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
  const bodies = Array.from({ length: 16 }, () => randomBytes(50_000))
  const hash = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
  await Promise.all(
    bodies.map(async (body, index) => {
      const { id } = await send(`file ${index}`, body)
      await media.settled('mona', id)
      const response = await media.get('mona', `/v1/files/${id}`)
      expect(hash(new Uint8Array(await response.arrayBuffer()))).toBe(hash(body))
    }),
  )
  expect(await media.staged()).toEqual([])
})
