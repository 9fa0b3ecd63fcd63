import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createLogger, openPool, startPostgres } from '@trunkline/kit'

const MAIN = fileURLToPath(new URL('../cli/src/main.ts', import.meta.url))
const API_KEY = 'the-api-key-of-this-measurement'

export type BenchServer = {
  url: string
  apiKey: string
  pid: number
  // biome-ignore lint/suspicious/noExplicitAny: whatever the route answers
  get(path: string): Promise<any>
  // biome-ignore lint/suspicious/noExplicitAny: whatever the route answers
  post(path: string, body: object): Promise<any>
  stop(): Promise<void>
}

export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

/** A folder of this measurement's own. */
export const scratchFolder = (): { path: string; remove(): void } => {
  const path = mkdtempSync(join(tmpdir(), 'trunkline-bench-'))
  return {
    path,
    remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 }),
  }
}

export type BenchDatabase = {
  url: string
  pool: ReturnType<typeof openPool>
  stop(): Promise<void>
}

/** A PostgreSQL of this measurement's own, to be written to beside the server. */
export const startDatabase = async (): Promise<BenchDatabase> => {
  const folder = scratchFolder()
  const logger = createLogger({ name: 'bench', level: 'silent' })
  const postgres = await startPostgres({ dataFolder: folder.path, logger })
  const pool = openPool(postgres.url, logger)
  return {
    url: postgres.url,
    pool,
    stop: async () => {
      await pool.end()
      await postgres.close()
      folder.remove()
    },
  }
}

/** `trunkline start` of some services with a database of its own, on a free port. */
export const startServer = async (
  env: Record<string, string> = {},
  services: readonly string[] = ['signalling'],
): Promise<BenchServer> => {
  const folder = scratchFolder()
  const port = await freePort()
  const child = spawn(process.execPath, [MAIN, 'start', ...services], {
    env: {
      PATH: process.env.PATH ?? '',
      HOME: process.env.HOME ?? '',
      PORT: String(port),
      TRUNKLINE_DATA: folder.path,
      TRUNKLINE_API_KEY: API_KEY,
      TRUNKLINE_SECRET: 'the-secret-of-this-measurement',
      LOG_LEVEL: 'warn',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // A measurement that fails leaves no server behind.
  process.once('exit', () => child.kill())
  let output = ''
  child.stdout.on('data', chunk => {
    output += chunk
  })
  while (!output.includes('ready')) {
    if (child.exitCode !== null) throw new Error(`the server did not start:\n${output}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
  const url = `http://127.0.0.1:${port}`
  const ask = async (path: string, more: RequestInit = {}) => {
    const headers = { authorization: `Bearer ${API_KEY}`, 'content-type': 'application/json' }
    const response = await fetch(`${url}${path}`, { headers, ...more })
    const answer = await response.json()
    if (!response.ok) throw new Error(`${path}: ${answer.detail}`)
    return answer
  }
  return {
    url,
    apiKey: API_KEY,
    pid: child.pid ?? 0,
    get: path => ask(path),
    post: (path, body) => ask(path, { method: 'POST', body: JSON.stringify(body) }),
    stop: async () => {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      folder.remove()
    },
  }
}
