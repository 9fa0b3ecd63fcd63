import { mkdirSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

const FOLDER = join(import.meta.dirname, '../node_modules/.trunkline')

/**
 * Says to run.sh that all of `name` is in place: for which environment, and with which worker, if it needs one. `since` is
 * when the work began, so that a file changed meanwhile counts as newer.
 */
export function writeStamp(name: string, worker: string | undefined, since: Date): void {
  const { MEDIASOUP_WORKER_BIN = '', XDG_CACHE_HOME = '', HOME = '' } = process.env
  const file = join(FOLDER, name)
  mkdirSync(FOLDER, { recursive: true })
  writeFileSync(file, `${MEDIASOUP_WORKER_BIN}:${XDG_CACHE_HOME}:${HOME}\n${worker ?? ''}\n`)
  utimesSync(file, since, since)
}
