import type { ChildProcess } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'

/** What a program that reads files nobody trusts may take. */
export type Fence = {
  /** bytes it may hold as data, beside its code and what it only maps */
  dataBytes: number
  /** bytes of one file it writes */
  fileBytes: number
  /** CPU time, left out for a program that works on one file after another */
  cpuSeconds?: number
}

/** Finds a program as a shell would. */
export const findProgram = async (name: string): Promise<string | undefined> => {
  for (const folder of (process.env.PATH ?? '').split(delimiter).filter(Boolean)) {
    const path = join(folder, name)
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return path
  }
  return undefined
}

/**
 * The programs of util-linux and coreutils that put a fence around another and then become it: it ends with us even if we
 * are killed, stays within its limits from its first instruction on, and lets others go first. Empty parts are of a system
 * that has no such program (macOS): there the limits on pixels and time alone hold.
 */
export const fenceCommand = async (fence: Fence): Promise<string[]> => {
  const [setpriv, prlimit, nice] = await Promise.all(['setpriv', 'prlimit', 'nice'].map(findProgram))
  return [
    ...(setpriv ? [setpriv, '--pdeathsig', 'KILL'] : []),
    ...(prlimit
      ? [
          prlimit,
          `--data=${fence.dataBytes}`,
          `--fsize=${fence.fileBytes}`,
          ...(fence.cpuSeconds === undefined ? [] : [`--cpu=${fence.cpuSeconds}`]),
          '--nofile=256',
          '--core=0',
        ]
      : []),
    ...(nice ? [nice, '-n', '10'] : []),
  ]
}

/** Resolves when a process has ended, however; at once when it could not be started. */
export const ended = (child: ChildProcess): Promise<string> =>
  new Promise(resolve => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    child.once('error', error => {
      if (child.pid === undefined) resolve(error.message)
    })
  })
