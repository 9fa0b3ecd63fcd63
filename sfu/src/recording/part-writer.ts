import { encodeRecord, type JournalRecord, TrunklineError } from '@trunkline/protocol'

/** Where what is recorded is kept: FileShelf.putPart of the recording. */
export type PutPart = (n: number, bytes: Uint8Array) => Promise<void>

/** How much is lost at most when this process dies, milliseconds. */
const PART_MS = 2_000
const NOTHING = new Uint8Array(0)
const PART_BYTES = 4 * 1024 * 1024
/** What waits in memory at most while it cannot be put away. */
const WAITING_BYTES = 64 * 1024 * 1024
const RETRY_MS = 1_000
/** How long the last parts are tried once the recording is over, milliseconds. */
const LAST_TRIES_MS = 60_000

const OUT_OF_REACH = 'Where files are kept could not be reached any more.'

/** Puts a recording away in parts, one after the other, while it goes on. */
export class PartWriter {
  readonly #put: PutPart
  readonly #onProblem: (problem: string) => void
  readonly #partMs: number
  readonly #marksEnd: boolean
  #records: Uint8Array[] = []
  #bytes = 0
  #waiting = 0
  #next = 0
  #isBroken = false
  #deadline = Number.POSITIVE_INFINITY
  #putting: Promise<void> = Promise.resolve()
  #timer: NodeJS.Timeout | undefined

  /**
   * @param options.partMs how much time a part is of at most, milliseconds
   * @param options.marksEnd whether the last part is an empty one, for who reads them as they come
   * @param options.onProblem told once, in a sentence for people, when nothing more can be kept
   */
  constructor(options: {
    put: PutPart
    partMs?: number
    marksEnd?: boolean
    onProblem: (problem: string) => void
  }) {
    this.#put = options.put
    this.#onProblem = options.onProblem
    this.#partMs = options.partMs ?? PART_MS
    this.#marksEnd = options.marksEnd ?? false
  }

  add(record: JournalRecord): void {
    if (this.#isBroken) return
    const bytes = encodeRecord(record)
    this.#records.push(bytes)
    this.#bytes += bytes.byteLength
    this.#waiting += bytes.byteLength
    if (this.#waiting > WAITING_BYTES) this.#break(OUT_OF_REACH)
    else if (this.#bytes >= PART_BYTES) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), this.#partMs)
  }

  /** Resolves once all that could be put away is. */
  async end(): Promise<void> {
    this.#deadline = performance.now() + LAST_TRIES_MS
    this.#flush()
    await this.#putting
    if (this.#marksEnd) await this.#keep(this.#next++, NOTHING)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#records.length === 0) return
    const part = Buffer.concat(this.#records)
    this.#records = []
    this.#bytes = 0
    const n = this.#next++
    this.#putting = this.#putting.then(async () => {
      if (!this.#isBroken) await this.#keep(n, part)
      this.#waiting -= part.byteLength
    })
  }

  /** Parts have no holes: after one that could not be kept none is. */
  async #keep(n: number, part: Uint8Array): Promise<void> {
    while (!this.#isBroken) {
      try {
        await this.#put(n, part)
        return
      } catch (error) {
        const refused = error instanceof TrunklineError && !error.retryable
        if (refused) this.#break(error.message)
        else if (performance.now() > this.#deadline) this.#break(OUT_OF_REACH)
        else await new Promise(resolve => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  #break(problem: string): void {
    if (this.#isBroken) return
    this.#isBroken = true
    clearTimeout(this.#timer)
    this.#records = []
    this.#onProblem(problem)
  }
}
