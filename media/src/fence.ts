import { type ChildProcess, execFile } from 'node:child_process'
import { access, constants } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import type { Logger } from '@trunkline/kit'

const execute = promisify(execFile)

/** What a program may take before the kernel ends it. */
export type FenceLimits = {
  /** of processor time, for a program that works on one file */
  cpuSeconds?: number
  /** bytes of address space */
  memoryBytes?: number
  /** bytes of what it may write to in memory, for a program that reserves much address space and uses little of it */
  dataBytes?: number
  /** bytes of each file it writes */
  fileBytes: number
}

/** Finds a program as a shell would, or says that there is none. */
export const findProgram = async (
  name: string,
  path = process.env.PATH ?? '',
): Promise<string | undefined> => {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const candidate = join(folder, name)
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return candidate
  }
  return undefined
}

const PATH = '/usr/local/bin:/usr/bin:/bin'

/**
 * Each tool makes its change to the process and becomes the next one, so the process that is started is the one fenced
 * in; `KILL` on the death of the parent ends it when we are killed ourselves.
 */
const TOOLS = {
  environment: ['env', '-i', `PATH=${PATH}`, 'LANG=C'],
  network: ['unshare', '--user', '--net', '--'],
  parent: ['setpriv', '--pdeathsig', 'KILL', '--no-new-privs', '--'],
  group: ['setsid'],
  niceness: ['nice', '-n', '10'],
} as const

/** https://man7.org/linux/man-pages/man1/prlimit.1.html; the processor time ends by SIGXCPU, which says what it was. */
export const limitArguments = ({ cpuSeconds, memoryBytes, dataBytes, fileBytes }: FenceLimits): string[] => [
  'prlimit',
  ...(memoryBytes === undefined ? [] : [`--as=${memoryBytes}`]),
  ...(dataBytes === undefined ? [] : [`--data=${dataBytes}`]),
  ...(cpuSeconds === undefined ? [] : [`--cpu=${cpuSeconds}:${cpuSeconds + 5}`]),
  `--fsize=${fileBytes}`,
  '--nofile=64',
  '--core=0',
  '--',
]

const KINDS = {
  /** No network, no environment, dies with us, in a group of its own, with limits. */
  full: { before: [TOOLS.network, TOOLS.parent, TOOLS.group], isLimited: true },
  /** The same where no network can be taken away, as in most containers. */
  limited: { before: [TOOLS.parent, TOOLS.group], isLimited: true },
  /** Where util-linux is not there: time is limited by us alone. */
  bare: { before: [], isLimited: false },
} as const

export type FenceKind = keyof typeof KINDS

const PROBE: FenceLimits = { cpuSeconds: 5, memoryBytes: 1024 ** 3, fileBytes: 1024 ** 2 }

/** What stands between the machine and a program that reads files nobody trusts. */
export class Fence {
  readonly kind: FenceKind

  constructor(kind: FenceKind) {
    this.kind = kind
  }

  /** The strictest that this machine allows. */
  static async open(logger: Logger): Promise<Fence> {
    let cause: unknown
    for (const kind of ['full', 'limited'] as const) {
      const fence = new Fence(kind)
      const [command, ...args] = fence.wrap('true', PROBE)
      try {
        await execute(command, args, { timeout: 5_000 })
        return fence
      } catch (error) {
        cause = error
      }
    }
    logger.warn(
      { err: cause },
      'files are processed without limits of memory: setpriv or prlimit (util-linux) is missing',
    )
    return new Fence('bare')
  }

  /**
   * @param options.keepsEnvironment whether it gets the variables it is started with; else it gets none of them
   * @returns the command and its arguments that start a program inside of the fence
   */
  wrap(
    program: string,
    limits: FenceLimits,
    { keepsEnvironment = false } = {},
  ): [command: string, ...args: string[]] {
    const { before, isLimited } = KINDS[this.kind]
    const [command = program, ...args] = [
      ...(keepsEnvironment ? [] : TOOLS.environment),
      ...before.flat(),
      ...(isLimited ? limitArguments(limits) : []),
      ...TOOLS.niceness,
      program,
    ]
    return [command, ...args]
  }
}

/** Resolves when a process has ended, however; at once when it could not be started. */
export const ended = (child: ChildProcess): Promise<string> =>
  new Promise(resolve => {
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`))
    child.once('error', error => {
      if (child.pid === undefined) resolve(error.message)
    })
  })
