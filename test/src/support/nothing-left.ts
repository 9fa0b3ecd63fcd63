import { readdirSync, readFileSync } from 'node:fs'
import { commandOf, isRunning } from './processes-of.ts'

/** In the environment of everything a run starts, however far down: whose it is, also when its parent is gone. */
export const RUN_MARK = 'TRUNKLINE_TEST_RUN'
/** What such a run ends with: another number than that of failed tests, which may pass when they run again. */
const LEFT_BEHIND = 3

const isOf = (pid: number, run: string): boolean => {
  try {
    return readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0').includes(`${RUN_MARK}=${run}`)
  } catch {
    // Ended while we looked, or not ours to look at.
    return false
  }
}

/** Vitest's global setup: a run that leaves one of its servers behind fails, and ends it. */
export const setup = () => {
  const run = String(process.pid)
  process.env[RUN_MARK] = run
  return () => {
    const pids = readdirSync('/proc')
      .filter(name => /^\d+$/.test(name))
      .map(Number)
    const left = pids.filter(
      pid =>
        isRunning(pid) &&
        isOf(pid, run) &&
        /cli\/src\/main\.ts|mediasoup-worker|remote\/tunnel|redis-server|postgres/.test(commandOf(pid)),
    )
    if (left.length === 0) return
    console.error(
      `left behind by tests:\n${left.map(pid => `  ${pid} ${commandOf(pid).slice(0, 100)}`).join('\n')}`,
    )
    for (const pid of left) process.kill(pid, 'SIGTERM')
    process.exitCode = LEFT_BEHIND
  }
}
