import { isUniqueViolation } from '@trunkline/kit'
import { LIMITS, TrunklineError } from '@trunkline/protocol'
import { and, eq, sql } from 'drizzle-orm'
import type { MediaDatabase } from '../database.ts'
import type { FileRow } from '../files/stored-file.ts'
import { files, uploads } from '../schema.ts'

export type UploadRow = typeof uploads.$inferSelect
export type UploadLimits = {
  /** bytes of one file */
  uploadBytes: number
  /** bytes of all files of one user, uploads included */
  userFilesBytes: number
}

export type NewUpload = {
  id: string
  roomId: string | null
  uploader: string
  name: string | null
  /** bytes; null when the client will say it later */
  size: number | null
  isPart?: boolean
  /** What it is put together of. */
  parts?: string[]
  requestKey?: string | undefined
}

/** @param ms from now, by the clock of the database */
const after = (ms: number) => sql`now() + make_interval(secs => ${ms / 1000})`
const UPLOAD_MS = LIMITS.uploadSeconds * 1000

type Transaction = Parameters<Parameters<MediaDatabase['transaction']>[0]>[0]

export const tooLarge = (limit: number): TrunklineError =>
  new TrunklineError('too_large', `A file must be at most ${limit} bytes.`, { details: { limit } })

export const keyUsed = (): TrunklineError =>
  new TrunklineError('conflict', 'This Idempotency-Key was used for a file of another room.')

const quotaReached = (limit: number): TrunklineError =>
  new TrunklineError(
    'limit_reached',
    `All your files together must be at most ${limit} bytes: delete some of them first.`,
    { details: { limit } },
  )

/** The rows of uploads, and what each counts in the quota of its uploader. */
export class UploadTable {
  readonly #db: MediaDatabase
  readonly #limits: UploadLimits

  constructor(db: MediaDatabase, limits: UploadLimits) {
    this.#db = db
    this.#limits = limits
  }

  /** @throws TrunklineError `too_large` */
  assertSize(size: number): void {
    if (size > this.#limits.uploadBytes) throw tooLarge(this.#limits.uploadBytes)
  }

  async find(id: string): Promise<UploadRow | undefined> {
    const [row] = await this.#db.select().from(uploads).where(eq(uploads.id, id))
    return row
  }

  /** What an earlier request with this key created: an upload, or the file that became of it. */
  async findByRequestKey(
    uploader: string,
    requestKey: string,
  ): Promise<{ id: string; roomId: string | null } | undefined> {
    const of = (table: typeof files | typeof uploads) =>
      this.#db
        .select({ id: table.id, roomId: table.roomId })
        .from(table)
        .where(and(eq(table.uploader, uploader), eq(table.requestKey, requestKey)))
    // In this order: one that completes in between is seen as the upload or as the file.
    return (await of(uploads))[0] ?? (await of(files))[0]
  }

  /**
   * Adds an upload and takes its share of the quota: its size, or, as long as that is unknown, the most it may become.
   * @param lifeMs after which it is taken away
   * @returns nothing when the same request came in before it
   * @throws TrunklineError `too_large`; `limit_reached` for the quota and for uploads under way
   */
  async create(upload: NewUpload, lifeMs = UPLOAD_MS): Promise<UploadRow | undefined> {
    const { size, uploader } = upload
    this.assertSize(size ?? 0)
    try {
      return await this.#db.transaction(async tx => {
        const { free, open } = await this.#countUsed(tx, uploader)
        if (open >= LIMITS.uploadsPerUser) {
          throw new TrunklineError(
            'limit_reached',
            `You may have ${LIMITS.uploadsPerUser} unfinished uploads: finish or delete some of them first.`,
            { details: { limit: LIMITS.uploadsPerUser } },
          )
        }
        const reserved = size ?? Math.min(this.#limits.uploadBytes, free)
        if (reserved > free || (size === null && free <= 0)) throw quotaReached(this.#limits.userFilesBytes)
        const [row] = await tx
          .insert(uploads)
          .values({ ...upload, reserved, expiresAt: after(lifeMs) })
          .returning()
        return row
      })
    } catch (error) {
      if (isUniqueViolation(error)) return undefined
      throw error
    }
  }

  /**
   * Says the size of an upload that was created without.
   * @throws TrunklineError `too_large`, `limit_reached`
   */
  async declareSize(id: string, size: number): Promise<void> {
    this.assertSize(size)
    await this.#db.transaction(async tx => {
      const [row] = await tx.select().from(uploads).where(eq(uploads.id, id))
      if (!row) return
      const { free } = await this.#countUsed(tx, row.uploader)
      if (size > row.reserved + free) throw quotaReached(this.#limits.userFilesBytes)
      await tx.update(uploads).set({ size, reserved: size }).where(eq(uploads.id, id))
    })
  }

  /** Adds what parts are put together in: they count in the quota until it takes their place. */
  async createWhole(upload: NewUpload & { size: number }): Promise<UploadRow | undefined> {
    const [row] = await this.#db
      .insert(uploads)
      .values({ ...upload, reserved: 0, expiresAt: after(UPLOAD_MS) })
      .onConflictDoNothing()
      .returning()
    return row
  }

  /** Puts off when an upload is taken away: from now on after so many ms. */
  async renew(id: string, lifeMs: number): Promise<void> {
    await this.#db
      .update(uploads)
      .set({ expiresAt: after(lifeMs) })
      .where(eq(uploads.id, id))
  }

  /** Notes from where on bytes are unchecked; null when they have been. */
  async setUncheckedFrom(id: string, uncheckedFrom: number | null): Promise<void> {
    await this.#db.update(uploads).set({ uncheckedFrom }).where(eq(uploads.id, id))
  }

  /**
   * Puts a file in the place of an upload.
   * @returns nothing when the upload is not there any more
   * @throws a unique violation when another file came by the same request
   */
  async replaceByFile(file: typeof files.$inferInsert): Promise<FileRow | undefined> {
    return this.#db.transaction(async tx => {
      const taken = await tx.delete(uploads).where(eq(uploads.id, file.id)).returning({ id: uploads.id })
      if (taken.length === 0) return undefined
      const [added] = await tx.insert(files).values(file).returning()
      return added
    })
  }

  /** @returns whether it was there: whoever gets true has its bytes to take away */
  async delete(id: string): Promise<boolean> {
    const deleted = await this.#db.delete(uploads).where(eq(uploads.id, id)).returning({ id: uploads.id })
    return deleted.length > 0
  }

  /** What a user has left, counted one at a time for each user, so that no two uploads take the same bytes. */
  async #countUsed(tx: Transaction, uploader: string): Promise<{ free: number; open: number }> {
    await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended(${`uploads of ${uploader}`}, 0))`)
    const { rows } = await tx.execute<{ stored: string; reserved: string; open: number }>(sql`
      select
        (select coalesce(sum(${files.size}), 0) from ${files}
          where ${files.uploader} = ${uploader} and ${files.state} = 'arrived') as stored,
        (select coalesce(sum(${uploads.reserved}), 0) from ${uploads}
          where ${uploads.uploader} = ${uploader}) as reserved,
        (select count(*)::int from ${uploads} where ${uploads.uploader} = ${uploader}) as open`)
    const [used] = rows
    if (!used) throw new Error('a count answered nothing')
    return {
      free: this.#limits.userFilesBytes - Number(used.stored) - Number(used.reserved),
      open: used.open,
    }
  }
}
