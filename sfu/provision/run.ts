import { spawn } from 'node:child_process'

export interface RunOptions {
  readonly cwd?: string
  readonly env?: NodeJS.ProcessEnv
  /** Milliseconds, after which the process and its children are killed. */
  readonly timeout?: number
  /** Open files the process gets as descriptors 3, 4, ... */
  readonly descriptors?: readonly number[]
  /** Every line of stdout and stderr as it comes. */
  readonly onLine?: (line: string) => void
}

export interface RunResult {
  /** Undefined when the program could not be started or was killed. */
  readonly code: number | undefined
  /** stdout and stderr, the last 64 KiB. */
  readonly output: string
}

const OUTPUT_KEPT = 64 * 1024

/** Runs a program to its end. Never rejects: a program that is missing is a result too. */
export function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
  const { promise, resolve } = Promise.withResolvers<RunResult>()
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    // A group of its own when there is a deadline, so that what it started can be ended with it.
    detached: options.timeout !== undefined,
    stdio: ['ignore', 'pipe', 'pipe', ...(options.descriptors ?? [])],
  })
  let output = ''
  let rest = ''
  const take = (chunk: Buffer) => {
    output = (output + chunk).slice(-OUTPUT_KEPT)
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) options.onLine?.(line)
  }
  child.stdout?.on('data', take)
  child.stderr?.on('data', take)
  const timer = options.timeout && setTimeout(() => killGroup(child.pid), options.timeout)
  const settle = (code: number | undefined) => {
    if (timer) clearTimeout(timer)
    resolve({ code, output })
  }
  child.on('error', error => {
    output += error.message
    settle(undefined)
  })
  child.on('close', code => settle(code ?? undefined))
  return promise
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, 'SIGKILL')
  } catch {
    // Gone already.
  }
}
