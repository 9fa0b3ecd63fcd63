import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import openApi from '@trunkline/protocol/openapi.json' with { type: 'json' }
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { eventually } from '../testing/eventually.ts'
import { problemOf, startDatabase, startMedia, type TestMedia } from '../testing/platform.ts'
import { tusAs, uploadId, uploadMetadata } from '../testing/tus.ts'

let pool: pg.Pool
let closeDatabase = async () => {}
let media: TestMedia
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
  media = await startMedia({ pool, uploadBytes: 1_000_000, userFilesBytes: 3_000_000 })
}, 60_000)
afterAll(async () => {
  await media.close()
  await closeDatabase()
})

let alice: ReturnType<typeof tusAs>
beforeEach(() => {
  for (const name of ['alice', 'bob']) media.rooms.set('lobby', name, 'publisher')
  alice = tusAs('alice', media.url)
})
/** Nothing of one test counts in the quota of the next. */
afterEach(async () => {
  await pool.query("delete from uploads; update files set state = 'deleting'")
})

const code = async (answer: Promise<Response>) => (await problemOf(await answer)).code

/** That a file came of an upload, with these bytes, which were hashed on the way or afterwards. */
const expectFile = async (path: string, body: Uint8Array): Promise<void> => {
  const file = await media.settled('alice', uploadId(path))
  expect(file).toMatchObject({ name: 'a.bin', roomId: 'lobby', uploader: 'alice', size: body.byteLength })
  const answer = await media.get('alice', `/v1/files/${file.id}`)
  expect(Buffer.from(await answer.arrayBuffer()).equals(body)).toBe(true)
  expect(answer.headers.get('etag')).toBe(`"${createHash('sha256').update(body).digest('hex')}"`)
}

const expectGone = async (path: string): Promise<void> => {
  expect((await alice.head(path)).status).toBe(404)
  expect(await media.staged()).not.toContain(uploadId(path))
  expect(await media.look('alice', uploadId(path))).toEqual([])
}

it('tells anybody what it can do', async () => {
  const answer = await fetch(`${media.url}/v1/uploads`, { method: 'OPTIONS' })
  expect(answer.status).toBe(204)
  expect(Object.fromEntries(answer.headers)).toMatchObject({
    'tus-version': '1.0.0',
    'tus-resumable': '1.0.0',
    'tus-max-size': '1000000',
    'tus-checksum-algorithm': 'sha1,sha256,md5',
    'tus-extension':
      'creation,creation-with-upload,creation-defer-length,checksum,concatenation,termination,expiration',
  })
})

describe('an upload', () => {
  it('comes in pieces and becomes a file', async () => {
    const body = randomBytes(300_000)
    const path = await alice.created(body.byteLength)
    for (const [start, end] of [
      [0, 1],
      [1, 200_000],
      [200_000, 300_000],
    ] as const) {
      const answer = await alice.patch(path, start, body.subarray(start, end))
      expect([answer.status, answer.headers.get('upload-offset')]).toEqual([204, String(end)])
      const head = await alice.head(path)
      expect(Object.fromEntries(head.headers)).toMatchObject({
        'upload-offset': String(end),
        'upload-length': '300000',
        'upload-metadata': uploadMetadata({ roomId: 'lobby', name: 'a.bin' }),
        'cache-control': 'no-store',
      })
    }
    await expectFile(path, body)
  })

  it('comes with its creation', async () => {
    const body = randomBytes(100_000)
    const whole = await alice.create({ 'upload-length': '100000' }, body)
    expect([whole.status, whole.headers.get('upload-offset')]).toEqual([201, '100000'])
    await expectFile(whole.headers.get('location') ?? '', body)

    const begun = await alice.create({ 'upload-length': '100000' }, body.subarray(0, 30_000))
    const path = begun.headers.get('location') ?? ''
    expect(begun.headers.get('upload-offset')).toBe('30000')
    expect((await alice.patch(path, 30_000, body.subarray(30_000))).status).toBe(204)
    await expectFile(path, body)
  })

  it('may be empty', async () => {
    await expectFile(await alice.created(0), new Uint8Array())
  })

  it('may say its length later, once', async () => {
    const made = await alice.create({ 'upload-defer-length': '1' })
    const path = made.headers.get('location') ?? ''
    const body = randomBytes(50_000)
    expect((await alice.patch(path, 0, body.subarray(0, 20_000))).status).toBe(204)
    expect((await alice.head(path)).headers.get('upload-defer-length')).toBe('1')
    const said = { 'upload-length': '50000' }
    expect((await alice.patch(path, 20_000, body.subarray(20_000, 30_000), said)).status).toBe(204)
    const another = { 'upload-length': '60000' }
    expect(await code(alice.patch(path, 30_000, body.subarray(30_000), another))).toBe('invalid_request')
    // The same once more: who says it did not hear the answer.
    expect(await alice.patch(path, 30_000, body.subarray(30_000), said)).toMatchObject({ status: 204 })
    await expectFile(path, body)
  })

  it.each([
    ['said later', { 'upload-defer-length': '1' }, 1_000_000],
    ['said', { 'upload-length': '999999' }, 999_999],
  ])('is not longer than allowed when its length was %s', async (_, headers, limit) => {
    const made = await alice.create(headers)
    const path = made.headers.get('location') ?? ''
    expect((await alice.patch(path, 0, randomBytes(900_000))).status).toBe(204)
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(randomBytes(limit - 900_000))
        controller.enqueue(randomBytes(1))
        controller.close()
      },
    })
    const answer = await fetch(new URL(path, media.url), {
      method: 'PATCH',
      headers: {
        authorization: 'Bearer token-of-alice',
        'tus-resumable': '1.0.0',
        'upload-offset': '900000',
        'content-type': 'application/offset+octet-stream',
      },
      body: stream,
      duplex: 'half',
    } as RequestInit)
    expect(await problemOf(answer)).toMatchObject({ code: 'too_large', limit })
    expect(await code(alice.patch(path, 900_000, randomBytes(100_001)))).toBe('too_large')
    expect(await alice.offset(path)).toBe(900_000)
  })

  it('goes on only where it is', async () => {
    const path = await alice.created(10)
    await alice.patch(path, 0, randomBytes(5))
    for (const offset of [0, 4, 6]) {
      expect(await code(alice.patch(path, offset, randomBytes(1)))).toBe('conflict')
    }
    expect(await alice.offset(path)).toBe(5)
  })

  it('is there as long as its file, for whoever did not hear that it was complete', async () => {
    const body = randomBytes(1_000)
    const path = await alice.created(1_000)
    await alice.patch(path, 0, body)
    await expectFile(path, body)
    expect(await alice.offset(path)).toBe(1_000)
    expect(await code(alice.remove(path))).toBe('conflict')
  })

  it('is completed when it is asked about, if the process died before', async () => {
    const body = randomBytes(1_000)
    const path = await alice.created(1_000)
    const { Readable } = await import('node:stream')
    await media.staging.append(uploadId(path), 0, Readable.from([body]))
    expect(await alice.offset(path)).toBe(1_000)
    await expectFile(path, body)
  })

  it('has its bytes again when a crash came before these', async () => {
    const path = await alice.created(4)
    await media.staging.delete(uploadId(path))
    expect(await alice.offset(path)).toBe(0)
    await alice.patch(path, 0, Buffer.from('text'))
    await expectFile(path, Buffer.from('text'))
  })

  it('can be taken away', async () => {
    const path = await alice.created(10)
    await alice.patch(path, 0, randomBytes(5))
    expect((await alice.remove(path)).status).toBe(204)
    await expectGone(path)
    expect(await code(alice.remove(path))).toBe('not_found')
    expect(await code(alice.patch(path, 5, randomBytes(5)))).toBe('not_found')
  })

  it('expires', async () => {
    const made = await alice.create({ 'upload-length': '10' })
    const path = made.headers.get('location') ?? ''
    const expires = new Date(made.headers.get('upload-expires') ?? '').getTime()
    expect(Math.abs(expires - Date.now() - 24 * 3_600_000)).toBeLessThan(60_000)
    await alice.patch(path, 0, randomBytes(5))
    const ago = "interval '25 hours'"
    await pool.query(
      `update uploads set created_at = created_at - ${ago}, expires_at = expires_at - ${ago} where id = $1`,
      [uploadId(path)],
    )
    expect(await code(alice.patch(path, 5, randomBytes(5)))).toBe('not_found')
    await media.media.sweep()
    await expectGone(path)
  })
})

describe('a request', () => {
  it.each<[string, Record<string, string>, string]>([
    ['no length', {}, 'invalid_request'],
    ['two lengths', { 'upload-length': '1', 'upload-defer-length': '1' }, 'invalid_request'],
    ['no number', { 'upload-length': '1e3' }, 'invalid_request'],
    ['less than nothing', { 'upload-length': '-1' }, 'invalid_request'],
    ['too much', { 'upload-length': '1000001' }, 'too_large'],
    ['no metadata', { 'upload-length': '1', 'upload-metadata': '' }, 'invalid_request'],
    [
      'no room',
      { 'upload-length': '1', 'upload-metadata': uploadMetadata({ name: 'a' }) },
      'invalid_request',
    ],
    [
      'a room that is none',
      { 'upload-length': '1', 'upload-metadata': uploadMetadata({ name: 'a', roomId: '../a' }) },
      'invalid_request',
    ],
    [
      'what nobody knows',
      {
        'upload-length': '1',
        'upload-metadata': `${uploadMetadata({ name: 'a', roomId: 'lobby' })},__proto__ eA==`,
      },
      'invalid_request',
    ],
    [
      'a room one is not in',
      { 'upload-length': '1', 'upload-metadata': uploadMetadata({ name: 'a', roomId: 'den' }) },
      'room_not_found',
    ],
    [
      'a checksum of another kind',
      { 'upload-length': '1', 'upload-checksum': 'crc32 AAAA' },
      'invalid_request',
    ],
    ['nothing to put together', { 'upload-concat': 'final;' }, 'invalid_request'],
    ['a part of no kind', { 'upload-concat': 'whole', 'upload-length': '1' }, 'invalid_request'],
  ])('with %s creates nothing', async (_, headers, expected) => {
    expect(await code(alice.create(headers))).toBe(expected)
    expect((await pool.query('select 1 from uploads')).rows).toEqual([])
  })

  it('may call the name of the file filename; one that has both is called by its name', async () => {
    const created = async (metadata: Record<string, string>) => {
      const about = uploadMetadata({ roomId: 'lobby', ...metadata })
      const answer = await alice.create({ 'upload-length': '1', 'upload-metadata': about })
      expect(answer.status).toBe(201)
      const id = uploadId(answer.headers.get('location') ?? '')
      return (await pool.query('select name from uploads where id = $1', [id])).rows[0].name
    }
    expect(await created({ filename: 'cat.png', filetype: 'image/png' })).toBe('cat.png')
    expect(await created({ filename: 'cat.png', name: 'dog.png', type: 'image/png' })).toBe('dog.png')
    const nameless = uploadMetadata({ roomId: 'lobby' })
    const problem = await problemOf(await alice.create({ 'upload-length': '1', 'upload-metadata': nameless }))
    expect(problem.code).toBe('invalid_request')
    expect(problem.detail).toMatch(/\bname\b.*\bfilename\b/)
  })

  it('says the version', async () => {
    const answer = await alice.create({ 'upload-length': '1', 'tus-resumable': '0.2.2' })
    expect(answer.headers.get('tus-version')).toBe('1.0.0')
    expect(answer.status).toBe(412)
    expect((await problemOf(answer)).code).toBe('tus_version')
  })

  it('says what its bytes are and where they go', async () => {
    const path = await alice.created(1)
    const bare = { 'content-type': 'application/offset+octet-stream' }
    expect(await code(alice.send('PATCH', path, bare, Buffer.alloc(1)))).toBe('invalid_request')
    const other = { 'content-type': 'text/plain' }
    expect(await code(alice.patch(path, 0, Buffer.alloc(1), other))).toBe('unsupported_media_type')
    expect(await code(alice.send('GET', path, {}))).toBe('method_not_allowed')
    expect(await code(alice.send('PATCH', '/v1/uploads', {}))).toBe('method_not_allowed')
  })

  it('may say its method in a header', async () => {
    const path = await alice.created(4)
    const headers = {
      'x-http-method-override': 'PATCH',
      'upload-offset': '0',
      'content-type': 'application/offset+octet-stream',
    }
    expect((await alice.send('POST', path, headers, Buffer.from('text'))).status).toBe(204)
    await expectFile(path, Buffer.from('text'))
  })

  it('with an Idempotency-Key creates once', async () => {
    const key = { 'idempotency-key': 'one' }
    const paths = await Promise.all(Array.from({ length: 8 }, () => alice.created(4, key)))
    expect(new Set(paths).size).toBe(1)
    const [path = ''] = paths
    await alice.patch(path, 0, Buffer.from('text'))
    expect(await alice.created(4, key)).toBe(path)
    await expectFile(path, Buffer.from('text'))
    media.rooms.set('den', 'alice', 'publisher')
    const elsewhere = { ...key, 'upload-metadata': uploadMetadata({ roomId: 'den', name: 'a' }) }
    expect(await code(alice.create({ 'upload-length': '4', ...elsewhere }))).toBe('conflict')
    expect(await tusAs('bob', media.url).created(4, key)).not.toBe(path)
  })
})

it('answers whatever headers come with a refusal or a success, never with a fault', async () => {
  const seed = Number(process.env.TRUNKLINE_SEED) || Math.floor(Math.random() * 2 ** 31)
  console.log(`seed ${seed} (TRUNKLINE_SEED=${seed} repeats it)`)
  let drawn = 0
  const pick = <T>(values: readonly T[]): T => {
    const bytes = createHash('sha256').update(`${seed} ${drawn++}`).digest()
    return values[bytes.readUInt32BE() % values.length] as T
  }
  const part = await alice.part(randomBytes(10))
  const whole = await alice.created(10)
  const done = await alice.created(0)
  const odd = [
    '',
    '0',
    '1',
    '-1',
    '10',
    '1e9',
    '9007199254740993',
    'NaN',
    '0x10',
    ' ',
    ',',
    'a b c',
    '\u00ff',
    'x'.repeat(2_000),
  ]
  const values = new Map<string, readonly string[]>([
    ['upload-length', odd],
    ['upload-offset', odd],
    ['upload-defer-length', odd],
    [
      'upload-metadata',
      [...odd, uploadMetadata({ roomId: 'lobby', name: 'a' }), 'roomId', 'roomId ====,name'],
    ],
    ['upload-checksum', [...odd, 'sha1', 'sha1 !', 'md5 AAAA', 'sha256 AAAA AAAA']],
    [
      'upload-concat',
      [...odd, 'partial', 'final;', `final;${part}`, 'final;/ // %00', 'final;https://a.example/b'],
    ],
    ['content-type', [...odd, 'application/offset+octet-stream']],
    ['x-http-method-override', [...odd, 'PATCH', 'delete', 'HEAD', 'CONNECT', 'TRACE']],
    ['idempotency-key', odd],
  ])
  const paths = [
    '/v1/uploads',
    '/v1/uploads/',
    part,
    whole,
    done,
    '/v1/uploads/uploads',
    '/v1/uploads/%2e%2e',
    '/v1/uploads/a%00b',
  ]
  const statuses = new Map<number, number>()
  for (let round = 0; round < 400; round++) {
    const headers = Object.fromEntries(
      [...values].filter(() => pick([true, false])).map(([name, all]) => [name, pick(all)]),
    )
    const method = pick(['POST', 'PATCH', 'HEAD', 'DELETE', 'OPTIONS', 'GET', 'PUT'])
    const body = pick([undefined, randomBytes(5), randomBytes(10)])
    const hasBody = method !== 'HEAD' && method !== 'GET' && body !== undefined
    const path = pick(paths)
    const { status } = await alice.send(method, path, headers, hasBody ? body : undefined)
    expect(status, JSON.stringify({ method, path, headers })).toBeLessThan(500)
    statuses.set(status, (statuses.get(status) ?? 0) + 1)
  }
  // Not all of it was refused for one reason.
  expect(statuses.size).toBeGreaterThan(4)
})

describe('who may', () => {
  it('somebody else sees nothing of an upload', async () => {
    const path = await alice.created(10)
    const bob = tusAs('bob', media.url)
    const answers = [bob.patch(path, 0, randomBytes(10)), bob.remove(path)]
    for (const answer of answers) expect(await code(answer)).toBe('not_found')
    expect((await bob.head(path)).status).toBe(404)
    expect((await bob.head('/v1/uploads/file_0')).status).toBe(404)
    expect(await code(tusAs('alice', media.url).patch('/v1/uploads/file_0', 0, randomBytes(1)))).toBe(
      'not_found',
    )
    expect(await alice.offset(path)).toBe(0)
  })

  it('a token is asked for, and looked at', async () => {
    const path = await alice.created(10)
    for (const [authorization, expected] of [
      ['', 'token_missing'],
      ['Bearer forged', 'token_signature'],
    ] as const) {
      expect(await code(alice.create({ 'upload-length': '1', authorization }))).toBe(expected)
      expect(await code(alice.patch(path, 0, randomBytes(1), { authorization }))).toBe(expected)
      expect(await code(alice.patch('/v1/uploads/file_0', 0, randomBytes(1), { authorization }))).toBe(
        expected,
      )
      const part = { 'upload-length': '1', 'upload-concat': 'partial', authorization }
      expect(await code(alice.create(part))).toBe(expected)
    }
  })

  it.each(['member', 'pending', 'banned'] as const)('a %s sends nothing', async role => {
    const path = await alice.created(10)
    const part = await alice.part(randomBytes(10))
    media.rooms.set('lobby', 'alice', role)
    expect(await code(alice.create({ 'upload-length': '1' }))).toBe('forbidden')
    expect(await code(alice.patch(path, 0, randomBytes(10)))).toBe('forbidden')
    expect(await code(alice.create({ 'upload-concat': `final;${part}` }))).toBe('forbidden')
    expect((await alice.remove(path)).status).toBe(204)
  })

  it('who left the room sees nothing of the upload', async () => {
    const path = await alice.created(10)
    media.rooms.set('lobby', 'alice', undefined)
    expect(await code(alice.patch(path, 0, randomBytes(10)))).toBe('not_found')
  })

  it.each(['banned', undefined] as const)('who is banned while sending gets nothing in (%s)', async role => {
    const path = await alice.created(1_000)
    const socket = await begin(media, path, 999)
    await eventually(() => media.staging.size(uploadId(path))).toBe(999)
    media.rooms.set('lobby', 'alice', role)
    socket.write('x')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toMatch(role ? /^HTTP\/1.1 403 / : /^HTTP\/1.1 404 /)
    socket.destroy()
    media.rooms.set('lobby', 'alice', 'publisher')
    await expectGone(path)
  })
})

/** Sends the beginning of a PATCH of 1000 bytes by hand. */
const begin = async (to: TestMedia, path: string, sent: number, headers: string[] = []): Promise<Socket> => {
  const socket = connect(Number(new URL(to.url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.on('error', () => {})
  const head = [
    `PATCH ${path} HTTP/1.1`,
    'Host: x',
    'Authorization: Bearer token-of-alice',
    'Tus-Resumable: 1.0.0',
    'Upload-Offset: 0',
    'Content-Type: application/offset+octet-stream',
    'Content-Length: 1000',
    ...headers,
  ]
  socket.write([...head, '', 'x'.repeat(sent)].join('\r\n'))
  return socket
}

describe('a checksum', () => {
  it.each(['sha1', 'sha256', 'md5'])('by %s is compared', async algorithm => {
    const body = randomBytes(10_000)
    const path = await alice.created(body.byteLength)
    const of = (bytes: Uint8Array) => ({
      'upload-checksum': `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}`,
    })
    const [one, two] = [body.subarray(0, 4_000), body.subarray(4_000)]
    expect((await alice.patch(path, 0, one, of(one))).status).toBe(204)
    const wrong = await alice.patch(path, 4_000, two, of(one))
    expect(wrong.status).toBe(460)
    expect((await problemOf(wrong)).code).toBe('checksum_mismatch')
    expect(await alice.offset(path)).toBe(4_000)
    expect((await alice.patch(path, 4_000, two, of(two))).status).toBe(204)
    await expectFile(path, body)
  })

  it('of bytes that come with the creation is compared', async () => {
    const checksum = { 'upload-length': '4', 'upload-checksum': 'sha1 AAAAAAAAAAAAAAAAAAAAAAAAAAA=' }
    expect(await code(alice.create(checksum, Buffer.from('text')))).toBe('checksum_mismatch')
    const { rows } = await pool.query('select id from uploads')
    expect(rows).toHaveLength(1)
    expect(await alice.offset(`/v1/uploads/${rows[0].id}`)).toBe(0)
  })

  it('that cannot be compared keeps nothing', async () => {
    const path = await alice.created(1_000)
    const socket = await begin(media, path, 500, ['Upload-Checksum: sha1 AAAA'])
    await eventually(() => media.staging.size(uploadId(path))).toBe(500)
    socket.destroy()
    await eventually(() => alice.offset(path)).toBe(0)
  })

  it('keeps nothing either when the process died before it was compared', async () => {
    const path = await alice.created(1_000)
    const { Readable } = await import('node:stream')
    await media.staging.append(uploadId(path), 0, Readable.from([randomBytes(1_000)]))
    await pool.query('update uploads set unchecked_from = 300 where id = $1', [uploadId(path)])
    expect(await alice.offset(path)).toBe(300)
  })
})

it('answers as OpenAPI says that it does', async () => {
  type Documented = { responses: Record<string, { headers?: Record<string, unknown> }> }
  const paths = openApi.paths as unknown as Record<string, Record<string, Documented>>
  const assertDocumented = (path: string, method: string, answer: Response): Set<string> => {
    const documented = paths[path]?.[method]?.responses[answer.status]
    expect(documented, `${method} ${path} ${answer.status}`).toBeDefined()
    const said = [...answer.headers.keys()].filter(name => /^(upload|tus|location)/.test(name))
    const names = Object.keys(documented?.headers ?? {}).map(name => name.toLowerCase())
    expect(names, `${method} ${path} ${answer.status}`).toEqual(expect.arrayContaining(said))
    return new Set(said)
  }
  const [uploads, one] = ['/v1/uploads', '/v1/uploads/{id}']
  const described = assertDocumented(uploads, 'options', await alice.send('OPTIONS', uploads, {}))
  expect([...described].sort()).toEqual([
    'tus-checksum-algorithm',
    'tus-extension',
    'tus-max-size',
    'tus-resumable',
    'tus-version',
  ])
  const created = await alice.create({ 'upload-defer-length': '1' })
  expect(assertDocumented(uploads, 'post', created)).toContain('location')
  const path = created.headers.get('location') ?? ''
  expect(assertDocumented(one, 'head', await alice.head(path))).toContain('upload-defer-length')
  expect(assertDocumented(one, 'patch', await alice.patch(path, 0, randomBytes(5)))).toContain(
    'upload-offset',
  )
  assertDocumented(one, 'delete', await alice.remove(path))
  const part = await alice.part(randomBytes(5))
  const whole = await alice.create({ 'upload-concat': `final;${part}` })
  assertDocumented(uploads, 'post', whole)
  const head = await alice.head(whole.headers.get('location') ?? '')
  expect(assertDocumented(one, 'head', head)).toContain('upload-concat')
  // What is refused.
  for (const headers of [{ 'tus-resumable': '0.1' }, { authorization: '' }, { 'upload-length': 'x' }]) {
    const refused = await alice.create({ 'upload-length': '1', ...(headers as Record<string, string>) })
    expect(Object.keys(paths[uploads]?.post?.responses ?? {})).toContain(String(refused.status))
  }
  expect((await alice.head(path)).status).toBe(404)
})

describe('parts', () => {
  it('are put together', async () => {
    const bodies = [randomBytes(100_000), randomBytes(1), Buffer.alloc(0), randomBytes(50_000)]
    const parts = await Promise.all(bodies.map(body => alice.part(body)))
    expect((await alice.head(parts[0] ?? '')).headers.get('upload-concat')).toBe('partial')
    // Whole addresses, as most clients name them.
    const urls = parts.map(path => media.url + path)
    const answer = await alice.create({ 'upload-concat': `final;${urls.join(' ')}` })
    expect(answer.status).toBe(201)
    const path = answer.headers.get('location') ?? ''
    await expectFile(path, Buffer.concat(bodies))
    for (const part of parts) await expectGone(part)
    const head = await alice.head(path)
    expect(head.headers.get('upload-concat')).toBe(`final;${parts.join(' ')}`)
    expect(head.headers.get('upload-offset')).toBe('150001')
    // Of what came in one piece nothing is said.
    const plain = await alice.created(1)
    expect((await alice.head(plain)).headers.get('upload-concat')).toBeNull()
  })

  it('need no room of their own, and belong to one user', async () => {
    const bare = { 'upload-metadata': '', 'upload-length': '4', 'upload-concat': 'partial' }
    const made = await alice.create(bare, Buffer.from('text'))
    const part = made.headers.get('location') ?? ''
    const bob = tusAs('bob', media.url)
    expect((await bob.head(part)).status).toBe(404)
    expect(await code(bob.create({ 'upload-concat': `final;${part}` }))).toBe('not_found')
    const answer = await alice.create({ 'upload-concat': `final;${part}` })
    await expectFile(answer.headers.get('location') ?? '', Buffer.from('text'))
  })

  it('are all there, each once, and not too many or too large together', async () => {
    const finished = await alice.part(randomBytes(600_000))
    const other = await alice.part(randomBytes(600_000))
    const begun = await alice.created(10, { 'upload-concat': 'partial' })
    const whole = await alice.created(10)
    for (const [concat, expected] of [
      [`${finished} ${begun}`, 'conflict'],
      [`${finished} ${finished}`, 'invalid_request'],
      [`${finished} ${whole}`, 'not_found'],
      [`${finished} /v1/uploads/file_0`, 'not_found'],
      [`${finished} ${other}`, 'too_large'],
      [Array.from({ length: 33 }, (_, n) => `/v1/uploads/file_${n}`).join(' '), 'limit_reached'],
    ]) {
      expect(await code(alice.create({ 'upload-concat': `final;${concat}` }))).toBe(expected)
    }
    const length = { 'upload-length': '600000', 'upload-concat': `final;${finished}` }
    expect(await code(alice.create(length))).toBe('invalid_request')
    expect(await alice.offset(finished)).toBe(600_000)
  })

  it('are put together once by one request that is repeated', async () => {
    const part = await alice.part(Buffer.from('text'))
    const final = { 'upload-concat': `final;${part}`, 'idempotency-key': 'together' }
    const first = await alice.create(final)
    const second = await alice.create(final)
    expect([first.status, second.status]).toEqual([201, 201])
    expect(second.headers.get('location')).toBe(first.headers.get('location'))
  })

  it('are put together once by many such requests at a time', async () => {
    const part = await alice.part(randomBytes(100_000))
    const final = { 'upload-concat': `final;${part}`, 'idempotency-key': 'at-once' }
    const answers = await Promise.all(Array.from({ length: 8 }, () => alice.create(final)))
    expect(answers.map(answer => answer.status)).toEqual(answers.map(() => 201))
    expect(new Set(answers.map(answer => answer.headers.get('location'))).size).toBe(1)
  })

  it('are put together by the repeated request when the first died before it had', async () => {
    const part = await alice.part(Buffer.from('text'))
    const id = `file_${'d'.repeat(32)}`
    // What a crash leaves between the row and the bytes.
    await pool.query(
      `insert into uploads (id, room_id, uploader, name, size, reserved, request_key, expires_at)
        values ($1, 'lobby', 'alice', 'a.bin', 4, 0, 'died', now() + interval '1 day')`,
      [id],
    )
    const other = await alice.part(Buffer.from('longer'))
    const final = { 'upload-concat': `final;${part}`, 'idempotency-key': 'died' }
    expect(await code(alice.create({ ...final, 'upload-concat': `final;${other}` }))).toBe('conflict')
    const answer = await alice.create(final)
    expect([answer.status, answer.headers.get('location')]).toEqual([201, `/v1/uploads/${id}`])
    await expectFile(`/v1/uploads/${id}`, Buffer.from('text'))
    await expectGone(part)
  })
})

describe('a quota', () => {
  it('is not passed by uploads that race', async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => alice.create({ 'upload-length': '200000' })),
    )
    expect(answers.filter(answer => answer.status === 201)).toHaveLength(15)
    const refused = answers.filter(answer => answer.status !== 201)
    for (const answer of refused) {
      expect(await problemOf(answer)).toMatchObject({ code: 'limit_reached', limit: 3_000_000 })
    }
    // Each has its own.
    expect((await tusAs('bob', media.url).create({ 'upload-length': '200000' })).status).toBe(201)
  })

  it('counts files, parts, and what may yet come of those whose length nobody knows', async () => {
    const body = randomBytes(900_000)
    await alice.patch(await alice.created(900_000), 0, body)
    await alice.part(body)
    const deferred = await alice.create({ 'upload-defer-length': '1' })
    expect(await code(alice.create({ 'upload-length': '200001' }))).toBe('limit_reached')
    const path = deferred.headers.get('location') ?? ''
    expect((await alice.patch(path, 0, randomBytes(1), { 'upload-length': '100' })).status).toBe(204)
    // Now it counts as what it will be.
    expect((await alice.create({ 'upload-length': '1000000' })).status).toBe(201)
    expect(await code(alice.create({ 'upload-length': '200000' }))).toBe('limit_reached')
    await alice.remove(path)
    expect((await alice.create({ 'upload-length': '200000' })).status).toBe(201)
    expect(await code(media.post('alice', 'lobby', 'a', randomBytes(1)))).toBe('limit_reached')
  })

  it('holds for how many are open', async () => {
    for (let made = 0; made < 100; made++) await alice.created(1)
    expect(await problemOf(await alice.create({ 'upload-length': '1' }))).toMatchObject({
      code: 'limit_reached',
      limit: 100,
    })
  })
})

describe('one writer at a time', () => {
  it('a request that stands still makes room, and what came of it is kept', async () => {
    const path = await alice.created(1_000)
    const socket = await begin(media, path, 400)
    await eventually(() => media.staging.size(uploadId(path))).toBe(400)
    const closed = once(socket, 'close')
    expect(await alice.offset(path)).toBe(400)
    await closed
    const rest = randomBytes(600)
    expect((await alice.patch(path, 400, rest)).status).toBe(204)
    await expectFile(path, Buffer.concat([Buffer.from('x'.repeat(400)), rest]))
  })

  it('also of two processes', async () => {
    const { rooms, folder } = media
    const other = await startMedia({ pool, rooms, folder, objects: media.objects, staging: media.staging })
    onTestFinished(() => other.close())
    const path = await alice.created(1_000)
    const socket = await begin(other, path, 400)
    await eventually(() => media.staging.size(uploadId(path))).toBe(400)
    const closed = once(socket, 'close')
    expect(await alice.offset(path)).toBe(400)
    await closed
    expect((await alice.patch(path, 400, randomBytes(600))).status).toBe(204)
  })

  it('writes once, whoever sends the same bytes at once', async () => {
    const body = randomBytes(200_000)
    const path = await alice.created(body.byteLength)
    const answers = await Promise.all(
      Array.from({ length: 6 }, () => alice.patch(path, 0, body).catch(() => undefined)),
    )
    expect(answers.filter(answer => answer?.status === 204).length).toBeLessThanOrEqual(1)
    await alice.patch(path, await alice.offset(path), body.subarray(await alice.offset(path)))
    await expectFile(path, body)
  })

  it('whoever loses the lock stops, and uploads go on', async () => {
    const path = await alice.created(1_000)
    const socket = await begin(media, path, 400)
    await eventually(() => media.staging.size(uploadId(path))).toBe(400)
    const closed = once(socket, 'close')
    await pool.query(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'trunkline uploads'",
    )
    await closed
    await eventually(() => alice.offset(path)).toBe(400)
    expect((await alice.patch(path, 400, randomBytes(600))).status).toBe(204)
  })
})
