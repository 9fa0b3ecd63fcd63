import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, beforeAll, expect, it, onTestFinished, vi } from 'vitest'
import { openPool } from './database.ts'
import { createJobs, type Task } from './jobs.ts'
import { createLogger } from './logger.ts'
import { type Postgres, startPostgres } from './postgres.ts'

const logger = createLogger({ name: 'jobs-test', level: 'silent' })
let folder: string
let postgres: Postgres
let pool: pg.Pool

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-jobs-'))
  postgres = await startPostgres({ dataFolder: folder, logger })
  pool = openPool(postgres.url, logger)
}, 60_000)

afterAll(async () => {
  await pool.end()
  await postgres.close()
  await rm(folder, { recursive: true, force: true })
})

const jobsOf = async (tasks: Record<string, Task>) => {
  const jobs = await createJobs({ pool, logger, tasks: new Map(Object.entries(tasks)) })
  onTestFinished(() => jobs.close())
  return jobs
}

it('does a job once, also one that was added before anybody worked', async () => {
  const seen: unknown[] = []
  const jobs = await jobsOf({
    greet: async payload => {
      seen.push(payload)
    },
  })
  await jobs.add('greet', { name: 'Ada' })
  await jobs.start()
  await jobs.add('greet', { name: 'Bob' })
  await vi.waitFor(() => expect(seen).toHaveLength(2), { timeout: 10_000 })
  expect(seen).toEqual(expect.arrayContaining([{ name: 'Ada' }, { name: 'Bob' }]))
})

it('works off a queue without pausing between its jobs', async () => {
  let done = 0
  const jobs = await jobsOf({
    many: async () => {
      done++
    },
  })
  for (let n = 0; n < 60; n++) await jobs.add('many', { n })
  await jobs.start()
  // With a pause of a second after each job the two workers need half a minute.
  await vi.waitFor(() => expect(done).toBe(60), { timeout: 15_000 })
})

it('tries a failed job again, and says which attempt is the last', async () => {
  const attempts: [number, boolean][] = []
  const jobs = await jobsOf({
    fail: async (_payload, { attempt, isLastAttempt }) => {
      attempts.push([attempt, isLastAttempt])
      throw new Error('on purpose')
    },
  })
  await jobs.start()
  await jobs.add('fail', {}, { maxAttempts: 2 })
  await vi.waitFor(
    () =>
      expect(attempts).toEqual([
        [1, false],
        [2, true],
      ]),
    { timeout: 15_000 },
  )
})

it('keeps one waiting job per key, with what was added last', async () => {
  const seen: unknown[] = []
  const jobs = await jobsOf({
    once: async payload => {
      seen.push(payload)
    },
  })
  const runAt = new Date(Date.now() + 3_600_000)
  await jobs.add('once', { n: 1 }, { key: 'a', runAt })
  await jobs.add('once', { n: 2 }, { key: 'a', runAt })
  await jobs.add('once', { n: 3 }, { key: 'a' })
  await jobs.add('once', { n: 4 }, { key: 'b' })
  await jobs.start()
  await vi.waitFor(() => expect(seen).toHaveLength(2), { timeout: 10_000 })
  expect(seen).toEqual(expect.arrayContaining([{ n: 3 }, { n: 4 }]))
})

it('counts what waits, but for one key', async () => {
  const jobs = await jobsOf({})
  for (const key of ['one', 'two', 'two']) await jobs.add('counted', {}, { key })
  expect(await jobs.count('counted')).toBe(2)
  expect(await jobs.count('counted', 'two')).toBe(1)
  expect(await jobs.count('counted', 'three')).toBe(2)
})

it('waits until the time of a job has come', async () => {
  let ranAt = 0
  const jobs = await jobsOf({
    later: async () => {
      ranAt = Date.now()
    },
  })
  await jobs.start()
  const runAt = new Date(Date.now() + 2_000)
  await jobs.add('later', {}, { runAt })
  await vi.waitFor(() => expect(ranAt).toBeGreaterThan(0), { timeout: 10_000 })
  expect(ranAt).toBeGreaterThanOrEqual(runAt.getTime())
})

it('tells running tasks to stop when it closes, and another process takes the job up, as if it were new', async () => {
  let stopped = 0
  const attempts: number[] = []
  const first = await jobsOf({
    long: (_payload, { signal }) =>
      new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => {
          stopped++
          reject(signal.reason)
        })
      }),
  })
  await first.start()
  await first.add('long', {}, { key: 'one' })
  await vi.waitFor(async () => {
    const { rows } = await pool.query(
      "select 1 from trunkline_jobs.job where name = 'long' and state = 'active'",
    )
    expect(rows).toHaveLength(1)
  })
  await first.close()
  expect(stopped).toBe(1)
  const second = await jobsOf({
    long: async (_payload, { attempt }) => {
      attempts.push(attempt)
    },
  })
  await second.start()
  await vi.waitFor(() => expect(attempts).toEqual([1]), { timeout: 10_000 })
})

it('goes on after the database was killed', async () => {
  const seen: unknown[] = []
  const jobs = await jobsOf({
    after: async payload => {
      seen.push(payload)
    },
  })
  await jobs.start()
  const before = await pool.query('select pg_postmaster_start_time() as at')
  // The postmaster's own: it ends, and the supervisor starts it again.
  const { rows } = await pool.query(
    "select (regexp_split_to_array(pg_read_file('postmaster.pid'), '\\n'))[1]::int as pid",
  )
  process.kill(rows[0].pid, 'SIGKILL')
  await vi.waitFor(
    async () => {
      const now = await pool.query('select pg_postmaster_start_time() as at')
      expect(now.rows[0].at).not.toEqual(before.rows[0].at)
    },
    { timeout: 30_000, interval: 100 },
  )
  await jobs.add('after', { n: 1 })
  await vi.waitFor(() => expect(seen).toEqual([{ n: 1 }]), { timeout: 15_000 })
}, 60_000)
