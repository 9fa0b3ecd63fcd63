import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { run } from './run.ts'
import { WorkerUnavailable } from './unavailable.ts'

/** Outside the repo, so that a fresh clone finds the worker of the one before. */
export function cacheFolder(env: NodeJS.ProcessEnv): string {
  const base = env.XDG_CACHE_HOME || join(env.HOME || homedir(), '.cache')
  return join(base, 'trunkline')
}

/** The distribution and its release: a home folder may be shared by machines with different libraries. */
export function systemName(): string {
  try {
    const text = readFileSync('/etc/os-release', 'utf8')
    const value = (name: string) => new RegExp(`^${name}="?([^"\\n]*)`, 'm').exec(text)?.[1] ?? ''
    return `${value('ID')}-${value('VERSION_ID')}`
  } catch {
    return process.platform
  }
}

/** Makes the folder, or says which one cannot be written. */
export function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true })
  } catch (cause) {
    throw new WorkerUnavailable(
      `the cache folder ${folder} cannot be written (${(cause as NodeJS.ErrnoException).code})`,
      'set XDG_CACHE_HOME to a folder you can write to',
      { cause },
    )
  }
}

/**
 * Runs `work` while holding an exclusive kernel lock on `file`, waiting for whoever has it. The lock belongs
 * to the open file, which is also handed to the compilers (`work` gets its descriptor): it outlives a killed
 * parent for exactly as long as its orphaned compilers run, and never needs to be cleaned up.
 */
export async function withLock<T>(
  file: string,
  onWait: () => void,
  work: (descriptor: number) => Promise<T>,
): Promise<T> {
  const descriptor = openSync(file, 'w')
  try {
    while ((await run('flock', ['--nonblock', '3'], { descriptors: [descriptor] })).code === 1) {
      onWait()
      await delay(500)
    }
    return await work(descriptor)
  } finally {
    closeSync(descriptor)
  }
}
