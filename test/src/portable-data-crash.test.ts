import type { Job } from '@trunkline/protocol'
import { beforeAll, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { inDatabaseOf } from './support/database.ts'
import { contentOf, doneOf, endOf, exported, sendImport } from './support/jobs.ts'
import { bytesOf, download, logOf, ok, upload } from './support/lively-room.ts'
import { mintToken, rest } from './support/rest.ts'
import { rounds } from './support/rounds.ts'
import { restartServer, startServer, type TestServer, temporaryFolder } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
const options = {
  services: ['signalling', 'media'],
  env: { TRUNKLINE_SECRET: 'a-secret-for-crashes' },
  register,
}
const KILLS = rounds(1)
/** Of the large room: enough that a job is at it for several steps, however fast the machine. */
const MESSAGES = 12_000
let server: TestServer

/** A room with more messages than one would want to send one by one: written as the log writes them. */
const largeRoom = async (id: string, members: string[], messages: number): Promise<void> => {
  await ok(server.url, 'POST', '/v1/rooms', { body: { id, kind: 'group', members } })
  const first = members.length + 2
  await inDatabaseOf(server, async pool => {
    await pool.query(
      `insert into events (room_id, seq, type, sender, client_id, data)
       select $1, n + $2 - 1, 'message.created', ($3::text[])[1 + n % cardinality($3::text[])], 'c' || n,
         json_build_object('parts', json_build_array(json_build_object('mime', 'text/plain', 'text', 'message ' || n || repeat(' and more', 40))))
       from generate_series(1, $4::int) n`,
      [id, first, members, messages],
    )
    await pool.query(
      `insert into messages (room_id, seq, sender, at, counts, content_seq)
       select room_id, seq, sender, at, true, seq from events where room_id = $1 and type = 'message.created'`,
      [id],
    )
    await pool.query(
      `update rooms set last_seq = $2, last_message_seq = $2, last_message_at = (select max(at) from events where room_id = $1)
       where id = $1`,
      [id, first + messages - 1],
    )
  })
}

/** Kills the server while it works on a job, several times, and waits until the job has ended all the same. */
const killWhile = async (jobId: string): Promise<{ job: Job; kills: number }> => {
  let kills = 0
  let reached = 0
  while (kills < KILLS) {
    const job: Job = await until(
      'the job goes on',
      async () => {
        const { body } = await rest(server.url, 'GET', `/v1/jobs/${jobId}`)
        return body.state !== 'running' || body.done > reached ? body : undefined
      },
      60_000,
    )
    if (!['waiting', 'running'].includes(job.state)) break
    if (job.state === 'waiting') continue
    // Nothing that was noted is done again.
    expect(job.done).toBeGreaterThanOrEqual(reached)
    reached = job.done
    await server.stop('SIGKILL')
    server = await restartServer(server, options)
    kills++
  }
  return { job: await doneOf(server.url, jobId, 120_000), kills }
}

beforeAll(async () => {
  server = await startServer(options)
}, 120_000)

test('an export goes on after kill -9, and says the same', async () => {
  await largeRoom('large', ['ada', 'bob'], MESSAGES)
  await upload(server.url, 'ada', 'large', 'one.bin', bytesOf('one', 2_000_000))
  const { body } = await rest(server.url, 'POST', '/v1/exports', { body: { roomId: 'large' } })
  const { kills } = await killWhile(body.id)
  expect(kills).toBeGreaterThan(0)
  const interrupted = (await (await contentOf(server.url, body.id)).text()).split('\n').slice(1)
  const whole = (await exported(server.url, { roomId: 'large' })).split('\n').slice(1)
  expect(interrupted.length).toBe(whole.length)
  expect(interrupted.join('\n') === whole.join('\n')).toBe(true)
}, 300_000)

test('an import goes on after kill -9; until it is done nobody sees anything of it', async () => {
  const content = await exported(server.url, { roomId: 'large' })
  const log = await logOf(server.url, 'large')
  const [file] = content
    .split('\n')
    .flatMap(line => (line.includes('"type":"file"') ? JSON.parse(line).id : []))
  const other = await startServer({ ...options, dataFolder: temporaryFolder(register) })
  const first = server
  server = other
  const { body } = await sendImport(server.url, content)
  expect((await rest(server.url, 'GET', '/v1/rooms/large')).status).toBe(404)
  const { kills } = await killWhile(body.id)
  expect(kills).toBeGreaterThan(0)
  const there = await logOf(server.url, 'large')
  expect(there.length).toBe(log.length)
  expect(JSON.stringify(there) === JSON.stringify(log)).toBe(true)
  expect(await download(server.url, 'bob', file)).toHaveLength(2_000_000)
  server = first
}, 300_000)

test("a user's own export goes on after kill -9", async () => {
  const { body } = await rest(server.url, 'POST', '/v1/exports', { body: { userId: 'ada' } })
  const { job } = await killWhile(body.id)
  expect(job.kind).toBe('userExport')
  const lines = (await (await contentOf(server.url, body.id)).text())
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line))
  const seqs = lines.filter(line => line.type === 'event').map(line => line.event.seq)
  expect(new Set(seqs).size).toBe(MESSAGES / 2)
  expect(seqs.length).toBe(MESSAGES / 2)
}, 300_000)

test('a deletion goes on after kill -9, and deletes each message once', async () => {
  await mintToken(server.url, 'mallory', { name: 'Mallory Quux' })
  await largeRoom('mallorys', ['mallory', 'bob'], 3_000)
  const { body } = await rest(server.url, 'DELETE', '/v1/users/mallory?messages=remove')
  const { kills } = await killWhile(body.id)
  expect(kills).toBeGreaterThan(0)
  const log = await logOf(server.url, 'mallorys')
  expect(log.map(event => event.seq)).toEqual(log.map((_, n) => n + 1))
  const deleted = log.flatMap(event => (event.type === 'message.deleted' ? event.data.messageSeq : []))
  expect(deleted.length).toBe(1_500)
  expect(new Set(deleted).size).toBe(1_500)
  expect(JSON.stringify(log)).not.toMatch(/mallory"|Mallory Quux/)
}, 300_000)

test('a job that is cancelled stops, and leaves nothing', async () => {
  const content = await exported(server.url, { roomId: 'large' })
  const renamed = content.replaceAll('"large"', '"large-2"').replaceAll(/file_[0-9a-f]+/g, id => `${id}x`)
  const { body } = await sendImport(server.url, renamed)
  const cancelled = await rest(server.url, 'DELETE', `/v1/jobs/${body.id}`)
  expect(cancelled.body.state).toBe('cancelled')
  expect(await endOf(server.url, body.id)).toMatchObject({ state: 'cancelled' })
  expect((await rest(server.url, 'GET', '/v1/rooms/large-2')).status).toBe(404)
  await inDatabaseOf(server, async pool => {
    const count = async (from: string) => (await pool.query(`select from ${from}`)).rowCount
    await expect.poll(() => count(`job_parts where job_id = '${body.id}'`)).toBe(0)
    await expect.poll(() => count(`files where room_id = 'large-2'`)).toBe(0)
  })
}, 120_000)
