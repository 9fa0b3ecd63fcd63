import { execFile, spawn } from 'node:child_process'
import type { Writable } from 'node:stream'
import { finished } from 'node:stream/promises'
import { promisify } from 'node:util'
import ffmpeg from 'fluent-ffmpeg'
import type { Fence, FenceLimits } from '../fence.ts'

// The only file that imports fluent-ffmpeg.

export type RunLimits = FenceLimits & {
  /** of the clock */
  ms: number
}

export type Run = {
  /** Before `-i`. */
  input: readonly string[]
  /** Of the file that is read; absolute. */
  path: string
  outputs: readonly { options: readonly string[]; target: string | Writable }[]
  limits: RunLimits
  signal: AbortSignal
  /** Hears how many seconds of the input are done. */
  progress?: (seconds: number) => void
}

/** What ffmpeg did not get done because of the file: trying again would end the same. */
export class FfmpegFault extends Error {
  readonly reason: 'damaged' | 'time' | 'size'

  constructor(reason: FfmpegFault['reason'], message: string, options?: { cause: unknown }) {
    super(message, options)
    this.name = 'FfmpegFault'
    this.reason = reason
  }
}

const execute = promisify(execFile)

const SIGNALS: ReadonlyMap<string, FfmpegFault['reason']> = new Map([
  ['SIGXCPU', 'time'],
  ['SIGXFSZ', 'size'],
  ['SIGSEGV', 'damaged'],
  ['SIGBUS', 'damaged'],
  ['SIGABRT', 'damaged'],
  ['SIGFPE', 'damaged'],
  ['SIGILL', 'damaged'],
])

/** What it says when the machine is at fault, not the file. */
const OURS = /No space left on device|Disk quota exceeded|^(env|unshare|setpriv|setsid|prlimit|nice): /m

/**
 * Tells a fault of the file from one of ours.
 * @param ended the exit code, or the signal that ended it
 * @param said the last of what it said
 */
export const faultOf = (program: string, ended: number | string, said: string): Error => {
  const message = `${program} ended with ${ended}: ${said.trim().slice(-500)}`
  // 125 to 127: it was never started.
  if (typeof ended === 'number' ? ended >= 125 || OURS.test(said) : !SIGNALS.has(ended))
    return new Error(message)
  if (/Cannot allocate memory/.test(said)) return new FfmpegFault('size', message)
  return new FfmpegFault(typeof ended === 'number' ? 'damaged' : (SIGNALS.get(ended) ?? 'damaged'), message)
}

/** Formats by name, for fluent-ffmpeg would else start ffmpeg outside of the fence to ask for all it knows. */
const FORMATS = Object.fromEntries(
  ['s16le', 'null', 'lavfi', 'concat'].map(name => [
    name,
    { description: name, canDemux: true, canMux: true },
  ]),
)

/** Its types have no word for an error that is not there. */
const NO_ERROR = null as unknown as Error

/** Ends a process and whatever it started: it leads a group of its own, unless it did not come to that yet. */
const end = (pid: number | undefined): void => {
  if (pid === undefined) return
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, 'SIGKILL')
    } catch {
      // It is gone.
    }
  }
}

const PROBE_BYTES = 1024 * 1024

/** Runs ffmpeg and ffprobe, each inside of the fence; how many at a time is up to the queues of the jobs. */
export class Ffmpeg {
  readonly #ffmpeg: string
  readonly #ffprobe: string
  readonly #fence: Fence

  /** @param options.ffmpeg path of the program, as is `ffprobe` */
  constructor(options: { ffmpeg: string; ffprobe: string; fence: Fence }) {
    this.#ffmpeg = options.ffmpeg
    this.#ffprobe = options.ffprobe
    this.#fence = options.fence
  }

  /**
   * Runs ffmpeg once.
   * @throws FfmpegFault when the file is at fault; the reason of the signal when it was aborted
   */
  async run(run: Run): Promise<void> {
    run.signal.throwIfAborted()
    const [command, ...fence] = this.#fence.wrap(this.#ffmpeg, run.limits)
    // Options go one by one: in a list, one with a space in it would be taken apart.
    const job = ffmpeg({ stdoutLines: 50 })
      .input(run.path)
      .inputOptions(...fence, ...run.input, '-progress', 'pipe:2')
    for (const { options, target } of run.outputs) job.output(target).outputOptions(...options)
    job.setFfmpegPath(command)
    job.availableFormats = callback => callback(NO_ERROR, FORMATS)
    job.availableEncoders = callback => callback(NO_ERROR, {})
    const pid = () => (job as { ffmpegProc?: { pid?: number } }).ffmpegProc?.pid

    return new Promise((resolve, reject) => {
      let ending: 'time' | 'aborted' | undefined
      const stop = (why: 'time' | 'aborted') => {
        ending ??= why
        end(pid())
      }
      const abort = () => stop('aborted')
      const timer = setTimeout(stop, run.limits.ms, 'time')
      run.signal.addEventListener('abort', abort, { once: true })
      const cleanUp = () => {
        clearTimeout(timer)
        run.signal.removeEventListener('abort', abort)
      }
      job
        .on('start', () => {
          if (ending) end(pid())
        })
        .on('stderr', (line: string) => {
          const seconds = progressOf(line)
          if (seconds !== undefined) run.progress?.(seconds)
        })
        .on('end', () => {
          cleanUp()
          const streams = run.outputs.map(({ target }) => target).filter(target => typeof target !== 'string')
          Promise.all(streams.map(stream => finished(stream))).then(() => resolve(), reject)
        })
        .on('error', (error: Error, _stdout: string | null, stderr: string | null) => {
          cleanUp()
          if (ending === 'aborted') reject(run.signal.reason)
          else if (ending === 'time') reject(new FfmpegFault('time', `killed after ${run.limits.ms} ms`))
          else reject(failureOf(error, stderr ?? ''))
        })
        .run()
    })
  }

  /** Whether this ffmpeg was built with a filter. */
  async hasFilter(name: string): Promise<boolean> {
    const limits = { cpuSeconds: 10, memoryBytes: 2 ** 30, fileBytes: 0 }
    const [command, ...args] = this.#fence.wrap(this.#ffmpeg, limits)
    const asking = [...args, '-hide_banner', '-h', `filter=${name}`]
    // It says so, but ends as if all were well.
    return execute(command, asking, { timeout: 10_000 }).then(
      ({ stdout, stderr }) => !/Unknown filter/.test(stdout + stderr),
      () => false,
    )
  }

  /**
   * Asks ffprobe about a file.
   *
   * Not through fluent-ffmpeg: its probe cannot be ended, has no bound on what is answered, and reads lines, which a title
   * with line breaks forges.
   * @returns its answer, as JSON says it
   * @throws FfmpegFault; the reason of the signal when it was aborted
   */
  async probe(args: readonly string[], limits: RunLimits, signal: AbortSignal): Promise<unknown> {
    signal.throwIfAborted()
    const [command, ...fence] = this.#fence.wrap(this.#ffprobe, limits)
    const child = spawn(command, [...fence, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    return new Promise((resolve, reject) => {
      let failure: unknown
      const stop = (why: unknown) => {
        failure ??= why
        end(child.pid)
      }
      const abort = () => stop(signal.reason)
      const timer = setTimeout(() => stop(new FfmpegFault('time', `killed after ${limits.ms} ms`)), limits.ms)
      signal.addEventListener('abort', abort, { once: true })
      let answer = ''
      let said = ''
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        answer += text
        if (answer.length > PROBE_BYTES)
          stop(new FfmpegFault('size', 'there is no end to what ffprobe tells'))
      })
      child.stderr.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-4_096)
      })
      child.on('error', error => stop(error))
      child.on('close', (code, killedBy) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', abort)
        if (failure !== undefined) reject(failure)
        else if (code !== 0) reject(faultOf('ffprobe', killedBy ?? code ?? 'no code', said))
        else {
          try {
            resolve(JSON.parse(answer))
          } catch (error) {
            reject(new FfmpegFault('damaged', 'what ffprobe tells is not JSON', { cause: error }))
          }
        }
      })
    })
  }
}

/** Of a line of `-progress`: https://ffmpeg.org/ffmpeg.html#Main-options */
export const progressOf = (line: string): number | undefined => {
  const micros = /^out_time_us=(\d+)$/.exec(line)?.[1]
  return micros === undefined ? undefined : Number(micros) / 1_000_000
}

/** fluent-ffmpeg tells how ffmpeg ended in its message alone. */
const failureOf = (error: Error, said: string): Error => {
  const killedBy = /killed with signal (\w+)/.exec(error.message)?.[1]
  const code = /exited with code (\d+)/.exec(error.message)?.[1]
  if (killedBy === undefined && code === undefined) return error
  const errors = said
    .split('\n')
    .filter(line => !/^\w+=\s*\S*$/.test(line))
    .join('\n')
  return faultOf('ffmpeg', killedBy ?? Number(code), errors)
}
