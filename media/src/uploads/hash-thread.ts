import { Worker } from 'node:worker_threads'
import type { Slab } from './slabs.ts'

export type Algorithm = 'md5' | 'sha1' | 'sha256'

/** What the thread is asked; it answers what has `answers`, in order. */
export type HashTask =
  | { type: 'start'; id: number; algorithm: Algorithm }
  | { type: 'update'; id: number; start: number; end: number }
  | { type: 'digest'; id: number }
  | { type: 'drop'; id: number }

/** What it answers: the hash to `digest`, nothing to `update`. */
export type HashAnswer = Uint8Array | null

type Line = { worker: Worker; waiting: PromiseWithResolvers<HashAnswer>[]; isOpen: boolean }

/** A hash that grows in the thread. */
export interface ThreadHash {
  /** @returns resolves once the thread has done with the slab, whatever became of the hash */
  update(slab: Slab, size: number): Promise<void>
  /**
   * Ends it.
   * @throws Error when the thread was lost with it
   */
  digest(): Promise<Buffer>
  /** To be called of each that is not needed any more. Idempotent. */
  drop(): void
}

/**
 * Hashes what uploads bring in a thread of its own, beside which the main thread receives what comes next: one for all, for
 * it hashes faster than one process can receive. It reads the bytes where they are, and starts when it is first needed.
 */
export class HashThread {
  readonly #memory: SharedArrayBuffer
  #line: Line | undefined
  #hashes = 0

  /** @param memory that of the slabs */
  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory
  }

  start(algorithm: Algorithm): ThreadHash {
    this.#line ??= this.#open()
    const line = this.#line
    const id = this.#hashes++
    let isKept = true
    line.worker.postMessage({ type: 'start', id, algorithm } satisfies HashTask)
    return {
      async update(slab, size) {
        const end = slab.start + size
        // A hash that was lost says so in the end.
        await ask(line, { type: 'update', id, start: slab.start, end }).catch(() => undefined)
      },
      async digest() {
        isKept = false
        const digest = await ask(line, { type: 'digest', id })
        return Buffer.from(digest ?? [])
      },
      drop() {
        if (isKept && line.isOpen) line.worker.postMessage({ type: 'drop', id } satisfies HashTask)
        isKept = false
      },
    }
  }

  /** What is asked later is answered by a new one. */
  async close(): Promise<void> {
    await this.#line?.worker.terminate()
  }

  #open(): Line {
    const worker = new Worker(new URL('./hash-worker.ts', import.meta.url), { workerData: this.#memory })
    // It has nothing to do for itself.
    worker.unref()
    const line: Line = { worker, waiting: [], isOpen: true }
    const lose = (error: Error): void => {
      line.isOpen = false
      if (this.#line === line) this.#line = undefined
      for (const { reject } of line.waiting.splice(0)) reject(error)
    }
    worker.on('message', (answer: HashAnswer) => line.waiting.shift()?.resolve(answer))
    worker.once('error', error => lose(new Error('the thread that hashes failed', { cause: error })))
    worker.once('exit', () => lose(new Error('the thread that hashes ended')))
    return line
  }
}

const ask = async (line: Line, task: HashTask): Promise<HashAnswer> => {
  if (!line.isOpen) throw new Error('the thread that hashes has ended meanwhile')
  const answer = Promise.withResolvers<HashAnswer>()
  line.waiting.push(answer)
  line.worker.postMessage(task)
  return answer.promise
}
