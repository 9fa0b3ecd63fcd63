import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { Readable, type Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { FileNews, StoredFile } from '@trunkline/protocol'
import type pg from 'pg'
import { expect, it, onTestFinished } from 'vitest'
import { LOADS_FAST } from '../../test/src/support/fast-loading.ts'
import { rounds } from '../../test/src/support/rounds.ts'
import { openStore } from './store/open.ts'
import { eventually } from './testing/eventually.ts'
import { startDatabase, startMedia } from './testing/platform.ts'
import { phonePhoto } from './testing/samples.ts'

/** 10 of each with TRUNKLINE_ROUNDS=5. */
const ROUNDS = rounds(2)
const DEATHS = rounds(2)
const WRITERS = 6
/** About so many steps bring what the test prepares to its end; some numbers are beyond it. */
const STEPS = 110

type Served = {
  child: ChildProcessByStdio<Writable, Readable, null>
  url: string
  /** What it told of files. */
  told: FileNews[]
}

/** Starts a service in a process of its own. @param step at which it kills itself; its URL is empty when it does so at once */
const serve = async (databaseUrl: string, folder: string, step?: number): Promise<Served> => {
  const script = fileURLToPath(new URL('./testing/serve.ts', import.meta.url))
  const args = [...LOADS_FAST, script, databaseUrl, folder, ...(step === undefined ? [] : [String(step)])]
  const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  const told: FileNews[] = []
  const url = Promise.withResolvers<string>()
  const lines = createInterface({ input: child.stdout })
  lines.on('line', line => {
    if (line.startsWith('http')) url.resolve(line)
    else told.push(FileNews.parse(JSON.parse(line)))
  })
  lines.on('close', () => url.resolve(''))
  onTestFinished(async () => {
    await end(child)
  })
  return { child, url: await url.promise, told }
}

const hasEnded = (child: Served['child']): boolean => child.exitCode !== null || child.signalCode !== null

const end = async (child: Served['child']): Promise<void> => {
  if (hasEnded(child)) return
  const ended = once(child, 'exit')
  child.kill('SIGKILL')
  await ended
}

/** As if the time had passed after which a process that is silent counts as dead. */
const letTimePass = (pool: pg.Pool) =>
  pool.query(
    "update trunkline_jobs.job set heartbeat_on = heartbeat_on - interval '1 minute' where state = 'active'",
  )

it('an acknowledged upload survives kill -9 at any moment, and becomes ready', {
  timeout: 180_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-crash-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const database = await startDatabase()
  onTestFinished(() => database.close())
  const acknowledged = new Map<string, Buffer>()
  let unanswered = 0

  for (let round = 0; round < ROUNDS; round++) {
    const { child, url } = await serve(database.url, folder)
    const write = async (): Promise<void> => {
      for (;;) {
        const body = randomBytes(randomInt(200_000))
        const answer = await fetch(`${url}/v1/rooms/lobby/files?name=a`, {
          method: 'POST',
          headers: { authorization: 'Bearer token-of-alice' },
          body,
        })
          .then(response => response.json())
          .catch(() => undefined)
        if (answer === undefined) {
          unanswered++
          return
        }
        acknowledged.set(StoredFile.parse(answer).id, body)
      }
    }
    const writers = Array.from({ length: WRITERS }, write)
    const enough = acknowledged.size + randomInt(2, 20)
    await eventually(() => acknowledged.size).toBeGreaterThanOrEqual(enough)
    // Not a wait for something: the moment of the kill is the test's input.
    await sleep(randomInt(20))
    await end(child)
    await Promise.all(writers)
    await letTimePass(database.pool)
  }

  const media = await startMedia({ pool: database.pool, folder, stalledMs: 0, strayMs: 0 })
  onTestFinished(() => media.close())
  media.rooms.set('lobby', 'alice', 'publisher')
  expect(unanswered).toBe(ROUNDS * WRITERS)
  for (const [id, body] of acknowledged) {
    expect(await media.settled('alice', id, 60_000)).toMatchObject({ state: 'ready', size: body.byteLength })
    const response = await media.get('alice', `/v1/files/${id}`)
    expect(response.status).toBe(200)
    expect(body.equals(new Uint8Array(await response.arrayBuffer()))).toBe(true)
  }

  // What was sent and not acknowledged is a file, or an upload that goes when its time has come.
  await database.pool.query("update uploads set expires_at = now() - interval '1 second'")
  await media.media.sweep()
  const { rows: files } = await database.pool.query('select id from files')
  for (const { id } of files) await media.settled('alice', id, 60_000)
  const { rows: contents } = await database.pool.query('select id from file_contents')
  expect(await media.keys()).toEqual(contents.map(({ id }) => `files/${id}/original`).sort())
  await eventually(() => media.staged()).toEqual([])
  expect(await readdir(join(folder, 'files', 'partial'))).toEqual([])
})

it('an upload by one request goes ten minutes after the process that received it died', {
  timeout: 60_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-plain-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const database = await startDatabase()
  onTestFinished(() => database.close())
  const { child, url } = await serve(database.url, folder)
  const sending = request(`${url}/v1/rooms/lobby/files?name=a`, {
    method: 'POST',
    headers: { authorization: 'Bearer token-of-alice', 'content-length': 1_000_000 },
  })
  sending.on('error', () => undefined)
  sending.write(randomBytes(100_000))
  const open = async () => Number((await database.pool.query('select count(*) from uploads')).rows[0].count)
  await eventually(open).toBe(1)
  await end(child)

  const media = await startMedia({ pool: database.pool, folder })
  onTestFinished(() => media.close())
  await media.media.sweep()
  expect(await open()).toBe(1)
  await database.pool.query("update uploads set expires_at = expires_at - interval '10 minutes'")
  await media.media.sweep()
  expect(await open()).toBe(0)
  expect(await media.staged()).toEqual([])
})

it('a file comes to its end, and one that is deleted goes, at whatever step the process dies', {
  timeout: 60_000 + DEATHS * 90_000,
}, async () => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-steps-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const database = await startDatabase()
  onTestFinished(() => database.close())
  const { pool } = database
  const { objects, staging } = await openStore({ folder: join(folder, 'files') })
  // Its tables.
  await end((await serve(database.url, folder)).child)
  const keys = async (): Promise<string[]> => {
    const found: string[] = []
    for await (const { key } of objects.list('files/')) found.push(key)
    return found.sort()
  }

  const died: number[] = []
  for (let round = 0; round < DEATHS; round++) {
    const step = randomInt(1, STEPS)
    const whole = await phonePhoto(100 + round, 50)
    const damaged = whole.subarray(0, whole.byteLength >> 1)
    const [good, bad, going] = ['good', 'bad', 'going'].map(name => `file_${name}_${round}`) as [
      string,
      string,
      string,
    ]
    for (const [id, bytes] of [
      [good, whole],
      [bad, damaged],
      [going, whole],
    ] as const) {
      await staging.create(id)
      await staging.append(id, 0, Readable.from([bytes]))
      await pool.query(
        "insert into files (id, room_id, uploader, name, size, mime, state) values ($1, $2, 'alice', 'a.jpg', $3, 'image/jpeg', $4)",
        [id, `lobby-${round}`, bytes.byteLength, id === going ? 'deleting' : 'arrived'],
      )
    }

    const isSettled = async (): Promise<boolean> => {
      const { rows } = await pool.query(
        `select f.id, c.state from files f left join file_contents c on c.id = f.content_id
          where f.room_id = $1 and f.is_told`,
        [`lobby-${round}`],
      )
      const left = await pool.query('select 1 from files where id = $1', [going])
      return rows.length === 2 && left.rows.length === 0
    }
    const first = await serve(database.url, folder, step)
    const stages = [first]
    const isOver = async () => hasEnded(first.child) || (await isSettled())
    await expect.poll(isOver, { timeout: 60_000, interval: 100 }).toBe(true)
    if (hasEnded(first.child)) died.push(step)
    else await end(first.child)
    await letTimePass(pool)

    const second = await serve(database.url, folder)
    stages.push(second)
    await expect.poll(isSettled, { timeout: 60_000, interval: 100 }).toBe(true)
    await end(second.child)
    await letTimePass(pool)

    const { rows } = await pool.query(
      `select f.id, c.id as content, c.state, c.reason, c.attempts from files f join file_contents c on c.id = f.content_id
        where f.room_id = $1 order by f.id`,
      [`lobby-${round}`],
    )
    const context = `died at step ${step}`
    expect(rows, context).toMatchObject([
      { id: bad, state: 'failed', reason: expect.stringContaining('damaged') },
      { id: good, state: 'ready', reason: null },
    ])
    const of = (id: string) => stages.flatMap(({ told }) => told).filter(news => news.fileId === id)
    const ends = (id: string) => new Set(of(id).flatMap(({ type }) => (type === 'progress' ? [] : [type])))
    expect(ends(good), context).toEqual(new Set(['ready']))
    expect(ends(bad), context).toEqual(new Set(['failed']))
    expect(ends(going), context).toEqual(new Set())
    const mine = rows.map(({ content }) => `files/${content}/`)
    const stored = (await keys()).filter(key => mine.some(prefix => key.startsWith(prefix)))
    expect(stored.sort(), context).toEqual(
      [`${mine[0]}original`, ...['original', 'thumb128'].map(name => mine[1] + name)].sort(),
    )
    // What the picture said of its owner is gone, whatever came between.
    const original = await buffer(await objects.get(`${mine[1]}original`))
    expect([original.byteLength > 0, original.includes('SecretCamera')], context).toEqual([true, false])
  }
  console.log(`died at steps ${died.join(', ')} of ${DEATHS} rounds`)
  expect(died.length).toBeGreaterThan(0)
  const contents = await pool.query('select id from file_contents')
  const known = new Set(contents.rows.map(({ id }) => id as string))
  expect((await keys()).filter(key => !known.has(key.split('/')[1] ?? ''))).toEqual([])
  const staged: string[] = []
  for await (const { id } of staging.list()) staged.push(id)
  expect(staged).toEqual([])
})
