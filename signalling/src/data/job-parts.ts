import { type FileShelf, TrunklineError } from '@trunkline/protocol'
import { and, asc, eq, gt, sql, sum } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { jobParts } from '../schema.ts'

/** What is kept in memory of a job's bytes before it is stored. */
const PART_BYTES = 4 * 1024 * 1024

/** @throws TrunklineError `unavailable` where no media service is known */
export const requireShelf = (shelf: FileShelf | undefined): FileShelf => {
  if (shelf) return shelf
  throw new TrunklineError(
    'unavailable',
    'This installation has no media service to keep files in: set MEDIA_URL, or start media too.',
  )
}

/** The bytes of jobs, in parts in the object store. A part counts once its row is there. */
export class JobParts {
  readonly #database: Database
  readonly #shelf: FileShelf | undefined

  constructor(database: Database, shelf: FileShelf | undefined) {
    this.#database = database
    this.#shelf = shelf
  }

  /** bytes */
  async size(jobId: string): Promise<number> {
    const [row] = await this.#database
      .select({ size: sum(jobParts.size).mapWith(Number) })
      .from(jobParts)
      .where(eq(jobParts.jobId, jobId))
    return row?.size ?? 0
  }

  /** How many there are. */
  async next(jobId: string): Promise<number> {
    const [row] = await this.#database
      .select({ next: sql<number>`coalesce(max(${jobParts.n}) + 1, 0)`.mapWith(Number) })
      .from(jobParts)
      .where(eq(jobParts.jobId, jobId))
    return row?.next ?? 0
  }

  /**
   * Stores bytes after those that are there. What is stored here becomes part of them only with `note`, so a step that is
   * broken off writes over what it began.
   */
  async write(
    jobId: string,
    bytes: AsyncIterable<Uint8Array>,
  ): Promise<{ note: (executor: Executor) => Promise<void> }> {
    const shelf = requireShelf(this.#shelf)
    let n = await this.next(jobId)
    let start = await this.size(jobId)
    const parts: (typeof jobParts.$inferInsert)[] = []
    let waiting: Uint8Array[] = []
    let size = 0
    const flush = async () => {
      if (size === 0) return
      await shelf.putPart(jobId, n, Buffer.concat(waiting))
      parts.push({ jobId, n, start, size })
      n++
      start += size
      waiting = []
      size = 0
    }
    for await (const chunk of bytes) {
      waiting.push(chunk)
      size += chunk.byteLength
      if (size >= PART_BYTES) await flush()
    }
    await flush()
    return {
      note: async executor => {
        if (parts.length > 0) await executor.insert(jobParts).values(parts)
      },
    }
  }

  /** Bytes from `start`, up to and including `end`. */
  async *read(jobId: string, start: number, end = Number.MAX_SAFE_INTEGER): AsyncGenerator<Uint8Array> {
    const shelf = requireShelf(this.#shelf)
    const parts = await this.#database
      .select()
      .from(jobParts)
      .where(and(eq(jobParts.jobId, jobId), gt(sql`${jobParts.start} + ${jobParts.size}`, start)))
      .orderBy(asc(jobParts.n))
    for (const part of parts) {
      if (part.start > end) return
      const range = { start: Math.max(0, start - part.start), end: Math.min(part.size - 1, end - part.start) }
      yield* await shelf.readPart(jobId, part.n, range)
    }
  }

  /** Removes all bytes of a job. */
  async discard(jobId: string): Promise<void> {
    if ((await this.next(jobId)) === 0 && !this.#shelf) return
    await requireShelf(this.#shelf).deleteParts(jobId)
    await this.#database.delete(jobParts).where(eq(jobParts.jobId, jobId))
  }
}
