import { randomBytes } from 'node:crypto'
import { type IncomingMessage, request } from 'node:http'
import { LIMITS, type LinkedFile, type Role } from '@trunkline/protocol'
import type pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DownloadStage, type StagedFile, stageDownloads } from '../testing/download-stage.ts'
import { problemOf, startDatabase } from '../testing/platform.ts'
import { FileLinks } from './links.ts'

let pool: pg.Pool
let stage: DownloadStage
let closeDatabase = async () => {}
const TEXT = '0123456789abcdefghij'
const THUMB = randomBytes(300)
const UNKNOWN_ID = 'file_00000000000000000000000000000000'
let text = ''
let photo = ''
const base: StagedFile = {
  room: 'lobby',
  uploader: 'alice',
  name: 'file',
  mime: 'application/octet-stream',
  bytes: Buffer.from(TEXT),
}
/** One whose bytes no other file has. */
const other = (): StagedFile => ({ ...base, bytes: randomBytes(20) })
const photoOf = (name: string): StagedFile => ({
  ...base,
  name,
  mime: 'image/png',
  bytes: randomBytes(1_000),
  details: { width: 1000, height: 500, placeholder: 'abcd' },
  made: [{ name: 'thumb512', mime: 'image/webp', bytes: THUMB }],
})

beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
  stage = await stageDownloads({ pool })
  stage.rooms.set('lobby', 'alice', 'publisher')
  stage.rooms.set('lobby', 'mona', 'member')
  stage.rooms.set('den', 'zoe', 'owner')
  text = await stage.add({ ...base, name: 'häns "x".txt' })
  photo = await stage.add(photoOf('photo.png'))
}, 60_000)
afterAll(async () => {
  await stage?.close()
  await closeDatabase()
})

const linked = async (user: string, id: string): Promise<LinkedFile> => {
  const [file] = await stage.list(user, [id])
  if (!file) throw new Error(`${user} is not told of ${id}`)
  return file
}
const linkOf = async (user: string, id: string, variant: keyof LinkedFile['links'] = 'original') => {
  const link = (await linked(user, id)).links[variant]
  if (!link) throw new Error(`${id} has no link to ${variant}`)
  return link
}

describe('a download', () => {
  it('brings the bytes, as a thing that cannot act', async () => {
    const link = await linkOf('mona', text)
    for (const response of [await stage.get('mona', `/v1/files/${text}`), await stage.follow(link)]) {
      expect(response.status).toBe(200)
      expect(await response.text()).toBe(TEXT)
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'application/octet-stream',
        'content-length': '20',
        'content-disposition': `attachment; filename="h_ns _x_.txt"; filename*=UTF-8''h%C3%A4ns%20%22x%22.txt`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "sandbox; default-src 'none'",
        'cross-origin-resource-policy': 'cross-origin',
        'cache-control': 'private, no-cache',
        'accept-ranges': 'bytes',
        vary: 'Authorization',
      })
    }
  })

  it('of a picture is shown in place, or saved when that is asked for', async () => {
    const link = await linkOf('mona', photo)
    const disposition = async (path: string) => (await stage.follow(path)).headers.get('content-disposition')
    expect((await stage.follow(link)).headers.get('content-type')).toBe('image/png')
    expect(await disposition(link)).toMatch(/^inline; /)
    expect(await disposition(`${link}&download=1`)).toMatch(/^attachment; filename="photo\.png"/)
    expect((await stage.get('mona', `/v1/files/${photo}`)).headers.get('content-disposition')).toMatch(
      /^inline; /,
    )
  })

  it('brings what was made of a file, under a name that fits it', async () => {
    const link = await linkOf('mona', photo, 'thumb512')
    for (const response of [
      await stage.get('mona', `/v1/files/${photo}/thumb512`),
      await stage.follow(link),
    ]) {
      expect(response.status).toBe(200)
      expect(Object.fromEntries(response.headers)).toMatchObject({
        'content-type': 'image/webp',
        'content-length': '300',
        'content-disposition': `inline; filename="photo.webp"; filename*=UTF-8''photo.webp`,
        'x-content-type-options': 'nosniff',
        'content-security-policy': "sandbox; default-src 'none'",
      })
      expect(THUMB.equals(new Uint8Array(await response.arrayBuffer()))).toBe(true)
    }
  })

  it('of a variant that is not there says so', async () => {
    expect(await problemOf(await stage.get('mona', `/v1/files/${text}/thumb512`))).toMatchObject({
      code: 'not_found',
      detail: 'There is no thumb512 of this file.',
    })
    expect(await problemOf(await stage.get('mona', `/v1/files/${text}/huge`))).toMatchObject({
      code: 'invalid_request',
    })
  })

  it('is answered without bytes when the client has them', async () => {
    const links = [await linkOf('mona', photo), await linkOf('mona', photo, 'thumb512')]
    const etags = new Set<string>()
    for (const path of [`/v1/files/${text}`, `/v1/files/${photo}`, `/v1/files/${photo}/thumb512`, ...links]) {
      const etag = (await stage.get('mona', path)).headers.get('etag') ?? ''
      expect(etag).toMatch(/^"[0-9a-f]{64}"$/)
      etags.add(etag)
      const response = await stage.get('mona', path, { 'if-none-match': etag })
      expect([response.status, await response.text()]).toEqual([304, ''])
      expect((await stage.get('mona', path, { 'if-none-match': '"other"' })).status).toBe(200)
    }
    // By link or by token, one content has one tag.
    expect(etags.size).toBe(3)
  })

  it('answers HEAD with the headers alone', async () => {
    for (const path of [`/v1/files/${text}`, await linkOf('mona', text)]) {
      const response = await stage.get('mona', path, {}, 'HEAD')
      expect([response.status, await response.text()]).toEqual([200, ''])
      expect(response.headers.get('content-length')).toBe('20')
    }
  })
})

describe('a range', () => {
  it.each([
    ['bytes=0-3', '0123', 'bytes 0-3/20'],
    ['bytes=15-', 'fghij', 'bytes 15-19/20'],
    ['bytes=-2', 'ij', 'bytes 18-19/20'],
    ['bytes=18-500', 'ij', 'bytes 18-19/20'],
  ])('%s', async (range, expected, contentRange) => {
    for (const path of [`/v1/files/${text}`, await linkOf('mona', text)]) {
      const response = await stage.get('mona', path, { range })
      expect([response.status, await response.text()]).toEqual([206, expected])
      expect(response.headers.get('content-range')).toBe(contentRange)
      expect(response.headers.get('content-length')).toBe(String(expected.length))
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    }
  })

  it('beyond the end is refused, with the size', async () => {
    for (const range of ['bytes=20-', 'bytes=20-30', 'bytes=-0']) {
      const response = await stage.get('mona', `/v1/files/${text}`, { range })
      expect(response.headers.get('content-range')).toBe('bytes */20')
      expect((await problemOf(response)).code).toBe('range_not_satisfiable')
    }
  })

  it('that is none, or several, brings everything', async () => {
    for (const range of ['bytes=0-1,3-4', 'bytes=5-2', 'lines=1-2', 'bytes=x']) {
      const response = await stage.get('mona', `/v1/files/${text}`, { range })
      expect([response.status, await response.text()]).toEqual([200, TEXT])
    }
  })

  it('counts only for the file the client began with', async () => {
    const path = `/v1/files/${text}`
    const etag = (await stage.get('mona', path)).headers.get('etag') ?? ''
    const status = async (ifRange: string) =>
      (await stage.get('mona', path, { range: 'bytes=0-1', 'if-range': ifRange })).status
    expect([await status(etag), await status('"old"')]).toEqual([206, 200])
  })

  it('is of no interest to who has the bytes, or asks for none', async () => {
    const path = `/v1/files/${text}`
    const etag = (await stage.get('mona', path)).headers.get('etag') ?? ''
    for (const range of ['bytes=0-3', 'bytes=20-']) {
      expect((await stage.get('mona', path, { range, 'if-none-match': etag })).status).toBe(304)
      const head = await stage.get('mona', path, { range }, 'HEAD')
      expect([head.status, head.headers.get('content-length')]).toEqual([200, '20'])
    }
  })

  it('of nothing is refused; a file of no bytes is downloaded', async () => {
    const empty = await stage.add({ ...base, bytes: Buffer.alloc(0) })
    const response = await stage.get('mona', `/v1/files/${empty}`)
    expect([response.status, await response.text(), response.headers.get('content-length')]).toEqual([
      200,
      '',
      '0',
    ])
    expect((await stage.get('mona', `/v1/files/${empty}`, { range: 'bytes=0-' })).status).toBe(416)
  })
})

describe('how far a file has come', () => {
  const codeOf = async (id: string) => {
    const problem = await problemOf(await stage.get('mona', `/v1/files/${id}`))
    return [problem.code, problem.detail]
  }

  it('decides whether anybody gets it: not while it is checked', async () => {
    for (const state of [null, 'arriving'] as const) {
      const id = await stage.add({ ...other(), state })
      expect((await codeOf(id))[0]).toBe('unavailable')
      expect(await linked('mona', id)).toMatchObject({ state: 'checking', links: {} })
    }
  })

  it('nor when it was quarantined, and says why', async () => {
    const reason = 'A scanner found Eicar-Test-Signature in this file.'
    const id = await stage.add({ ...photoOf('x.png'), state: 'quarantined', reason })
    expect(await codeOf(id)).toEqual(['forbidden', reason])
    expect(await linked('alice', id)).toMatchObject({ state: 'quarantined', reason, links: {} })
    // A link of before helps nobody.
    const link = new FileLinks(stage.linkKey)
    const path = link.sign({ fileId: id, variant: 'original', userId: 'mona' }, link.expiry())
    expect((await problemOf(await stage.follow(path))).code).toBe('forbidden')
  })

  it('is shown only once it was looked at; what failed is bytes to be saved', async () => {
    const headersOf = async (state: 'processing' | 'failed') => {
      const id = await stage.add({ ...photoOf('x.png'), state, made: [], reason: 'This picture is damaged.' })
      const { headers } = await stage.get('mona', `/v1/files/${id}`)
      return [headers.get('content-type'), headers.get('content-disposition')?.split(';', 1)[0]]
    }
    expect(await headersOf('processing')).toEqual(['image/png', 'attachment'])
    expect(await headersOf('failed')).toEqual(['application/octet-stream', 'attachment'])
  })

  it.each(['text/html', 'image/svg+xml', 'application/pdf', 'text/javascript'])(
    'never makes %s something a browser shows by itself',
    async mime => {
      const id = await stage.add({ ...other(), mime })
      const { headers } = await stage.follow(await linkOf('mona', id))
      expect(headers.get('content-disposition')).toMatch(/^attachment; /)
      expect(headers.get('content-security-policy')).toBe("sandbox; default-src 'none'")
    },
  )
})

describe('a list of files', () => {
  it('tells what each is, in the order asked for, with a link for every variant', async () => {
    const found = await stage.list('mona', [photo, UNKNOWN_ID, text, photo])
    expect(found.map(({ id }) => id)).toEqual([photo, text])
    expect(found[0]).toMatchObject({
      roomId: 'lobby',
      uploader: 'alice',
      name: 'photo.png',
      mime: 'image/png',
      size: 1_000,
      state: 'ready',
      width: 1000,
      height: 500,
      placeholder: 'abcd',
      derivatives: [{ name: 'thumb512', size: 300 }],
    })
    expect(Object.keys(found[0]?.links ?? {})).toEqual(['original', 'thumb512'])
    const ends = Date.parse(found[0]?.linksExpireAt ?? '') - Date.now()
    expect(ends).toBeGreaterThan((LIMITS.fileLinkSeconds / 2 - 10) * 1000)
    expect(ends).toBeLessThanOrEqual(LIMITS.fileLinkSeconds * 1000)
  })

  it('leaves out what the caller may not read, as what is not there', async () => {
    const secret = await stage.add({ ...other(), room: 'den' })
    expect(await stage.list('mona', [secret, text, UNKNOWN_ID])).toHaveLength(1)
    expect(await stage.list('zoe', [text, photo])).toEqual([])
    expect(await stage.list('zoe', [UNKNOWN_ID])).toEqual([])
  })

  it('asks for a token, and for as many ids as the limit says', async () => {
    const problem = async (user: string | undefined, ids: string) => {
      const response = await fetch(`${stage.url}/v1/files?ids=${ids}`, {
        headers: user === undefined ? {} : { authorization: `Bearer ${user}` },
      })
      return (await problemOf(response)).code
    }
    expect(await problem(undefined, text)).toBe('token_missing')
    expect(await problem('forged', text)).toBe('token_signature')
    expect(await problem('forged', UNKNOWN_ID)).toBe('token_signature')
    const many = Array.from({ length: LIMITS.filesPerRequest + 1 }, (_, n) => `file_${n}`)
    expect(await problem('token-of-mona', many.join())).toBe('invalid_request')
    expect(await problem('token-of-mona', '')).toBe('invalid_request')
    expect(await problem('token-of-mona', `a&ids=b`)).toBe('invalid_request')
    expect(await stage.list('mona', many.slice(1))).toEqual([])
  })

  it('gives the same links again, so that browsers find what they keep; others to others', async () => {
    const first = await linkOf('mona', photo, 'thumb512')
    const again = await linkOf('mona', photo, 'thumb512')
    // The half hour may have ended in between.
    if (first !== again) expect(await linkOf('mona', photo, 'thumb512')).toBe(again)
    expect(await linkOf('alice', photo, 'thumb512')).not.toBe(again)
  })
})

describe('who is not in the room', () => {
  it("learns nothing: other people's files and unknown ones give one answer", async () => {
    const answers: unknown[] = []
    const before = stage.rooms.asked
    for (const path of [text, photo, `${photo}/thumb512`, UNKNOWN_ID, `${UNKNOWN_ID}/thumb512`]) {
      const response = await stage.get('zoe', `/v1/files/${path}`, { range: 'bytes=0-1' })
      const { requestId, ...problem } = await problemOf(response)
      const headers = [...response.headers.keys()].sort()
      answers.push({ problem, headers })
      expect(requestId).toBe(response.headers.get('x-request-id'))
    }
    expect(answers[0]).toMatchObject({ problem: { code: 'not_found', status: 404 } })
    for (const answer of answers) expect(answer).toEqual(answers[0])
    // Signalling was asked each time, so that neither the time nor a bad token tells them apart.
    expect(stage.rooms.asked - before).toBe(5)
  })

  it('and has a bad token gets one answer as well', async () => {
    for (const id of [text, UNKNOWN_ID]) {
      const forged = { authorization: 'Bearer forged' }
      for (const method of ['GET', 'DELETE']) {
        const path = `/v1/files/${id}`
        expect((await problemOf(await stage.get('zoe', path, forged, method))).code).toBe('token_signature')
        expect((await problemOf(await fetch(stage.url + path, { method }))).code).toBe('token_missing')
      }
    }
  })

  it.each<Role | undefined>(['pending', 'banned', undefined])(
    'any more (%s) gets nothing, caches and links or not',
    async role => {
      stage.rooms.set('lobby', 'bob', 'member')
      const path = `/v1/files/${text}`
      const etag = (await stage.get('bob', path)).headers.get('etag') ?? ''
      const conditional = { 'if-none-match': etag }
      const links = [await linkOf('bob', text), await linkOf('bob', photo, 'thumb512')]
      expect((await stage.get('bob', path, conditional)).status).toBe(304)
      expect((await stage.follow(links[0] ?? '', conditional)).status).toBe(304)
      stage.rooms.set('lobby', 'bob', role)
      for (const path of [`/v1/files/${text}`, `/v1/files/${photo}/thumb512`]) {
        expect((await problemOf(await stage.get('bob', path, conditional))).code).toBe('not_found')
      }
      for (const link of links) {
        for (const headers of [{}, conditional, { range: 'bytes=0-1' }]) {
          expect((await problemOf(await stage.follow(link, headers))).code).toBe('forbidden')
        }
        expect((await stage.follow(link, {}, 'HEAD')).status).toBe(403)
      }
      expect(await stage.list('bob', [text, photo])).toEqual([])
      stage.rooms.set('lobby', 'bob', 'member')
      expect((await stage.follow(links[0] ?? '')).status).toBe(200)
      stage.rooms.set('lobby', 'bob', undefined)
    },
  )

  it.each(['%ff', '..%2f..%2fetc%2fpasswd', 'a%00b', '__proto__', 'x'.repeat(129)])(
    'finds nothing behind the id %j',
    async id => {
      for (const path of [id, `${id}/original`]) {
        expect((await problemOf(await stage.get('alice', `/v1/files/${path}`))).code).toBe('invalid_request')
      }
      const problem = await problemOf(
        await stage.follow(`/files/${id}/original?user=alice&until=9999999999&signature=x`),
      )
      expect(['forbidden', 'invalid_request']).toContain(problem.code)
    },
  )
})

describe('a link', () => {
  const refused = async (path: string) => {
    const problem = await problemOf(await stage.follow(path))
    return [problem.status, problem.code]
  }
  const changed = (link: string, change: (url: URL) => void): string => {
    const url = new URL(link, stage.url)
    change(url)
    return url.pathname + url.search
  }

  it('is good for one variant of one file and one user, until its end, and nothing else', async () => {
    const link = await linkOf('mona', photo, 'thumb512')
    expect((await stage.follow(link)).status).toBe(200)
    const wrong = [
      changed(link, url => url.searchParams.set('user', 'alice')),
      changed(link, url => url.searchParams.set('user', 'zoe')),
      changed(link, url => url.searchParams.set('until', '9999999999')),
      changed(link, url => url.searchParams.set('until', '-1')),
      changed(link, url => url.searchParams.set('until', 'x')),
      changed(link, url => url.searchParams.set('signature', 'A'.repeat(43))),
      changed(link, url => url.searchParams.set('signature', 'A'.repeat(1_000))),
      changed(link, url => url.searchParams.set('more', '1')),
      changed(link, url => url.searchParams.append('user', 'mona')),
      ...['user', 'until', 'signature'].map(name => changed(link, url => url.searchParams.delete(name))),
      link.replace('/thumb512', '/original'),
      link.replace('/thumb512', '/huge'),
      link.replace(photo, text),
      link.replace(photo, UNKNOWN_ID),
      `/files/${photo}/original`,
    ]
    for (const path of wrong) expect([path, ...(await refused(path))]).toEqual([path, 403, 'forbidden'])
  })

  it('that has expired is refused, with what to do', async () => {
    const links = new FileLinks(stage.linkKey)
    const now = Math.floor(Date.now() / 1000)
    const subject = { fileId: photo, variant: 'original', userId: 'mona' } as const
    const problem = await problemOf(await stage.follow(links.sign(subject, now - 1)))
    expect(problem).toMatchObject({ status: 403, code: 'forbidden' })
    expect(problem.detail).toMatch(/expired.*GET \/v1\/files/)
    expect((await stage.follow(links.sign(subject, now + 60))).status).toBe(200)
  })

  it('of another installation is refused', async () => {
    const links = new FileLinks(randomBytes(32))
    const path = links.sign({ fileId: photo, variant: 'original', userId: 'mona' }, links.expiry())
    expect(await refused(path)).toEqual([403, 'forbidden'])
  })

  it('to a file that was deleted is refused', async () => {
    const id = await stage.add(other())
    const link = await linkOf('mona', id)
    await stage.get('alice', `/v1/files/${id}`, {}, 'DELETE')
    expect(await refused(link)).toEqual([403, 'forbidden'])
  })

  it('is not followed for a bearer token that may not, and needs none', async () => {
    const link = await linkOf('mona', photo)
    expect((await stage.get('zoe', link)).status).toBe(200)
    const zoes = changed(link, url => url.searchParams.set('user', 'zoe'))
    expect((await stage.get('mona', zoes)).status).toBe(403)
  })
})

describe('deleting a file', () => {
  const remove = (user: string, id: string) => stage.get(user, `/v1/files/${id}`, {}, 'DELETE')

  it('takes who sent it, or a moderator', async () => {
    stage.rooms.set('lobby', 'max', 'moderator')
    for (const user of ['alice', 'max']) {
      const id = await stage.add(other())
      const response = await remove(user, id)
      expect([response.status, await response.json()]).toEqual([200, {}])
      expect(stage.deleted.at(-1)).toEqual({ file: { fileId: id, roomId: 'lobby' }, userId: user })
      expect((await problemOf(await stage.get('alice', `/v1/files/${id}`))).code).toBe('not_found')
      expect((await problemOf(await remove(user, id))).code).toBe('not_found')
    }
  })

  it.each<[Role | undefined, string]>([
    ['publisher', 'forbidden'],
    ['member', 'forbidden'],
    ['pending', 'not_found'],
    ['banned', 'not_found'],
    [undefined, 'not_found'],
  ])('is not for others: %s', async (role, code) => {
    const before = stage.deleted.length
    stage.rooms.set('lobby', 'eve', role)
    expect((await problemOf(await remove('eve', text))).code).toBe(code)
    stage.rooms.set('lobby', 'eve', undefined)
    expect(stage.deleted).toHaveLength(before)
  })

  it('is not for whoever sent it and may only read now', async () => {
    const id = await stage.add({ ...other(), uploader: 'mona' })
    expect(await problemOf(await remove('mona', id))).toMatchObject({
      code: 'forbidden',
      detail:
        'Your role in this room, member, cannot delete files: it takes publisher for your own, and moderator for those of others.',
    })
  })
})

describe('a long download', () => {
  const LENGTH = 64 * 1024 * 1024
  let large = ''
  beforeAll(async () => {
    large = await stage.add({ ...base, bytes: Buffer.alloc(LENGTH, 1) })
  })

  /** Begins one of which no more is taken than a chunk every few milliseconds, until `hurry` is called. */
  const begin = (
    path: string,
    user?: string,
  ): Promise<{ ended: Promise<number>; hurry: () => void; response: IncomingMessage }> =>
    new Promise((resolve, reject) => {
      const headers = user === undefined ? {} : { authorization: `Bearer token-of-${user}` }
      const asked = request(stage.url + path, { headers }, response => {
        const { promise: ended, resolve: end } = Promise.withResolvers<number>()
        let size = 0
        let pauseMs = 20
        const hurry = () => {
          pauseMs = 0
        }
        response.on('data', (chunk: Buffer) => {
          size += chunk.byteLength
          if (pauseMs === 0) return
          response.pause()
          setTimeout(() => response.resume(), pauseMs)
        })
        response.on('error', () => undefined)
        response.once('close', () => end(size))
        resolve({ ended, hurry, response })
      })
      asked.once('error', reject)
      asked.end()
    })

  it('ends when its reader is banned, by token or by link; those of others go on', async () => {
    stage.rooms.set('lobby', 'bob', 'member')
    const bobs = [await begin(`/v1/files/${large}`, 'bob'), await begin(await linkOf('bob', large))]
    const monas = await begin(await linkOf('mona', large))
    stage.rooms.set('lobby', 'bob', 'banned')
    const banned = performance.now()
    const sizes = await Promise.all(bobs.map(({ ended }) => ended))
    console.log(`downloads ended ${Math.round(performance.now() - banned)} ms after the ban`)
    for (const size of sizes) expect(size).toBeLessThan(LENGTH)
    monas.hurry()
    expect(await monas.ended).toBe(LENGTH)
    stage.rooms.set('lobby', 'bob', undefined)
  })

  it('goes on while nobody can be asked', async () => {
    const { ended, hurry } = await begin(`/v1/files/${large}`, 'mona')
    stage.rooms.isAway = true
    const before = stage.rooms.asked
    await expect.poll(() => stage.rooms.asked - before).toBeGreaterThan(2)
    stage.rooms.isAway = false
    hurry()
    expect(await ended).toBe(LENGTH)
  })

  it('survives clients that stop listening', async () => {
    for (let round = 0; round < 5; round++) {
      const { response, ended } = await begin(`/v1/files/${large}`, 'mona')
      response.destroy()
      await ended
    }
    const response = await stage.get('mona', `/v1/files/${large}`)
    expect((await response.arrayBuffer()).byteLength).toBe(LENGTH)
  })
})

it('answers with an error, and no headers of the file, when an object is missing', async () => {
  const id = await stage.add({ ...other(), name: 'lost.txt' })
  for await (const { key } of stage.objects.list('files/')) {
    if (key.startsWith(`files/${await contentOf(id)}/`)) await stage.objects.delete(key)
  }
  const response = await stage.get('mona', `/v1/files/${id}`)
  expect(response.headers.get('content-disposition')).toBeNull()
  expect((await problemOf(response)).code).toBe('internal')
})

const contentOf = async (id: string): Promise<string> => {
  const { rows } = await pool.query('select content_id from files where id = $1', [id])
  return rows[0].content_id
}
