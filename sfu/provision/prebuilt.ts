import { copyFileSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'
import type { WorkerSource } from './source.ts'

/** Milliseconds for upstream's download to arrive. */
const DOWNLOAD_LIMIT = 10_000

/** Milliseconds in which an attempt that failed is not made again. */
const RETRY_AFTER = 3_600_000

/**
 * Upstream's prebuilt worker, fetched by mediasoup's own install script, into `binary`. That script compiles
 * on failure, with tools of its own that it downloads: it is stopped there, by giving it a Python that is
 * none. `MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD` skips the attempt, as it does for that script.
 */
export async function fetchPrebuilt(
  source: WorkerSource,
  binary: string,
  env: NodeJS.ProcessEnv,
): Promise<boolean> {
  const failed = `${binary}.no-prebuilt`
  if (env.MEDIASOUP_SKIP_WORKER_PREBUILT_DOWNLOAD || isRecent(failed)) return false
  const script = join(source.packageFolder, 'npm-scripts.mjs')
  await run(process.execPath, [script, 'postinstall'], {
    cwd: source.packageFolder,
    env: { ...env, PYTHON: '/bin/false' },
    timeout: DOWNLOAD_LIMIT,
  })
  const fetched = join(source.folder, 'out/Release/mediasoup-worker')
  if (!existsSync(fetched)) {
    writeFileSync(failed, '')
    return false
  }
  copyFileSync(fetched, `${binary}.part`)
  renameSync(`${binary}.part`, binary)
  return true
}

function isRecent(file: string): boolean {
  return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0) < RETRY_AFTER
}
