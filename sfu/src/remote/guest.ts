import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Duplex, Readable, Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import type { Logger } from '@trunkline/kit'
import { version } from 'mediasoup'
import { Deframer, Framer } from './frames.ts'

/** A worker that has not ended this long after its line is killed. Milliseconds. */
const END_MS = 2_000

/** A worker that runs here for the SFU process of another machine, at the other end of a line. It ends with the line. */
export class Guest {
  readonly #child: ChildProcess
  readonly #line: Duplex
  /** Resolves when the process has ended. Never rejects. */
  readonly ended: Promise<void>

  /** @param workerBin started as the engine starts it: what it is to do comes by descriptor 3, what it says goes by 4 */
  constructor(workerBin: string, line: Duplex, logger: Logger) {
    this.#line = line
    this.#child = spawn(workerBin, ['--logLevel=warn'], {
      env: { ...process.env, MEDIASOUP_VERSION: version },
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe'],
    })
    const { pid, stdio } = this.#child
    const [, out, complaints, toWorker, fromWorker] = stdio as unknown as [
      null,
      Readable,
      Readable,
      Writable,
      Readable,
    ]
    for (const stream of [out, complaints])
      stream.on('data', text => logger.warn({ pid }, `guest worker: ${String(text).trim()}`))
    this.ended = this.#watch(logger)
    const broke = (error: Error) => logger.debug({ err: error, pid }, 'line of a guest worker broke')
    pipeline(line, new Deframer(), toWorker).catch(broke)
    pipeline(fromWorker, new Framer(), line).catch(broke)
    line.once('close', () => void this.close())
  }

  get pid(): number | undefined {
    return this.#child.pid
  }

  /** Ends the line, and the process with it. Idempotent. */
  async close(): Promise<void> {
    this.#line.destroy()
    const kill = setTimeout(() => this.#child.kill('SIGKILL'), END_MS)
    await this.ended
    clearTimeout(kill)
  }

  async #watch(logger: Logger): Promise<void> {
    const { pid } = this.#child
    try {
      const [code, signal] = await once(this.#child, 'exit')
      logger.info({ pid, code, signal }, 'guest worker ended')
    } catch (error) {
      logger.error({ err: error }, 'a guest worker could not be started')
    }
    // What it said last may still be on its way.
    this.#line.end()
  }
}
