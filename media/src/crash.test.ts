import { spawn } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { StoredFile } from '@trunkline/protocol'
import { expect, it, onTestFinished } from 'vitest'
import { openDiskStore } from './store/disk.ts'
import { eventually } from './testing/eventually.ts'
import { startDatabase, startMedia } from './testing/platform.ts'

const ROUNDS = 4
const WRITERS = 6

const serve = async (databaseUrl: string, folder: string) => {
  const script = fileURLToPath(new URL('./testing/serve.ts', import.meta.url))
  const child = spawn(process.execPath, [script, databaseUrl, folder], { stdio: ['pipe', 'pipe', 'inherit'] })
  const [line] = (await once(child.stdout, 'data')) as [Buffer]
  return { child, url: line.toString().trim() }
}

it('an acknowledged upload survives kill -9 at any moment, and no other leaves anything', {
  timeout: 120_000,
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
    child.kill('SIGKILL')
    await once(child, 'exit')
    await Promise.all(writers)
  }

  const store = await openDiskStore(folder)
  const media = await startMedia({ pool: database.pool, store, folder, abandonedMs: 0 })
  onTestFinished(() => media.close())
  media.rooms.set('lobby', 'alice', 'member')
  expect(unanswered).toBe(ROUNDS * WRITERS)
  for (const [id, body] of acknowledged) {
    const response = await media.get('alice', `/v1/files/${id}`)
    expect(response.status).toBe(200)
    expect(body.equals(new Uint8Array(await response.arrayBuffer()))).toBe(true)
  }
  // An object belongs to a file that is ready, and every such file has its object.
  const { rows } = await database.pool.query('select id, state from files order by id')
  expect(rows.every(row => row.state === 'ready')).toBe(true)
  expect(await media.objects()).toEqual(rows.map(row => `files/${row.id}/original`).sort())
  expect(await media.incoming()).toEqual([])
  expect(await readdir(join(folder, 'partial'))).toEqual([])
})
