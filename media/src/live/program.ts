import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { Fence, type FenceKind } from '../fence.ts'

/** The ffmpeg of this machine, as threads are told of it. */
export type LiveProgram = {
  path: string
  fence: FenceKind
  /** Whether names can be drawn. */
  drawsText: boolean
}

/** Of a process that runs as long as a stream does: no processor time to be used up, and memory for some pictures. */
const PROCESS_LIMITS = { dataBytes: 2 ** 30, fileBytes: 2 ** 28 }
const SAID_CHARS = 2_000

export type RunningProgram = {
  child: ChildProcess
  /** Resolves once it has ended, with how, and the last it said. */
  ended: Promise<{ how: number | string; said: string }>
  kill(): void
}

/** Starts ffmpeg inside of the fence; it dies with the thread that started it. */
export const startProgram = (
  program: LiveProgram,
  args: readonly string[],
  options: { stdio: SpawnOptions['stdio']; hasNetwork?: boolean },
): RunningProgram => {
  // What takes the network away is the full fence.
  const kind = options.hasNetwork && program.fence === 'full' ? 'limited' : program.fence
  const [command, ...before] = new Fence(kind).wrap(program.path, PROCESS_LIMITS)
  const child = spawn(command, [...before, ...args], { stdio: options.stdio ?? 'pipe' })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-SAID_CHARS)
  })
  for (const stream of child.stdio) stream?.on('error', () => undefined)
  const ended = new Promise<{ how: number | string; said: string }>(resolve => {
    child.once('error', error => resolve({ how: error.message, said }))
    child.once('close', (code, signal) => resolve({ how: signal ?? code ?? 'no code', said }))
  })
  const kill = () => {
    if (child.pid === undefined) return
    for (const target of [-child.pid, child.pid]) {
      try {
        process.kill(target, 'SIGKILL')
      } catch {
        // It is gone.
      }
    }
  }
  return { child, ended, kill }
}
