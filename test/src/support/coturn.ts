import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { TurnClient } from '../../../turn/src/check/client.ts'
import { Endpoint } from '../../../turn/src/stun/endpoint.ts'
import type { Register } from './clean-ups.ts'
import { temporaryFolder } from './server.ts'
import { until } from './until.ts'

const SCRIPT = fileURLToPath(new URL('../../../turn/coturn.sh', import.meta.url))

const PROGRAM = 'turnserver'

export const hasCoturn = (): boolean => !spawnSync(PROGRAM, ['--version']).error

/** Starts this machine's coturn as compose starts its container's, with settings of our own TURN service. */
export const startCoturn = async (
  env: Readonly<Record<string, string>>,
  register: Register,
): Promise<{ pid: number; log(): string }> => {
  const TMPDIR = temporaryFolder(register)
  const child = spawn('sh', [SCRIPT, '--userdb', `${TMPDIR}/db`], {
    env: { PATH: process.env.PATH ?? '', TMPDIR, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let log = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', chunk => {
      log += chunk
    })
  }
  const exited = once(child, 'exit')
  register(async () => {
    if (child.exitCode === null) child.kill('SIGKILL')
    await exited
  })
  const address = new Endpoint(env.ANNOUNCED_ADDRESS ?? '', Number(env.TURN_PORT))
  await until('coturn answers', async () => {
    if (child.exitCode !== null) throw new Error(`coturn ended: ${log}`)
    const client = await TurnClient.create(address)
    try {
      return (await client.binding(500)).code === 0
    } finally {
      client.close()
    }
  })
  return { pid: child.pid ?? 0, log: () => log }
}
