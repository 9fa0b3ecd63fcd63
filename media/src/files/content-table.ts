import type { Derivative, FileDetails } from '@trunkline/protocol'
import { and, asc, eq, inArray, lt, ne, sql, TransactionRollbackError } from 'drizzle-orm'
import { ago, type MediaDatabase } from '../database.ts'
import { contents, files } from '../schema.ts'
import { type ContentRow, newContentId } from './stored-file.ts'

/** The rows of contents: bytes of a room, and what was made of them. */
export class ContentTable {
  readonly #db: MediaDatabase

  constructor(db: MediaDatabase) {
    this.#db = db
  }

  async find(id: string): Promise<ContentRow | undefined> {
    const [row] = await this.#db.select().from(contents).where(eq(contents.id, id))
    return row
  }

  /**
   * Gives a file its content: the one of its room with these bytes, made where there is none.
   * @returns nothing when the file is not there any more
   */
  async claim(
    fileId: string,
    bytes: { sha256: string; size: number; mime: string },
  ): Promise<ContentRow | undefined> {
    const claimed = this.#db.transaction(async tx => {
      const [file] = await tx.select().from(files).where(eq(files.id, fileId))
      if (file?.state !== 'arrived') return undefined
      const { roomId } = file
      const { sha256, size, mime } = bytes
      await tx
        .insert(contents)
        .values({ id: newContentId(), roomId, sha256, size, mime, state: 'arriving' })
        .onConflictDoNothing()
      const [content] = await tx
        .select()
        .from(contents)
        .where(and(eq(contents.roomId, roomId), eq(contents.sha256, sha256), ne(contents.state, 'deleting')))
        .for('update')
      // Taken away between the two statements by the last file it had: the next attempt makes another.
      if (!content) throw new Error('the content of a file went while it was looked for')
      const updated = await tx
        .update(files)
        .set({ contentId: content.id, size, mime })
        .where(and(eq(files.id, fileId), eq(files.state, 'arrived')))
        .returning({ id: files.id })
      // With the file goes what was made for it here.
      return updated.length > 0 ? content : tx.rollback()
    })
    return claimed.catch((error: unknown) => {
      if (error instanceof TransactionRollbackError) return undefined
      throw error
    })
  }

  /** Its bytes are in place, and nobody found harm in them. @returns nothing when it went meanwhile */
  async setArrived(id: string): Promise<ContentRow | undefined> {
    return this.#set(id, 'arriving', { state: 'processing' })
  }

  async setQuarantined(id: string, reason: string): Promise<ContentRow | undefined> {
    return this.#set(id, 'arriving', { state: 'quarantined', reason })
  }

  async setReady(
    id: string,
    made: { mime?: string; details: FileDetails; derivatives: Derivative[] },
  ): Promise<ContentRow | undefined> {
    return this.#set(id, 'processing', { state: 'ready', ...made })
  }

  /** What is known of it while the rest is being made. */
  async setEarly(id: string, made: { details: FileDetails; derivatives: Derivative[] }): Promise<void> {
    await this.#set(id, 'processing', made)
  }

  async setFailed(id: string, reason: string): Promise<ContentRow | undefined> {
    return this.#set(id, 'processing', { state: 'failed', reason, details: {}, derivatives: [] })
  }

  /** Counts that processing begins. @returns how often it did; nothing when it is not to be processed */
  async begin(id: string): Promise<number | undefined> {
    const row = await this.#set(id, 'processing', {
      attempts: sql`${contents.attempts} + 1`,
      details: {},
      derivatives: [],
    })
    return row?.attempts
  }

  /** An attempt that was stopped from outside does not count. */
  async giveBack(id: string): Promise<void> {
    await this.#set(id, 'processing', { attempts: sql`greatest(${contents.attempts} - 1, 0)` })
  }

  /** Takes away the row of a content whose objects are gone. */
  async remove(id: string): Promise<void> {
    await this.#db.delete(contents).where(and(eq(contents.id, id), eq(contents.state, 'deleting')))
  }

  /** Contents that are to be driven on: not processed, on their way out, or with files whose rooms were not told. */
  async unfinished(olderThanMs: number, most: number): Promise<ContentRow[]> {
    const [unprocessed, untold] = await Promise.all([
      this.#db
        .select()
        .from(contents)
        .where(
          and(inArray(contents.state, ['processing', 'deleting']), lt(contents.createdAt, ago(olderThanMs))),
        )
        .orderBy(asc(contents.createdAt))
        .limit(most),
      this.#db
        .selectDistinctOn([contents.id], { content: contents })
        .from(files)
        .innerJoin(contents, eq(files.contentId, contents.id))
        .where(
          and(
            sql`not ${files.isTold}`,
            eq(files.state, 'arrived'),
            lt(files.createdAt, ago(olderThanMs)),
            inArray(contents.state, ['ready', 'failed', 'quarantined']),
          ),
        )
        .limit(most),
    ])
    return [...unprocessed, ...untold.map(({ content }) => content)]
  }

  async #set(
    id: string,
    from: ContentRow['state'],
    values: Parameters<ReturnType<MediaDatabase['update']>['set']>[0],
  ): Promise<ContentRow | undefined> {
    const [row] = await this.#db
      .update(contents)
      .set(values)
      .where(and(eq(contents.id, id), eq(contents.state, from)))
      .returning()
    return row
  }
}
