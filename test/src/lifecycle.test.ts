import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { putDatabase } from './support/database-template.ts'
import { commandOf, descendantsOf, isRunning } from './support/processes-of.ts'
import { rest } from './support/rest.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'
import { freePort, restartServer, startServer, type TestServer, temporaryFolder } from './support/server.ts'

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url))
const MAIN = join(REPOSITORY, 'cli/src/main.ts')

/** Runs `trunkline start` that is expected to refuse; returns what it said. */
const refusedStart = async (env: Record<string, string>, args: string[] = []) => {
  const child = spawn(process.execPath, [MAIN, 'start', ...args], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      PORT: '0',
      RTC_PORT: '0',
      TURN_PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  onTestFinished(() => void child.kill('SIGKILL'))
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const [code] = await once(child, 'exit')
  // Log lines are JSON; what is for the operator is not.
  const lines = said.split('\n').filter(line => line && !line.startsWith('{'))
  return { code, lines }
}

const expectAllGone = (pids: number[]) =>
  vi.waitFor(() => expect(pids.filter(isRunning).map(pid => `${pid} ${commandOf(pid)}`)).toEqual([]), {
    timeout: 10_000,
    interval: 50,
  })

describe('starting', () => {
  test('shows the address, an invite link and, only the first time, an API key that works', async () => {
    const first = await startServer({ firstStart: true, env: { TRUNKLINE_API_KEY: '' } })
    expect(first.output()).toContain(`${first.url}/`)
    expect(first.output()).toMatch(new RegExp(`${first.url}/r/[\\w-]+`))
    const key = /API key\s+(\S+)/.exec(first.output())?.[1]
    const made = await rest(first.url, 'POST', '/v1/rooms', {
      token: key,
      body: { kind: 'group', title: 'Ward 3' },
    })
    expect(made.status).toBe(201)
    expect((await rest(first.url, 'GET', '/healthz')).body).toEqual({ status: 'ok' })
    expect((await rest(first.url, 'GET', '/readyz')).body).toEqual({ status: 'ready' })
    expect(await first.stop()).toBe(0)

    const second = await restartServer(first)
    expect(second.output()).not.toContain('API key')
    expect((await rest(second.url, 'GET', `/v1/rooms/${made.body.id}`, { token: key })).body.title).toBe(
      'Ward 3',
    )
  })

  test('two platforms run side by side, one of them as a demo', async () => {
    const [one, two] = await Promise.all([startServer(), startServer({ env: { TRUNKLINE_DEMO: '0' } })])
    expect((await rest(one.url, 'GET', '/readyz')).status).toBe(200)
    expect((await rest(two.url, 'GET', '/readyz')).status).toBe(200)

    // Demo mode is for loopback, and said in the log; unless it is turned off.
    expect(one.log()).toContain('demo mode is on')
    const refused = await rest(two.url, 'POST', '/v1/guest-tokens', {
      token: '',
      body: { roomId: 'any', name: 'Eve' },
    })
    expect(refused.body).toMatchObject({ status: 404, code: 'room_not_found' })
  })

  test('https with a certificate of its own', async () => {
    const server = await startServer({ args: ['--https'] })
    const answer = await new Promise<string>((resolve, reject) => {
      const options = { rejectUnauthorized: false }
      get(`${server.url}/readyz`, options, response => void text(response).then(resolve, reject)).on(
        'error',
        reject,
      )
    })
    expect(answer).toBe('{"status":"ready"}')
  })
})

describe('ending', () => {
  test('SIGTERM leaves no child behind', async () => {
    const server = await startServer()
    const children = descendantsOf(server.pid)
    expect(children.length).toBeGreaterThan(2)
    expect(await server.stop('SIGTERM')).toBe(0)
    await expectAllGone(children)
  })

  test('SIGKILL leaves neither database nor worker behind, and the next start recovers', async () => {
    const server = await startServer()
    const room = await rest(server.url, 'POST', '/v1/rooms', { body: { kind: 'group', title: 'Kept' } })
    const children = descendantsOf(server.pid)
    const commands = children.map(commandOf).join('\n')
    expect(commands).toContain('postgres')
    expect(commands).toContain('mediasoup-worker')
    await server.stop('SIGKILL')
    await expectAllGone(children)
    const again = await restartServer(server)
    expect((await rest(again.url, 'GET', `/v1/rooms/${room.body.id}`)).body.title).toBe('Kept')
  })

  test('a start right after a SIGKILL waits for the old database to end', async () => {
    const server = await startServer()
    await server.stop('SIGKILL')
    const again = await restartServer(server)
    expect((await rest(again.url, 'GET', '/readyz')).status).toBe(200)
  })

  /** 20 with TRUNKLINE_ROUNDS=5. */
  const KILLS = rounds(4)
  test(`killed ${KILLS} times while it starts, it leaves nothing behind and starts the next time`, {
    timeout: 60_000 + KILLS * 10_000,
  }, async () => {
    const random = randomFrom(seed())
    const dataFolder = temporaryFolder()
    const env = { PORT: String(await freePort()), RTC_PORT: '0', TURN_PORT: '0', TRUNKLINE_DATA: dataFolder }
    const seen = new Set<number>()
    for (let round = 0; round < KILLS; round++) {
      const child = spawn(process.execPath, [MAIN, 'start'], {
        env: { ...process.env, ...env },
        stdio: 'ignore',
      })
      const exited = once(child, 'exit')
      const until = performance.now() + 300 + random() * 2_500
      while (performance.now() < until) {
        for (const pid of descendantsOf(child.pid ?? 0)) seen.add(pid)
        await sleep(20)
      }
      for (const pid of descendantsOf(child.pid ?? 0)) seen.add(pid)
      child.kill(random() < 0.5 ? 'SIGKILL' : 'SIGTERM')
      await exited
    }
    await expectAllGone([...seen])
    const server = await startServer({ dataFolder })
    expect((await rest(server.url, 'GET', '/readyz')).status).toBe(200)
  })

  test('a database left behind by a killed supervisor is ended by the next start', async () => {
    const server = await startServer()
    const children = descendantsOf(server.pid)
    const watchdog = children.find(pid => commandOf(pid).startsWith('/bin/sh'))
    // The watchdog's reader too: it would still end the database.
    for (const pid of children.filter(pid => commandOf(pid).startsWith('/bin/sh')))
      process.kill(pid, 'SIGKILL')
    await server.stop('SIGKILL')
    expect(watchdog).toBeDefined()
    const again = await restartServer(server)
    expect((await rest(again.url, 'GET', '/readyz')).status).toBe(200)
  })

  test('the database is started again when it dies by itself', async () => {
    const server = await startServer()
    const postmaster = descendantsOf(server.pid).find(
      pid => / -D \/proc\/self\/cwd/.test(commandOf(pid)) && !commandOf(pid).startsWith('/bin/sh'),
    )
    process.kill(postmaster ?? 0, 'SIGKILL')
    const refusals: unknown[] = []
    await vi.waitFor(
      async () => {
        const made = await rest(server.url, 'POST', '/v1/rooms', { body: { kind: 'group' } })
        if (made.status !== 201) refusals.push([made.body.code, made.headers.get('retry-after')])
        expect(made.status).toBe(201)
      },
      { timeout: 20_000, interval: 20 },
    )
    // Whoever asks meanwhile is told to ask again.
    expect(refusals.length).toBeGreaterThan(0)
    expect(refusals).toEqual(refusals.map(() => ['unavailable', '1']))
  })

  test('killing npm ends the server it started', async () => {
    const port = await freePort()
    const dataFolder = temporaryFolder()
    await putDatabase(dataFolder)
    const npm = spawn('npm', ['start'], {
      cwd: REPOSITORY,
      env: {
        ...process.env,
        PORT: String(port),
        RTC_PORT: '0',
        TURN_PORT: '0',
        TRUNKLINE_DATA: dataFolder,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let output = ''
    npm.stdout.on('data', chunk => {
      output += chunk
    })
    onTestFinished(() => void npm.kill('SIGKILL'))
    await vi.waitFor(() => expect(output).toContain('is ready'), { timeout: 60_000, interval: 100 })
    const children = descendantsOf(npm.pid ?? 0)
    npm.kill('SIGKILL')
    await expectAllGone(children)
  })
})

describe('what cannot start says why in one line and exits with 1', () => {
  const register = cleanUpAfterAll()
  /** It has what others want. */
  let server: TestServer

  beforeAll(async () => {
    const [RTC_PORT, TURN_PORT] = [String(await freePort()), String(await freePort())]
    server = await startServer({ register, env: { RTC_PORT, RTC_WORKERS: '1', TURN_PORT } })
  })

  test('a taken port', async () => {
    const port = new URL(server.url).port
    const { code, lines } = await refusedStart({ PORT: port, TRUNKLINE_DATA: temporaryFolder() })
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(new RegExp(`Port ${port} .* is taken .* PORT`))
  })

  test('a taken media port', async () => {
    const { code, lines } = await refusedStart({
      RTC_PORT: server.env.RTC_PORT ?? '',
      RTC_WORKERS: '1',
      TRUNKLINE_DATA: temporaryFolder(),
    })
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/RTC_PORT/)
  })

  test('a taken TURN port', async () => {
    const { code, lines } = await refusedStart({
      TURN_PORT: server.env.TURN_PORT ?? '',
      TRUNKLINE_DATA: temporaryFolder(),
    })
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/TURN_PORT/)
  })

  test('a data folder that is a file', async () => {
    const path = join(temporaryFolder(), 'file')
    writeFileSync(path, '')
    const { code, lines } = await refusedStart({ TRUNKLINE_DATA: path })
    expect(code).toBe(1)
    expect(lines).toEqual([expect.stringMatching(/data folder .* cannot be written .* TRUNKLINE_DATA/)])
  })

  test('a data folder where nothing can be made', async () => {
    const { code, lines } = await refusedStart({ TRUNKLINE_DATA: '/proc/trunkline/data' })
    expect(code).toBe(1)
    expect(lines).toEqual([expect.stringMatching(/data folder .* cannot be written/)])
  })

  test.skipIf(process.getuid?.() === 0)('an unwritable data folder', async () => {
    const folder = join(temporaryFolder(), 'locked')
    mkdirSync(folder)
    chmodSync(folder, 0o500)
    const { code, lines } = await refusedStart({ TRUNKLINE_DATA: folder })
    expect(code).toBe(1)
    expect(lines).toEqual([expect.stringMatching(/cannot be written/)])
  })

  test('a data folder in use', async () => {
    const { code, lines } = await refusedStart({ TRUNKLINE_DATA: server.dataFolder })
    expect(code).toBe(1)
    expect(lines).toEqual([expect.stringMatching(/in use by another process/)])
  }, 60_000)

  test('bad settings, all at once', async () => {
    const { code, lines } = await refusedStart({
      PORT: 'eighty',
      LOG_LEVEL: 'loud',
      DATABASE_URL: 'mysql://x',
    })
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    for (const name of ['PORT', 'LOG_LEVEL', 'DATABASE_URL']) expect(lines[0]).toContain(name)
    expect(lines[0]).toContain('PORT=3000')
  })

  test('a database that cannot be reached', async () => {
    const port = await freePort()
    const { code, lines } = await refusedStart({
      DATABASE_URL: `postgresql://nobody:pass-word@127.0.0.1:${port}/none`,
      TRUNKLINE_DATA: temporaryFolder(),
    })
    expect(code).toBe(1)
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/DATABASE_URL/)
    expect(lines[0]).not.toContain('pass-word')
  })

  test('an unknown service', async () => {
    const { code, lines } = await refusedStart({}, ['tunr'])
    expect(code).toBe(1)
    expect(lines).toEqual([expect.stringMatching(/no service "tunr".*signalling, sfu, turn, media/)])
  })
})
