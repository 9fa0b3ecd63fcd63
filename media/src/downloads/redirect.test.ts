import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { LIMITS } from '@trunkline/protocol'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { MEDIA_LIMITS } from '../limits.ts'
import { openDiskStore } from '../store/disk.ts'
import type { ObjectStore, Presigning } from '../store/store.ts'
import { type DownloadStage, type StagedFile, stageDownloads } from '../testing/download-stage.ts'
import { problemOf, startDatabase } from '../testing/platform.ts'

// That such addresses bring the object, and for how long, is shown with a real S3 server in store/s3.test.ts.
const presigned: ({ key: string } & Presigning)[] = []
let pool: pg.Pool
let stage: DownloadStage
let folder = ''
let closeDatabase = async () => {}
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
  folder = await mkdtemp(join(tmpdir(), 'trunkline-redirect-'))
  const presign: ObjectStore['presign'] = async (key, options) => {
    presigned.push({ key, ...options })
    return `https://objects.example/${key}?until=soon`
  }
  const objects = Object.assign(await openDiskStore(folder), { presign })
  stage = await stageDownloads({ pool, objects, redirects: true })
  stage.rooms.set('lobby', 'mona', 'member')
}, 60_000)
afterAll(async () => {
  await stage?.close()
  await closeDatabase()
  await rm(folder, { recursive: true, force: true })
})

const film: StagedFile = {
  room: 'lobby',
  uploader: 'alice',
  name: 'film.mov',
  mime: 'video/quicktime',
  bytes: randomBytes(100),
  made: [
    { name: 'video', mime: 'video/mp4', bytes: randomBytes(50) },
    { name: 'thumb512', mime: 'image/webp', bytes: randomBytes(50) },
  ],
}

it('leads links on to the object store, for as long as players need it and no longer', async () => {
  const id = await stage.add(film)
  const [file] = await stage.list('mona', [id])
  const { video = '', thumb512 = '' } = file?.links ?? {}
  presigned.length = 0
  for (const [link, seconds, mime] of [
    [video, LIMITS.fileLinkSeconds, 'video/mp4'],
    [thumb512, MEDIA_LIMITS.redirectSeconds, 'image/webp'],
  ] as const) {
    const response = await stage.follow(link)
    const made = presigned.at(-1)
    expect(response.status).toBe(302)
    expect(response.headers.get('location')).toBe(`https://objects.example/${made?.key}?until=soon`)
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(made).toMatchObject({ seconds, mime })
    expect(made?.contentDisposition).toMatch(/^inline; filename="film\.(mp4|webp)"/)
  }
  await stage.follow(`${video}&download=1`)
  expect(presigned.at(-1)?.contentDisposition).toMatch(/^attachment; /)
})

it('leads nobody on who may not read the file', async () => {
  const id = await stage.add({ ...film, bytes: randomBytes(100) })
  stage.rooms.set('lobby', 'bob', 'member')
  const [file] = await stage.list('bob', [id])
  const { video = '' } = file?.links ?? {}
  stage.rooms.set('lobby', 'bob', 'banned')
  const before = presigned.length
  expect((await problemOf(await stage.follow(video))).code).toBe('forbidden')
  expect(presigned).toHaveLength(before)
})

it('answers requests with a token, and HEAD, by itself: an object store takes neither', async () => {
  const bytes = randomBytes(100)
  const id = await stage.add({ ...film, bytes })
  const response = await stage.get('mona', `/v1/files/${id}`)
  expect(bytes.equals(new Uint8Array(await response.arrayBuffer()))).toBe(true)
  const [file] = await stage.list('mona', [id])
  const head = await stage.follow(file?.links.original ?? '', {}, 'HEAD')
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '100'])
})

it('serves from a folder by itself', async () => {
  const own = await stageDownloads({ pool, redirects: true })
  try {
    own.rooms.set('lobby', 'mona', 'member')
    const id = await own.add({ ...film, bytes: randomBytes(100) })
    const [file] = await own.list('mona', [id])
    expect((await own.follow(file?.links.video ?? '')).status).toBe(200)
  } finally {
    await own.close()
  }
})
