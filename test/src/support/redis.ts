import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRedis } from '@trunkline/kit'
import type { Register } from './clean-ups.ts'
import { silent } from './database.ts'
import { freePort, temporaryFolder } from './server.ts'

export type TestRedis = {
  url: string
  /** Kills it at once; clients lose their connections and everything in it is gone. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
}

/** The loopback address, or where in which network. */
type Where = { address: string; namespace?: string }

/** A redis-server of this test's own, on a free port, in a folder of its own, keeping nothing on disk. */
export const startRedis = async (
  register: Register,
  { address, namespace }: Where = { address: '127.0.0.1' },
): Promise<TestRedis> => {
  const folder = temporaryFolder(register)
  const port = await freePort()
  const url = `redis://${address}:${port}`
  let child: ChildProcess | undefined

  /** Resolves once it answers: the client tries again until then. */
  const answers = async () => {
    // Out of this test's reach: whoever uses it tries again until it is there.
    if (namespace) return
    const client = await createRedis(url, silent)
    await client.connect()
    await client.close()
  }
  const restart = async () => {
    const options = [
      '--bind',
      address,
      '--dir',
      folder,
      '--save',
      '',
      '--appendonly',
      'no',
      '--protected-mode',
      'no',
    ]
    const within = namespace ? ['ip', 'netns', 'exec', namespace] : []
    const [program = '', ...words] = [...within, 'redis-server', '--port', String(port), ...options]
    child = spawn(program, words, { stdio: 'ignore' })
    await answers()
  }
  const kill = async () => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  register(kill)
  await restart()
  return { url, kill, restart }
}
