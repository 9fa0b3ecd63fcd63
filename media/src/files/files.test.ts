import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { promisify } from 'node:util'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { findProgram } from '../fence.ts'
import { openStore } from '../store/open.ts'
import type { ObjectStore } from '../store/store.ts'
import { VP8 } from '../testing/av.ts'
import { eventually } from '../testing/eventually.ts'
import { fileOf, problemOf, startDatabase, startMedia } from '../testing/platform.ts'
import { phonePhoto, picture } from '../testing/samples.ts'

const ffmpeg = await findProgram('ffmpeg')

let pool: pg.Pool
let closeDatabase = async () => {}
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
}, 60_000)
afterAll(() => closeDatabase())

const start = async (options: Partial<Parameters<typeof startMedia>[0]> = {}) => {
  const media = await startMedia({ pool, ...options })
  onTestFinished(() => media.close())
  media.rooms.set('lobby', 'alice', 'publisher')
  media.rooms.set('lobby', 'bob', 'member')
  media.rooms.set('cellar', 'alice', 'publisher')
  return media
}

// Each test has a store of its own, but the database of all.
beforeEach(async () => {
  await pool.query(
    "do $$ begin if to_regclass('files') is not null then delete from files; delete from file_contents; delete from uploads; delete from trunkline_jobs.job; end if; end $$",
  )
})

const rows = async (table: 'files' | 'file_contents' | 'uploads'): Promise<number> =>
  Number((await pool.query(`select count(*) from ${table}`)).rows[0].count)

/** Nothing is left of any file: neither in the store, nor on its way there, nor in the database. */
const nothingIsLeft = async (media: Awaited<ReturnType<typeof start>>): Promise<void> => {
  await eventually(async () => [
    await media.keys(),
    await media.staged(),
    await rows('files'),
    await rows('file_contents'),
  ]).toEqual([[], [], 0, 0])
}

const remove = (media: Awaited<ReturnType<typeof start>>, user: string, id: string) =>
  media.get(user, `/v1/files/${id}`, {}, 'DELETE')

/** A store that does what `store` does, but for some calls. */
const instead = (store: ObjectStore, some: Partial<ObjectStore>): ObjectStore =>
  new Proxy(store, {
    get(target, name) {
      const other: unknown = Reflect.get(some, name)
      if (other !== undefined) return other
      const own: unknown = Reflect.get(target, name)
      return typeof own === 'function' ? own.bind(target) : own
    },
  })

const execute = promisify(execFile)

const temporaryFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-recorded-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** What ffmpeg makes of its own test sources. */
const recorded = async (ffmpeg: string, name: string, args: string[]): Promise<Buffer> => {
  const path = join(await temporaryFolder(), name)
  await execute(ffmpeg, ['-v', 'error', ...args, path])
  return readFile(path)
}

const picturesOf = (source: string) => ['-f', 'lavfi', '-i', source]
const TONE = ['-f', 'lavfi', '-i', 'sine=frequency=300:duration=3']

/** A minute of video that takes long to convert: in its picture everything moves, and browsers play no MPEG-4. */
const longVideo = async (ffmpeg: string): Promise<Buffer> => {
  const part = join(await temporaryFolder(), 'part.mp4')
  const moving = picturesOf('testsrc2=size=960x540:rate=30:duration=10')
  await execute(ffmpeg, ['-v', 'error', ...moving, '-c:v', 'mpeg4', part])
  return recorded(ffmpeg, 'long.mp4', ['-stream_loop', '5', '-i', part, '-c', 'copy'])
}

/** A scanner as SCAN_URL may name it. */
const startScanner = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/scan`
}

describe('a file that was sent', () => {
  it('is ready with thumbnails soon, and its room is told once', async () => {
    const media = await start()
    const sent = await fileOf(await media.post('alice', 'lobby', 'a.png', await picture('png', 1000, 600)))
    expect(sent).toMatchObject({ name: 'a.png', mime: 'image/png' })
    const file = await media.settled('bob', sent.id)
    expect(file).toMatchObject({ state: 'ready', width: 1000, height: 600 })
    expect(file.derivatives.map(({ name, width }) => [name, width])).toEqual([
      ['thumb128', 128],
      ['thumb512', 512],
      ['thumb1600', 1000],
    ])
    await eventually(() => media.rooms.toldOf(sent.id)).toEqual([
      { type: 'ready', roomId: 'lobby', fileId: sent.id, mime: 'image/png', width: 1000, height: 600 },
    ])
    const thumbnail = await fetch(media.url + file.links.thumb128)
    expect(thumbnail.headers.get('content-type')).toBe('image/webp')
    expect((await thumbnail.arrayBuffer()).byteLength).toBe(file.derivatives[0]?.size)
    expect(await media.staged()).toEqual([])
    expect((await problemOf(await media.get('bob', `/v1/files/${sent.id}/video`))).code).toBe('not_found')
  })

  it('of a kind nothing is made of is ready as it came', async () => {
    const media = await start()
    const { id } = await fileOf(await media.post('alice', 'lobby', 'notes.txt', 'some notes'))
    const ready = { state: 'ready', size: 10, derivatives: [] }
    expect(await media.settled('bob', id)).toMatchObject({ ...ready, mime: 'text/plain' })
    // The same bytes as another kind of text.
    const table = await fileOf(await media.post('alice', 'lobby', 'notes.csv', 'some notes'))
    expect(await media.settled('bob', table.id)).toMatchObject({ ...ready, mime: 'text/csv' })
    for (const [file, mime] of [
      [id, 'text/plain'],
      [table.id, 'text/csv'],
    ] as const) {
      const response = await media.get('bob', `/v1/files/${file}`)
      expect(response.headers.get('content-type')).toBe(`${mime}; charset=utf-8`)
      expect(response.headers.get('content-disposition')).toMatch(/^attachment;/)
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      expect(response.headers.get('content-security-policy')).toContain('sandbox')
      expect(await response.text()).toBe('some notes')
      await eventually(() => media.rooms.toldOf(file)).toEqual([
        { type: 'ready', roomId: 'lobby', fileId: file, mime },
      ])
    }
  })

  it.skipIf(!ffmpeg)('as a voice message has its waveform, and its length that no header says', async () => {
    const media = await start()
    const voice = await recorded(ffmpeg ?? '', 'voice.webm', [...TONE, '-c:a', 'libopus', '-live', '1'])
    const { id } = await fileOf(await media.post('alice', 'lobby', 'voice.webm', voice))
    const file = await media.settled('bob', id)
    expect(file).toMatchObject({ state: 'ready', mime: 'audio/webm' })
    expect(file.waveform?.length).toBeGreaterThan(20)
    expect(Math.abs((file.durationMs ?? 0) - 3_000)).toBeLessThan(200)
    expect(Object.keys(file.links)).toEqual(expect.arrayContaining(['original', 'audio']))
  })

  it.skipIf(!ffmpeg)(
    'as a video has a poster, and plays everywhere',
    async () => {
      const media = await start({ makesSmallVideos: true })
      const film = await recorded(ffmpeg ?? '', 'film.webm', [
        ...picturesOf('testsrc=size=960x720:rate=10:duration=3'),
        ...TONE,
        ...VP8,
      ])
      const { id } = await fileOf(await media.post('alice', 'lobby', 'film.webm', film))
      const file = await media.settled('bob', id)
      expect(file).toMatchObject({ state: 'ready', mime: 'video/webm', width: 960, height: 720 })
      expect(file.derivatives.map(({ name }) => name).sort()).toEqual(
        ['storyboard', 'thumb128', 'thumb1600', 'thumb512', 'video', 'videoSmall'].sort(),
      )
      const mp4 = await fetch(media.url + file.links.video, { headers: { range: 'bytes=4-11' } })
      expect(mp4.status).toBe(206)
      expect(mp4.headers.get('content-type')).toBe('video/mp4')
      expect((await mp4.text()).slice(0, 4)).toBe('ftyp')
    },
    60_000,
  )

  it('that is damaged says so to people, and is offered as bytes', async () => {
    const media = await start()
    const whole = await picture('jpeg', 800, 600)
    const half = whole.subarray(0, whole.byteLength >> 1)
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.jpg', half))
    const file = await media.settled('bob', id)
    expect(file).toMatchObject({ state: 'failed', mime: 'application/octet-stream', derivatives: [] })
    expect(file.reason).toMatch(/damaged/)
    const response = await media.get('bob', `/v1/files/${id}`)
    expect(response.headers.get('content-type')).toBe('application/octet-stream')
    expect(response.headers.get('content-disposition')).toMatch(/^attachment/)
    expect(half.equals(new Uint8Array(await response.arrayBuffer()))).toBe(true)
    await eventually(() => media.rooms.toldOf(id)).toEqual([
      { type: 'failed', roomId: 'lobby', fileId: id, reason: file.reason },
    ])
  })
})

describe('the same bytes', () => {
  it('twice in a room are kept once, and both files are told of', async () => {
    const media = await start()
    const body = await picture('png', 300, 300)
    const send = async (name: string) => fileOf(await media.post('alice', 'lobby', name, body))
    const [first, second] = await Promise.all([send('first.png'), send('second.png')])
    await media.settled('bob', first.id)
    const third = await send('third.png')
    for (const { id, name } of [first, second, third]) {
      expect(await media.settled('bob', id)).toMatchObject({ name, state: 'ready', width: 300 })
      await eventually(() => media.rooms.toldOf(id)).toHaveLength(1)
    }
    expect((await media.keys()).filter(key => key.endsWith('/original'))).toHaveLength(1)
    expect(await media.staged()).toEqual([])

    // The bytes stay for as long as any file has them.
    for (const { id } of [first, second]) expect((await remove(media, 'alice', id)).status).toBe(200)
    await eventually(() => rows('files')).toBe(1)
    expect(await (await media.get('bob', `/v1/files/${third.id}`)).bytes()).toHaveLength(body.byteLength)
    await remove(media, 'alice', third.id)
    await nothingIsLeft(media)
  })

  it('in another room are others', async () => {
    const media = await start()
    const body = await picture('png', 30, 30)
    const here = await fileOf(await media.post('alice', 'lobby', 'a.png', body))
    const there = await fileOf(await media.post('alice', 'cellar', 'a.png', body))
    for (const { id } of [here, there]) await media.settled('alice', id)
    expect((await media.keys()).filter(key => key.endsWith('/original'))).toHaveLength(2)
    await remove(media, 'alice', here.id)
    await eventually(() => rows('file_contents')).toBe(1)
    expect((await media.get('alice', `/v1/files/${there.id}`)).status).toBe(200)
  })
})

describe('a file that is deleted', () => {
  it('is gone at once for all, and soon from the store; its room is told by whom', async () => {
    const media = await start()
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.png', await picture('png', 200, 200)))
    const { links } = await media.settled('bob', id)
    expect((await problemOf(await remove(media, 'bob', id))).code).toBe('forbidden')
    expect((await remove(media, 'alice', id)).status).toBe(200)
    expect(await media.look('bob', id)).toEqual([])
    expect((await media.get('bob', `/v1/files/${id}`)).status).toBe(404)
    expect((await fetch(media.url + links.thumb128)).status).toBe(403)
    await nothingIsLeft(media)
    await eventually(() => media.rooms.toldOf(id).at(-1)).toEqual({
      type: 'deleted',
      roomId: 'lobby',
      fileId: id,
      userId: 'alice',
    })
  })

  it.skipIf(!ffmpeg)(
    'while it is processed is not processed to the end',
    async () => {
      const media = await start()
      const long = await longVideo(ffmpeg ?? '')
      const { id } = await fileOf(await media.post('alice', 'lobby', 'a.mp4', long))
      await eventually(
        () => media.rooms.told.filter(({ type }) => type === 'progress').length,
      ).toBeGreaterThan(0)
      // Its poster is there before the video is.
      const [early] = await media.look('bob', id)
      expect(early?.state).toBe('processing')
      expect(early?.derivatives.map(({ name }) => name)).toContain('thumb512')
      expect((await fetch(`${media.url}${early?.links.thumb512}`)).headers.get('content-type')).toBe(
        'image/webp',
      )
      expect((await remove(media, 'alice', id)).status).toBe(200)
      await nothingIsLeft(media)
      expect(media.rooms.toldOf(id).map(({ type }) => type)).toEqual(['deleted'])
    },
    60_000,
  )

  it('while it is scanned is gone as well', async () => {
    const asked = Promise.withResolvers<void>()
    const scanUrl = await startScanner((request, response) => {
      request.resume()
      asked.resolve()
      // It thinks about it for ever.
      response.writeHead(200).write(' ')
    })
    const media = await start({ scanUrl })
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.png', await picture('png', 20, 20)))
    await asked.promise
    expect((await remove(media, 'alice', id)).status).toBe(200)
    await nothingIsLeft(media)
  })
})

describe('a scanner', () => {
  const scannerFor = (harm: string) =>
    startScanner((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const isClean = !Buffer.concat(chunks).includes(harm)
        response.setHeader('content-type', 'application/json')
        response.end(JSON.stringify(isClean ? { clean: true } : { clean: false, found: 'Test.Harm' }))
      })
    })

  it('keeps what is harmful from everybody, and lets the rest through', async () => {
    const media = await start({ scanUrl: await scannerFor('EVIL') })
    const good = await fileOf(await media.post('alice', 'lobby', 'good.txt', 'all is well'))
    const bad = await fileOf(await media.post('alice', 'lobby', 'bad.txt', 'this is EVIL'))
    expect(await media.settled('bob', good.id)).toMatchObject({ state: 'ready' })
    const file = await media.settled('bob', bad.id)
    expect(file).toMatchObject({ state: 'quarantined', links: {} })
    expect(file.reason).toContain('Test.Harm')
    for (const user of ['alice', 'bob']) {
      expect((await problemOf(await media.get(user, `/v1/files/${bad.id}`))).code).toBe('forbidden')
    }
    await eventually(() => media.rooms.toldOf(bad.id)).toEqual([
      { type: 'failed', roomId: 'lobby', fileId: bad.id, reason: file.reason, quarantined: true },
    ])
    // Sent once more, it is known.
    const again = await fileOf(await media.post('alice', 'lobby', 'innocent.txt', 'this is EVIL'))
    expect((await media.settled('bob', again.id)).state).toBe('quarantined')
  })

  it('that gives no verdict leaves files unseen, and is asked again', async () => {
    let asked = 0
    const scanUrl = await startScanner((request, response) => {
      request.resume()
      request.on('end', () => {
        asked++
        if (asked === 1) response.writeHead(503).end()
        else response.end(JSON.stringify({ clean: true }))
      })
    })
    const media = await start({ scanUrl })
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.txt', 'text'))
    await eventually(() => asked).toBe(1)
    expect((await media.look('bob', id))[0]).toMatchObject({ state: 'checking', links: {} })
    expect((await problemOf(await media.get('bob', `/v1/files/${id}`))).code).toBe('unavailable')
    expect(await media.settled('bob', id)).toMatchObject({ state: 'ready' })
  })

  it('that takes no file of that size ends the wait, and nobody gets it', async () => {
    const scanUrl = await startScanner((request, response) => {
      request.resume()
      request.on('end', () => response.writeHead(413).end())
    })
    const media = await start({ scanUrl })
    const { id } = await fileOf(await media.post('alice', 'lobby', 'large.bin', 'x'.repeat(5_000)))
    const reason = 'This file is too large to be checked for harm: nobody can open it.'
    expect(await media.settled('bob', id)).toMatchObject({ state: 'quarantined', reason, links: {} })
    expect((await problemOf(await media.get('alice', `/v1/files/${id}`))).code).toBe('forbidden')
    await eventually(() => media.rooms.toldOf(id)).toEqual([
      { type: 'failed', roomId: 'lobby', fileId: id, reason, quarantined: true },
    ])
    expect((await remove(media, 'alice', id)).status).toBe(200)
    await nothingIsLeft(media)
  })

  it('says what it found in words that are fit to be shown', async () => {
    const scanUrl = await startScanner((request, response) => {
      request.resume()
      request.on('end', () =>
        response.end(JSON.stringify({ clean: false, found: `Test\r\n\u202eHarm ${'!'.repeat(4_000)}` })),
      )
    })
    const media = await start({ scanUrl })
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.txt', 'text'))
    const { reason } = await media.settled('bob', id)
    expect(reason).toBe(`Harm was found in this file (Test Harm ${'!'.repeat(90)}…): nobody can open it.`)
  })

  it('that stands still holds up no deletion', async () => {
    let asked = 0
    const scanUrl = await startScanner(request => {
      request.resume()
      request.on('end', () => {
        asked++
      })
    })
    const media = await start({ scanUrl })
    const ids: string[] = []
    for (let n = 0; n < 5; n++) {
      const { id } = await fileOf(await media.post('alice', 'lobby', `${n}.txt`, `text ${n}`))
      ids.push(id)
    }
    await eventually(() => asked).toBe(2)
    for (const id of ids.slice(2)) expect((await remove(media, 'alice', id)).status).toBe(200)
    await eventually(() => rows('files')).toBe(2)
  })
})

describe('pictures whose originals are stripped', () => {
  it('say nothing of camera and place, also the second time', async () => {
    const media = await start({ keepsOriginals: false })
    const photo = await phonePhoto(400, 300)
    expect(photo.includes('SecretCamera')).toBe(true)
    const first = await fileOf(await media.post('alice', 'lobby', 'a.jpg', photo))
    const second = await fileOf(await media.post('alice', 'lobby', 'b.jpg', photo))
    for (const { id } of [first, second]) {
      const file = await media.settled('bob', id)
      expect(file).toMatchObject({ state: 'ready', width: 300, height: 400 })
      const original = Buffer.from(await (await media.get('bob', `/v1/files/${id}`)).arrayBuffer())
      expect(original.byteLength).toBe(file.size)
      expect(original.includes('SecretCamera')).toBe(false)
      expect(original.includes('Exif')).toBe(false)
    }
    expect((await media.keys()).filter(key => key.endsWith('/original'))).toHaveLength(1)
    expect(await media.staged()).toEqual([])
  })
})

describe('a store in trouble', () => {
  it('delays files, and loses none', async () => {
    const probe = await start()
    let failures = 2
    const objects = instead(probe.objects, {
      put: (...args) => {
        if (failures === 0) return probe.objects.put(...args)
        failures--
        return Promise.reject(new Error('disk full'))
      },
    })
    await probe.media.close()
    const media = await start({ objects, staging: probe.staging })
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.png', await picture('png', 200, 200)))
    expect(await media.settled('bob', id)).toMatchObject({ state: 'ready' })
    expect(failures).toBe(0)
    // It was not the file's fault.
    expect((await pool.query('select attempts from file_contents')).rows).toEqual([{ attempts: 1 }])
  })
})

describe('what was left half-way', () => {
  it('is found: uploads that expired, bytes of nobody, files without a job', async () => {
    const media = await start({ stalledMs: 0, strayMs: 0 })
    await media.staging.create('file_stray')
    await media.staging.create('file_expired')
    await pool.query(
      `insert into uploads (id, room_id, uploader, name, reserved, expires_at)
        values ('file_expired', 'lobby', 'alice', 'a', 0, now() - interval '1 second'),
               ('file_open', 'lobby', 'alice', 'a', 0, now() + interval '1 hour')`,
    )
    await media.staging.create('file_open')
    const bytes = await picture('png', 100, 100)
    await media.staging.create('file_lost')
    await media.staging.append('file_lost', 0, Readable.from([bytes]))
    await pool.query(
      `insert into files (id, room_id, uploader, name, size, mime) values ('file_lost', 'lobby', 'alice', 'a.png', $1, 'image/png')`,
      [bytes.byteLength],
    )
    await media.media.sweep()
    expect(await media.settled('bob', 'file_lost')).toMatchObject({ state: 'ready', width: 100 })
    expect(await media.staged()).toEqual(['file_open'])
    expect(await rows('uploads')).toBe(1)
  })

  it('tells rooms that were not told, once they can be', async () => {
    const media = await start()
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.txt', 'text'))
    await media.settled('bob', id)
    await eventually(() => media.rooms.toldOf(id)).toHaveLength(1)
    await pool.query('update files set is_told = false')
    const after = await start({ stalledMs: 0 })
    await eventually(() => [...media.rooms.toldOf(id), ...after.rooms.toldOf(id)]).toHaveLength(2)
  })

  it('whose bytes are lost is said to be, and goes', async () => {
    const media = await start({ stalledMs: 0 })
    await pool.query(
      `insert into files (id, room_id, uploader, name, size, mime) values ('file_gone', 'lobby', 'alice', 'a.png', 5, 'image/png')`,
    )
    await media.media.sweep()
    await eventually(() => media.rooms.toldOf('file_gone').map(({ type }) => type)).toEqual(['failed'])
    await nothingIsLeft(media)
  })

  it('takes the process down three times at most', async () => {
    const media = await start({ stalledMs: 0 })
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.png', await picture('png', 64, 64)))
    await media.settled('bob', id)
    // As three deaths in the middle of it leave it.
    await pool.query("update file_contents set state = 'processing', attempts = 3, details = '{}'")
    await media.media.sweep()
    expect(await media.settled('bob', id)).toMatchObject({
      state: 'failed',
      reason: 'This file could not be processed.',
    })
  })
})

it('starts several at once on one database', async () => {
  await pool.query(
    'drop table files, file_contents, uploads, avatars, media_store; drop schema drizzle cascade',
  )
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-several-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const { objects, staging } = await openStore({ folder })
  await Promise.all(Array.from({ length: 4 }, () => start({ objects, staging })))
  expect(await rows('files')).toBe(0)
})
