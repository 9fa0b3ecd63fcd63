import { Worker } from 'node:worker_threads'
import type { JournalNote, RecordingLayout, StreamState } from '@trunkline/protocol'
import type { LiveProgram } from './program.ts'

/** What the thread of a stream is started with. */
export type LiveWork = {
  program: LiveProgram
  layout: RecordingLayout
  /** Empty, of this thread alone. */
  folder: string
  rtmp: string | undefined
  allowsPrivate: boolean
  /** Where it goes on. */
  notes: JournalNote[]
  ms: number
}

/** What it is asked, one after the other. */
export type LiveTask = { type: 'part'; bytes: Uint8Array; isSkipped: boolean } | { type: 'end' }

/** What it tells. */
export type LiveTold =
  | { type: 'taken'; ms: number; notes: JournalNote[] }
  | { type: 'segment'; bytes: Uint8Array; seconds: number }
  | { type: 'state'; state: StreamState; reason: string | undefined }
  | { type: 'fault'; what: string; message: string }
  | { type: 'over' }

export type LiveListener = (told: Exclude<LiveTold, { type: 'taken' | 'over' }>) => void

/** A stream being put together, in a thread of its own. */
export class LiveThread {
  readonly #worker: Worker
  readonly #waiting: PromiseWithResolvers<LiveTold>[] = []
  #failure: Error | undefined

  constructor(work: LiveWork, listen: LiveListener) {
    this.#worker = new Worker(new URL('./live-worker.ts', import.meta.url), { workerData: work })
    this.#worker.on('message', (told: LiveTold) => {
      if (told.type === 'taken' || told.type === 'over') this.#waiting.shift()?.resolve(told)
      else listen(told)
    })
    const fail = (error: Error) => {
      this.#failure ??= error
      for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
    }
    this.#worker.on('error', fail)
    this.#worker.on('exit', code => fail(new Error(`the thread of a stream ended with ${code}`)))
  }

  /** The next part. @returns until when all is known then, and with what another could go on */
  async push(bytes: Uint8Array, isSkipped: boolean): Promise<{ ms: number; notes: JournalNote[] }> {
    const told = await this.#ask({ type: 'part', bytes, isSkipped })
    if (told.type !== 'taken') throw new Error('a stream ended before its time')
    return told
  }

  /** Shows what is left; resolves once all of it was handed out. */
  async end(): Promise<void> {
    await this.#ask({ type: 'end' })
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }

  #ask(task: LiveTask): Promise<LiveTold> {
    const asked = Promise.withResolvers<LiveTold>()
    asked.promise.catch(() => undefined)
    if (this.#failure) asked.reject(this.#failure)
    else {
      this.#waiting.push(asked)
      this.#worker.postMessage(task)
    }
    return asked.promise
  }
}
