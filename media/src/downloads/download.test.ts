import { request } from 'node:http'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { fileOf, problemOf, startDatabase, startMedia, type TestMedia } from './testing/platform.ts'
import { picture, pngHeader } from './testing/samples.ts'

let pool: pg.Pool
let media: TestMedia
let closeDatabase = async () => {}
const TEXT = '0123456789abcdefghij'
let text = ''
let photo = ''
let photoBytes: Buffer
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
  media = await startMedia({ pool })
  media.rooms.set('lobby', 'alice', 'publisher')
  media.rooms.set('lobby', 'mona', 'member')
  media.rooms.set('den', 'zoe', 'owner')
  text = `/v1/files/${(await fileOf(await media.post('alice', 'lobby', 'häns "x".txt', TEXT))).id}`
  photoBytes = await picture('png', 1000, 500)
  photo = `/v1/files/${(await fileOf(await media.post('alice', 'lobby', 'photo.png', photoBytes))).id}`
}, 60_000)
afterAll(async () => {
  await media?.close()
  await closeDatabase()
})

describe('a download', () => {
  it('brings the bytes, as a thing that cannot act', async () => {
    const response = await media.get('mona', text)
    expect(response.status).toBe(200)
    expect(await response.text()).toBe(TEXT)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-length': '20',
      'content-disposition': `attachment; filename="h_ns _x_.txt"; filename*=UTF-8''h%C3%A4ns%20%22x%22.txt`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'private, no-cache',
      'accept-ranges': 'bytes',
      vary: 'Authorization',
    })
  })

  it('of a picture is shown in place', async () => {
    const response = await media.get('mona', photo)
    expect(response.headers.get('content-type')).toBe('image/png')
    expect(response.headers.get('content-disposition')).toMatch(/^inline; /)
    expect(photoBytes.equals(new Uint8Array(await response.arrayBuffer()))).toBe(true)
  })

  it('of a picture nobody could read is not', async () => {
    const { id } = await fileOf(await media.post('alice', 'lobby', 'bomb.png', pngHeader(50_000, 50_000)))
    const response = await media.get('mona', `/v1/files/${id}`)
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    expect(response.headers.get('content-disposition')).toMatch(/^attachment; /)
  })

  it('brings the thumbnail', async () => {
    const response = await media.get('mona', `${photo}/thumbnail`)
    expect(response.status).toBe(200)
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'image/webp',
      'content-disposition': `inline; filename="photo.png.webp"; filename*=UTF-8''photo.png.webp`,
      'x-content-type-options': 'nosniff',
      'content-security-policy': "sandbox; default-src 'none'",
      'cache-control': 'private, no-cache',
    })
    const bytes = Buffer.from(await response.arrayBuffer())
    expect(bytes.byteLength).toBe(Number(response.headers.get('content-length')))
    expect(bytes.subarray(8, 12).toString()).toBe('WEBP')
  })

  it('of a thumbnail that is not there says so', async () => {
    const problem = await problemOf(await media.get('mona', `${text}/thumbnail`))
    expect(problem).toMatchObject({ code: 'not_found', detail: 'This file has no thumbnail.' })
  })

  it('is answered without bytes when the client has them', async () => {
    for (const path of [text, photo, `${photo}/thumbnail`]) {
      const etag = (await media.get('mona', path)).headers.get('etag') ?? ''
      expect(etag).toMatch(/^"[0-9a-f]{64}(-thumbnail)?"$/)
      const response = await media.get('mona', path, { 'if-none-match': etag })
      expect([response.status, await response.text()]).toEqual([304, ''])
      expect((await media.get('mona', path, { 'if-none-match': '"other"' })).status).toBe(200)
    }
  })

  it('answers HEAD with the headers alone', async () => {
    const response = await media.get('mona', text, {}, 'HEAD')
    expect([response.status, await response.text()]).toEqual([200, ''])
    expect(response.headers.get('content-length')).toBe('20')
  })
})

describe('a range', () => {
  it.each([
    ['bytes=0-3', '0123', 'bytes 0-3/20'],
    ['bytes=15-', 'fghij', 'bytes 15-19/20'],
    ['bytes=-2', 'ij', 'bytes 18-19/20'],
    ['bytes=18-500', 'ij', 'bytes 18-19/20'],
  ])('%s', async (range, expected, contentRange) => {
    const response = await media.get('mona', text, { range })
    expect([response.status, await response.text()]).toEqual([206, expected])
    expect(response.headers.get('content-range')).toBe(contentRange)
    expect(response.headers.get('content-length')).toBe(String(expected.length))
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  })

  it('beyond the end is refused, with the size', async () => {
    for (const range of ['bytes=20-', 'bytes=20-30', 'bytes=-0']) {
      const response = await media.get('mona', text, { range })
      expect(response.headers.get('content-range')).toBe('bytes */20')
      expect((await problemOf(response)).code).toBe('range_not_satisfiable')
    }
  })

  it('that is none, or several, brings everything', async () => {
    for (const range of ['bytes=0-1,3-4', 'bytes=5-2', 'lines=1-2', 'bytes=x']) {
      const response = await media.get('mona', text, { range })
      expect([response.status, await response.text()]).toEqual([200, TEXT])
    }
  })

  it('counts only for the file the client began with', async () => {
    const etag = (await media.get('mona', text)).headers.get('etag') ?? ''
    const status = async (ifRange: string) =>
      (await media.get('mona', text, { range: 'bytes=0-1', 'if-range': ifRange })).status
    expect([await status(etag), await status('"old"')]).toEqual([206, 200])
  })
})

describe('who is not in the room', () => {
  const unknown = '/v1/files/file_00000000000000000000000000000000'

  it("learns nothing: other people's files and unknown ones give one answer", async () => {
    const answers: unknown[] = []
    const before = media.rooms.asked
    for (const path of [text, photo, `${photo}/thumbnail`, unknown, `${unknown}/thumbnail`]) {
      const response = await media.get('zoe', path, { range: 'bytes=0-1' })
      const { requestId, ...problem } = await problemOf(response)
      const headers = [...response.headers.keys()].sort()
      answers.push({ problem, headers })
      expect(requestId).toBe(response.headers.get('x-request-id'))
    }
    expect(answers[0]).toMatchObject({ problem: { code: 'not_found', status: 404 } })
    for (const answer of answers) expect(answer).toEqual(answers[0])
    // Signalling was asked each time, so that neither the time nor a bad token tells them apart.
    expect(media.rooms.asked - before).toBe(5)
  })

  it('and has a bad token gets one answer as well', async () => {
    for (const path of [text, unknown]) {
      const forged = { authorization: 'Bearer forged' }
      expect((await problemOf(await media.get('zoe', path, forged))).code).toBe('token_signature')
      expect((await problemOf(await fetch(media.url + path))).code).toBe('token_missing')
    }
  })

  it.each(['pending', 'banned', undefined] as const)(
    'any more (%s) gets nothing, caches or not',
    async role => {
      media.rooms.set('lobby', 'bob', 'member')
      const etag = (await media.get('bob', text)).headers.get('etag') ?? ''
      expect((await media.get('bob', text, { 'if-none-match': etag })).status).toBe(304)
      media.rooms.set('lobby', 'bob', role)
      for (const path of [text, `${photo}/thumbnail`]) {
        const problem = await problemOf(await media.get('bob', path, { 'if-none-match': etag }))
        expect(problem.code).toBe('not_found')
      }
    },
  )

  it.each(['%ff', '..%2f..%2fetc%2fpasswd', 'a%00b', '__proto__', 'x'.repeat(129)])(
    'finds nothing behind the id %j',
    async id => {
      const problem = await problemOf(await media.get('alice', `/v1/files/${id}`))
      expect(problem.code).toBe('invalid_request')
    },
  )
})

it('survives clients that stop listening', async () => {
  const body = Buffer.alloc(20_000_000, 1)
  const { id } = await fileOf(await media.post('alice', 'lobby', 'large', body))
  for (let round = 0; round < 5; round++) {
    await new Promise<void>(resolve => {
      const headers = { authorization: 'Bearer token-of-mona' }
      request(`${media.url}/v1/files/${id}`, { headers }, response => {
        response.once('data', () => response.destroy())
        response.once('close', resolve)
        response.on('error', () => {})
      }).end()
    })
  }
  const response = await media.get('mona', `/v1/files/${id}`)
  expect(body.equals(new Uint8Array(await response.arrayBuffer()))).toBe(true)
})

it('answers with an error, and no headers of the file, when an object is missing', async () => {
  const { id } = await fileOf(await media.post('alice', 'lobby', 'lost.txt', 'text'))
  await media.store.delete(`files/${id}/original`)
  const response = await media.get('mona', `/v1/files/${id}`)
  expect(response.headers.get('content-disposition')).toBeNull()
  expect((await problemOf(response)).code).toBe('internal')
})
