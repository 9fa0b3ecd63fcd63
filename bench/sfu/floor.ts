import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { scratchFolder } from '../server.ts'
import type { Load, Shape } from './load.ts'
import { PACKET_BYTES } from './peer.ts'

const run = promisify(execFile)

/** What came of the floor. Times are in ns. */
export type FloorOutcome = { seconds: number; forwarded: number; received: number; cpu: number; own: number }

export type Floor = {
  measure(batch: number, shape: Shape, load: Load): Promise<FloorOutcome>
  remove(): void
}

/** Compiles floor.cpp. @throws Error when there is no g++ or libsrtp2, which the media worker is compiled with */
export const buildFloor = async (): Promise<Floor> => {
  const folder = scratchFolder()
  const program = join(folder.path, 'floor')
  const source = fileURLToPath(new URL('./floor.cpp', import.meta.url))
  await run('g++', ['-O2', '-std=c++20', '-o', program, source, '-lsrtp2'])
  return {
    measure: async (batch, { senders, receivers }, { rate, seconds }) => {
      const numbers = [batch, senders, receivers, rate, PACKET_BYTES, seconds]
      const { stdout } = await run(program, ['gcm', ...numbers.map(String)])
      return JSON.parse(stdout)
    },
    remove: folder.remove,
  }
}
