import { accessSync, constants, existsSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, makeFolder, systemName, withLock } from './cache.ts'
import { compileWorker } from './compile.ts'
import { fetchPrebuilt } from './prebuilt.ts'
import { buildKey } from './recipe.ts'
import { run } from './run.ts'
import { mediasoupFolder, mediasoupVersion, readWorkerSource } from './source.ts'
import { WorkerUnavailable } from './unavailable.ts'

export { WORKER_PACKAGES } from './recipe.ts'
export { WorkerUnavailable } from './unavailable.ts'

export interface WorkerProgress {
  /** What is going on, in words. */
  readonly step: string
  readonly done?: number
  readonly total?: number
}

export interface EnsureWorkerOptions {
  /** Read: MEDIASOUP_WORKER_BIN, MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD, XDG_CACHE_HOME, HOME, PATH. */
  readonly env: NodeJS.ProcessEnv
  readonly report: (progress: WorkerProgress) => void
}

export interface WorkerBinary {
  readonly path: string
  readonly source: 'env' | 'cache' | 'prebuilt' | 'compiled'
}

/** Its exit code when it is started without MEDIASOUP_VERSION: proof that it runs on this machine. */
const EXIT_WITHOUT_VERSION = 41

/**
 * The worker that is there already: named by the environment, or in the cache. Milliseconds.
 * Throws WorkerUnavailable when MEDIASOUP_WORKER_BIN names no executable file.
 */
export async function findWorker(env: NodeJS.ProcessEnv): Promise<WorkerBinary | undefined> {
  const named = env.MEDIASOUP_WORKER_BIN
  if (named) {
    assertExecutable(named)
    return { path: named, source: 'env' }
  }
  const path = cachedPath(env)
  return existsSync(path) && (await runs(path)) ? { path, source: 'cache' } : undefined
}

/**
 * The native worker of mediasoup: the one there is, else upstream's prebuilt, else compiled from the sources
 * in mediasoup's npm package, which takes minutes. Two calls at once, in whatever processes, do the work once.
 *
 * Throws WorkerUnavailable, whose `fix` says what to do.
 */
export async function ensureWorker({ env, report }: EnsureWorkerOptions): Promise<WorkerBinary> {
  const found = await findWorker(env)
  if (found) return found
  const path = cachedPath(env)
  makeFolder(cacheFolder(env))
  const waiting = () => report({ step: 'waiting for another start, which compiles it' })
  return withLock(`${path}.lock`, waiting, async lock => {
    if (existsSync(path) && (await runs(path))) return { path, source: 'cache' }
    rmSync(path, { force: true })
    const source = readWorkerSource()
    report({ step: 'asking for a prebuilt one' })
    if ((await fetchPrebuilt(source, path, env)) && (await runs(path))) return { path, source: 'prebuilt' }
    const step = 'compiling'
    const onProgress = (done: number, total: number) => report({ step, done, total })
    await compileWorker(source, { binary: path, env, lock, onProgress })
    if (await runs(path)) return { path, source: 'compiled' }
    rmSync(path, { force: true })
    throw new WorkerUnavailable('the compiled media worker does not start', 'run it by hand to see why')
  })
}

function cachedPath(env: NodeJS.ProcessEnv): string {
  return join(cacheFolder(env), buildKey(mediasoupVersion(mediasoupFolder()), systemName()))
}

async function runs(path: string): Promise<boolean> {
  return (await run(path, [], { env: {}, timeout: 5_000 })).code === EXIT_WITHOUT_VERSION
}

function assertExecutable(path: string): void {
  try {
    accessSync(path, constants.X_OK)
  } catch (cause) {
    throw new WorkerUnavailable(
      `MEDIASOUP_WORKER_BIN names ${path}, which is not an executable file`,
      'correct it, or unset it',
      { cause },
    )
  }
}
