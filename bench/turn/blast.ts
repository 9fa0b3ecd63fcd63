import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { scratchFolder } from '../server.ts'
import type { Engine, Format, Pair, Peers } from './engine.ts'

const run = promisify(execFile)

export type Load = {
  /** Of payload in each packet. */
  bytes: number
  /** Packets under way at most. */
  window: number
  /** Packets a second; 0 for as many as the window lets through. */
  rate: number
  seconds: number
}

/** What came of a load. CPU times are in ns. */
export type Outcome = {
  seconds: number
  sent: number
  received: number
  lost: number
  /** Packets that came out other than they should. */
  wrong: number
  /** The server's, all its processes and threads. */
  cpu: number
  /** The blaster's. */
  own: number
}

export type Blaster = {
  blast(engine: Engine, format: Format, pairs: readonly Pair[], peers: Peers, load: Load): Promise<Outcome>
  remove(): void
}

/** Compiles a program of this folder. @throws Error when there is no g++ */
export const compile = async (name: string): Promise<{ program: string; remove(): void }> => {
  const folder = scratchFolder()
  const program = join(folder.path, name)
  const source = fileURLToPath(new URL(`${name}.cpp`, import.meta.url))
  await run('g++', ['-O2', '-std=c++20', '-o', program, source])
  return { program, remove: folder.remove }
}

export const buildBlaster = async (): Promise<Blaster> => {
  const { program, remove } = await compile('blaster')
  return {
    blast: async ({ pids, port }, format, pairs, peers, { bytes, window, rate, seconds }) => {
      const peer = format.startsWith('channel') ? peers.channel : peers.plain
      const numbers = [bytes, window, rate, seconds, pids.join(','), port, peer]
      const clients = pairs.map(({ client, relayed }) => `${client}:${relayed}`)
      const { stdout } = await run(program, [format, ...numbers.map(String), ...clients])
      return JSON.parse(stdout)
    },
    remove,
  }
}
