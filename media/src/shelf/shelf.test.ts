import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { ShelfFile } from '@trunkline/protocol'
import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { eventually } from '../testing/eventually.ts'
import { fileOf, startDatabase, startMedia } from '../testing/platform.ts'
import { picture } from '../testing/samples.ts'

let pool: pg.Pool
let closeDatabase = async () => {}
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
  await (await startMedia({ pool })).close()
}, 60_000)
afterAll(() => closeDatabase())
beforeEach(async () => {
  await pool.query('delete from files; delete from file_contents; delete from trunkline_jobs.job')
})

const start = async (options: Partial<Parameters<typeof startMedia>[0]> = {}) => {
  const media = await startMedia({ pool, ...options })
  onTestFinished(() => media.close())
  media.rooms.set('lobby', 'alice', 'publisher')
  return media
}

const read = async (media: Awaited<ReturnType<typeof start>>, id: string): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of await media.media.shelf.read(id)) chunks.push(chunk)
  return Buffer.concat(chunks)
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

const about = (id: string, bytes: Uint8Array, other: Partial<ShelfFile> = {}): ShelfFile => ({
  id,
  roomId: 'lobby',
  uploader: 'alice',
  name: 'a.png',
  mime: 'image/png',
  size: bytes.byteLength,
  sha256: sha256(bytes),
  createdAt: '2026-01-02T03:04:05.678Z',
  ...other,
})

const bodyOf = (bytes: Uint8Array) => Readable.from([bytes.subarray(0, 10), bytes.subarray(10)])

describe('files that are carried elsewhere', () => {
  it('are listed and read, those that are still checked too', async () => {
    // A scanner that is away: nothing gets through its check.
    const media = await start({ scanUrl: 'http://127.0.0.1:1/' })
    const bytes = randomBytes(50_000)
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.bin', bytes))
    const other = await fileOf(await media.post('alice', 'lobby', 'b.bin', 'other'))
    const listed = await media.media.shelf.list({ roomId: 'lobby' })
    expect(listed.map(file => [file.id, file.sha256]).sort()).toEqual(
      [
        [id, sha256(bytes)],
        [other.id, sha256(Buffer.from('other'))],
      ].sort(),
    )
    expect(bytes.equals(await read(media, id))).toBe(true)
    expect(await media.media.shelf.homesOf([id, 'file_none'])).toMatchObject([{ id, roomId: 'lobby' }])
    const after = await media.media.shelf.list({ uploader: 'alice', after: listed[0]?.id })
    expect(after).toEqual([listed[1]])
  })

  it('are restored under their ids, looked at anew, and once', async () => {
    const media = await start()
    const bytes = await picture('png', 200, 100)
    const file = about('file_restored', bytes, { mime: 'text/html', name: '../../photo.png' })
    for (let time = 0; time < 2; time++) await media.media.shelf.write(file, bodyOf(bytes))
    const found = await media.settled('alice', file.id)
    expect(found).toMatchObject({
      state: 'ready',
      mime: 'image/png',
      name: 'photo.png',
      width: 200,
      createdAt: file.createdAt,
    })
    await eventually(() => media.rooms.toldOf(file.id)).toHaveLength(1)
    await media.media.shelf.write(file, bodyOf(bytes))
    expect(bytes.equals(await read(media, file.id))).toBe(true)
    expect(await media.staged()).toEqual([])
  })

  it.each([
    ['are not what their hash says', (file: ShelfFile) => ({ ...file, sha256: '0'.repeat(64) })],
    ['are more than announced', (file: ShelfFile) => ({ ...file, size: file.size - 1 })],
    ['are less than announced', (file: ShelfFile) => ({ ...file, size: file.size + 1 })],
  ])('are refused whose bytes %s, and nothing of them stays', async (_, change) => {
    const media = await start()
    const bytes = randomBytes(1_000)
    const file = change(about('file_wrong', bytes))
    await expect(media.media.shelf.write(file, bodyOf(bytes))).rejects.toMatchObject({
      code: 'invalid_request',
    })
    expect(await media.media.shelf.list({ roomId: 'lobby' })).toEqual([])
    expect(await media.staged()).toEqual([])
  })

  it('do not replace others, and are not larger than files may be', async () => {
    const media = await start({ uploadBytes: 2_000 })
    const bytes = randomBytes(1_000)
    await media.media.shelf.write(about('file_one', bytes), bodyOf(bytes))
    const others = randomBytes(1_000)
    await expect(media.media.shelf.write(about('file_one', others), bodyOf(others))).rejects.toMatchObject({
      code: 'conflict',
    })
    const elsewhere = about('file_one', bytes, { roomId: 'cellar' })
    await expect(media.media.shelf.write(elsewhere, bodyOf(bytes))).rejects.toMatchObject({
      code: 'conflict',
    })
    const large = randomBytes(2_001)
    await expect(media.media.shelf.write(about('file_two', large), bodyOf(large))).rejects.toMatchObject({
      code: 'too_large',
    })
    expect(bytes.equals(await read(media, 'file_one'))).toBe(true)
  })
})

describe('a file the server deletes', () => {
  it('is gone from the store when that resolves, its room is not told; once more is no error', async () => {
    const media = await start()
    const { id } = await fileOf(await media.post('alice', 'lobby', 'a.png', await picture('png', 300, 300)))
    await media.settled('alice', id)
    await media.media.shelf.delete(id)
    expect(await media.keys()).toEqual([])
    await media.media.shelf.delete(id)
    await expect(media.media.shelf.read(id)).rejects.toMatchObject({ code: 'not_found' })
    expect(media.rooms.toldOf(id).map(({ type }) => type)).not.toContain('deleted')
  })

  it('before it was checked is gone as well, and may be restored then', async () => {
    const media = await start({ scanUrl: 'http://127.0.0.1:1/' })
    const bytes = randomBytes(100)
    const file = about('file_early', bytes)
    await media.media.shelf.write(file, bodyOf(bytes))
    await media.media.shelf.delete(file.id)
    expect([await media.keys(), await media.staged()]).toEqual([[], []])
    await media.media.shelf.write(file, bodyOf(bytes))
    expect(bytes.equals(await read(media, file.id))).toBe(true)
  })
})

it('keeps the parts of jobs until they are deleted, and files of one uploader follow to another', async () => {
  const media = await start()
  const { shelf } = media.media
  await shelf.putPart('job_1', 0, Buffer.from('first'))
  await shelf.putPart('job_1', 1, Buffer.from('second'))
  await shelf.putPart('job_10', 0, Buffer.from('other'))
  expect((await buffer(await shelf.readPart('job_1', 1, { start: 1, end: 3 }))).toString()).toBe('eco')
  await shelf.deleteParts('job_1')
  expect(await media.keys()).toEqual(['jobs/job_10/0'])

  const { id } = await fileOf(await media.post('alice', 'lobby', 'a.txt', 'text'))
  await shelf.reassign('alice', 'nobody')
  expect((await shelf.list({ uploader: 'nobody' })).map(file => file.id)).toEqual([id])
  expect(await shelf.list({ uploader: 'alice' })).toEqual([])
})
