import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { onTestFinished } from 'vitest'
import type { Register } from './clean-ups.ts'
import { putDatabase } from './database-template.ts'
import { RUN_MARK } from './nothing-left.ts'

const MAIN = fileURLToPath(new URL('../../../cli/src/main.ts', import.meta.url))
const READY_MS = 60_000

/** A TCP port that is free now. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A folder of this test's own, removed with it. */
export const temporaryFolder = (register: Register = onTestFinished): string => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-test-'))
  register(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 }))
  return folder
}

export const API_KEY = 'test-api-key-of-these-tests'

export type TestServer = {
  url: string
  pid: number
  child: ChildProcess
  dataFolder: string
  env: Readonly<Record<string, string>>
  /** Everything written to standard output so far. */
  output(): string
  /** Everything logged so far. */
  log(): string
  /** Sends a signal and waits for the end; resolves with the exit code, null after a kill. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export type ServerOptions = {
  services?: string[]
  env?: Record<string, string>
  args?: string[]
  /** Keep using a folder (restart). */
  dataFolder?: string
  /** Make the database anew, as a first start does, in place of a copy of one that is ready. */
  firstStart?: boolean
  /** The network namespace it runs in; by default the one the test is in. */
  namespace?: string
  /** Where to register the teardown: a test's own end by default, or `cleanUpAfterAll()`. */
  register?: Register
}

/** The environment a test's server starts from: nothing of the machine's own settings. */
const baseEnv = (): Record<string, string> => {
  const kept = [RUN_MARK, 'PATH', 'HOME', 'TMPDIR', 'LANG', 'XDG_CACHE_HOME', 'MEDIASOUP_WORKER_BIN']
  return Object.fromEntries(kept.flatMap(name => (process.env[name] ? [[name, process.env[name]]] : [])))
}

/** Whether a server has a database in its data folder. */
const keepsDatabase = ({ services, env }: ServerOptions): boolean =>
  !env?.DATABASE_URL && (services ?? ['signalling']).some(it => it === 'signalling' || it === 'media')

/**
 * Starts the real thing, `trunkline start`, on free ports with a data folder of its own, and waits until it is ready.
 * @throws Error with its output when it ends instead
 */
export const startServer = async (options: ServerOptions = {}): Promise<TestServer> => {
  const register = options.register ?? onTestFinished
  const dataFolder = options.dataFolder ?? temporaryFolder(register)
  if (!options.dataFolder && !options.firstStart && keepsDatabase(options)) await putDatabase(dataFolder)
  const env: Record<string, string> = {
    PORT: String(await freePort()),
    RTC_PORT: '0',
    TURN_PORT: '0',
    ...(options.env?.TLS_CERT ? { TURN_TLS_PORTS: '0' } : {}),
    TRUNKLINE_DATA: dataFolder,
    TRUNKLINE_API_KEY: API_KEY,
    ...options.env,
  }
  const within = options.namespace === undefined ? [] : ['ip', 'netns', 'exec', options.namespace]
  const start = [process.execPath, MAIN, 'start', ...(options.services ?? []), ...(options.args ?? [])]
  const [program = '', ...words] = [...within, ...start]
  const child = spawn(program, words, {
    env: { ...baseEnv(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  let log = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  child.stderr.on('data', chunk => {
    log += chunk
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal)
    return exited
  }
  register(async () => {
    await stop()
  })
  // A TURN service alone keeps its certificate for its relays.
  const isTls = options.args?.includes('--https') || (env.TLS_CERT && options.services?.join() !== 'turn')
  const url = `${isTls ? 'https' : 'http'}://127.0.0.1:${env.PORT}`
  const deadline = Date.now() + READY_MS
  while (!/ready/.test(output)) {
    if (child.exitCode !== null || child.signalCode !== null || Date.now() > deadline) {
      await stop('SIGKILL')
      throw new Error(`the server did not start (exit ${child.exitCode}):\n${output}\n${log}`)
    }
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return {
    url,
    pid: child.pid ?? 0,
    child,
    dataFolder,
    env,
    output: () => output,
    log: () => log,
    stop,
  }
}

/** Starts a stopped server again: same ports, same data. */
export const restartServer = (server: TestServer, options: ServerOptions = {}): Promise<TestServer> =>
  startServer({ ...options, dataFolder: server.dataFolder, env: { ...server.env, ...options.env } })
