import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { openDiskStore } from './store/disk.ts'
import type { ObjectStore } from './store/store.ts'
import { eventually } from './testing/eventually.ts'
import { fileOf, problemOf, startDatabase, startMedia } from './testing/platform.ts'
import { picture } from './testing/samples.ts'

let pool: pg.Pool
let closeDatabase = async () => {}
beforeAll(async () => {
  const database = await startDatabase()
  pool = database.pool
  closeDatabase = database.close
}, 60_000)
afterAll(() => closeDatabase())

let folder = ''
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-keeper-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
})

afterEach(() => pool.query('delete from files'))

const start = async (options: { store?: ObjectStore; abandonedMs?: number }) => {
  const media = await startMedia({ pool, folder, ...options })
  onTestFinished(() => media.close())
  media.rooms.set('lobby', 'alice', 'publisher')
  return media
}

const states = async (): Promise<string[]> =>
  (await pool.query('select state from files order by state')).rows.map(row => row.state as string)

/** A store that does what `store` does, but for some calls. */
const instead = (store: ObjectStore, some: Partial<ObjectStore>): ObjectStore => ({
  put: (...args) => store.put(...args),
  get: (...args) => store.get(...args),
  stat: key => store.stat(key),
  delete: key => store.delete(key),
  list: prefix => store.list(prefix),
  close: () => store.close(),
  ...some,
})

const never = () => new Promise<never>(() => {})

describe('a crash', () => {
  it.each(['original', 'thumbnail'])(
    'once the %s is stored leaves nothing after the next start',
    async last => {
      const disk = await openDiskStore(folder)
      let stored = false
      // The process "dies" in the middle: what comes after this object never happens.
      const dying = instead(disk, {
        async put(key, ...rest) {
          await disk.put(key, ...rest)
          if (!key.endsWith(last)) return
          stored = true
          await never()
        },
      })
      const before = await start({ store: dying })
      const body = await picture('png', 10, 10)
      before.post('alice', 'lobby', 'a.png', body).catch(() => undefined)
      await eventually(() => stored).toBe(true)
      expect(await states()).toEqual(['storing'])
      expect(await before.objects()).not.toEqual([])

      const after = await start({ store: disk, abandonedMs: 0 })
      expect(await after.objects()).toEqual([])
      expect(await states()).toEqual([])
    },
  )

  it('of somebody else is told from an upload under way', async () => {
    const disk = await openDiskStore(folder)
    let letPass = () => {}
    const gate = new Promise<void>(resolve => {
      letPass = resolve
    })
    let stored = false
    const slow = instead(disk, {
      async put(key, ...rest) {
        await disk.put(key, ...rest)
        stored = true
        await gate
      },
    })
    const one = await start({ store: slow })
    const answer = one.post('alice', 'lobby', 'a.txt', 'text')
    await eventually(() => stored).toBe(true)
    const other = await startMedia({ pool, store: disk })
    onTestFinished(() => other.close())
    const unfinished = (await pool.query('select id from files')).rows[0].id as string
    const early = await one.get('alice', `/v1/files/${unfinished}`)
    expect((await problemOf(early)).code).toBe('not_found')
    letPass()
    const { id } = await fileOf(await answer)
    expect(id).toBe(unfinished)
    expect(await (await one.get('alice', `/v1/files/${id}`)).text()).toBe('text')
  })

  it('leaves no half-received file', async () => {
    await mkdir(join(folder, 'incoming'))
    await writeFile(join(folder, 'incoming', 'left'), 'half')
    await writeFile(join(folder, 'not ours'), 'kept')
    const media = await startMedia({ pool, store: await openDiskStore(folder), folder })
    onTestFinished(() => media.close())
    expect((await readdir(folder)).sort()).toEqual(['incoming', 'not ours', 'objects', 'partial'])
    expect(await readdir(join(folder, 'incoming'))).toEqual([])
  })

  it('touches no file that is ready', async () => {
    const disk = await openDiskStore(folder)
    const before = await start({ store: disk })
    const { id } = await fileOf(await before.post('alice', 'lobby', 'a.txt', 'text'))
    const after = await start({ store: disk, abandonedMs: 0 })
    expect(await (await after.get('alice', `/v1/files/${id}`)).text()).toBe('text')
  })
})

describe('a store in trouble', () => {
  it('refuses the upload and leaves nothing', async () => {
    const disk = await openDiskStore(folder)
    const media = await start({
      store: instead(disk, {
        put: (key, ...rest) =>
          key.endsWith('thumbnail') ? Promise.reject(new Error('disk full')) : disk.put(key, ...rest),
      }),
    })
    const response = await media.post('alice', 'lobby', 'a.png', await picture('png', 10, 10))
    expect((await problemOf(response)).code).toBe('internal')
    expect(await media.objects()).toEqual([])
    expect(await states()).toEqual([])
  })

  it('that cannot delete either is cleared up once it can', async () => {
    const disk = await openDiskStore(folder)
    const refuse = () => Promise.reject(new Error('out of reach'))
    let reached = false
    const broken = instead(disk, {
      delete: refuse,
      async put(key, ...rest) {
        await disk.put(key, ...rest)
        reached = true
        throw new Error('out of reach')
      },
    })
    const media = await start({ store: broken })
    expect((await media.post('alice', 'lobby', 'a.txt', 'text')).status).toBe(500)
    expect(reached).toBe(true)
    expect(await states()).toEqual(['deleting'])

    // A start while it is still out of reach is a start all the same.
    await start({ store: broken, abandonedMs: 0 })
    expect(await states()).toEqual(['deleting'])
    const after = await start({ store: disk, abandonedMs: 0 })
    expect(await after.objects()).toEqual([])
    expect(await states()).toEqual([])
  })
})

it('starts several at once on one database', async () => {
  await pool.query('drop table files; drop schema drizzle cascade')
  const store = await openDiskStore(folder)
  const all = await Promise.all(Array.from({ length: 4 }, () => startMedia({ pool, store })))
  for (const media of all) await media.close()
  expect(await states()).toEqual([])
})
