import { randomUUID } from 'node:crypto'
import { type Database, isUniqueViolation } from '@trunkline/kit'
import type { FileHome, StoredFile } from '@trunkline/protocol'
import { and, asc, eq, gt, inArray, lt, sql } from 'drizzle-orm'
import { files } from './schema.ts'

export type FileRow = typeof files.$inferSelect

export type NewFile = Omit<typeof files.$inferInsert, 'state' | 'requestKey'>

export const newFileId = (): string => `file_${randomUUID().replaceAll('-', '')}`

/** Keys of a file's objects in the store. */
export const objectKeys = (id: string): { original: string; thumbnail: string } => ({
  original: `files/${id}/original`,
  thumbnail: `files/${id}/thumbnail`,
})

/** A row as clients see it. */
export const toStoredFile = (row: FileRow): StoredFile => ({
  id: row.id,
  roomId: row.roomId,
  uploader: row.uploader,
  name: row.name,
  mime: row.mime,
  size: row.size,
  ...(row.width !== null && { width: row.width }),
  ...(row.height !== null && { height: row.height }),
  thumbnail: row.thumbnail,
  createdAt: row.createdAt.toISOString(),
})

/** The rows of files. Only `ready` ones are ever shown. */
export class FileTable {
  readonly #db: Database<{ files: typeof files }>

  constructor(db: Database<{ files: typeof files }>) {
    this.#db = db
  }

  async find(id: string): Promise<FileRow | undefined> {
    const [row] = await this.#db
      .select()
      .from(files)
      .where(and(eq(files.id, id), eq(files.state, 'ready')))
    return row
  }

  /** The file that an earlier request with this key brought. */
  async findByRequestKey(uploader: string, requestKey: string): Promise<FileRow | undefined> {
    const [row] = await this.#db
      .select()
      .from(files)
      .where(and(eq(files.uploader, uploader), eq(files.requestKey, requestKey), eq(files.state, 'ready')))
    return row
  }

  /** Whatever has this id, also what is not ready. */
  async findAny(id: string): Promise<FileRow | undefined> {
    const [row] = await this.#db.select().from(files).where(eq(files.id, id))
    return row
  }

  /** Of which rooms files are; those that are not there are left out. */
  async homesOf(ids: readonly string[]): Promise<FileHome[]> {
    return this.#db
      .select({ id: files.id, roomId: files.roomId })
      .from(files)
      .where(and(eq(files.state, 'ready'), inArray(files.id, [...ids])))
  }

  /** Files of a room or by an uploader, in the order of their ids, those after `after`. */
  async list(
    query: { roomId?: string | undefined; uploader?: string | undefined; after?: string | undefined },
    limit: number,
  ): Promise<FileRow[]> {
    const { roomId, uploader, after } = query
    return this.#db
      .select()
      .from(files)
      .where(
        and(
          eq(files.state, 'ready'),
          roomId === undefined ? undefined : eq(files.roomId, roomId),
          uploader === undefined ? undefined : eq(files.uploader, uploader),
          after === undefined ? undefined : gt(files.id, after),
        ),
      )
      .orderBy(asc(files.id))
      .limit(limit)
  }

  /** Makes another the uploader of all somebody uploaded; the keys of their requests go with them. */
  async reassign(from: string, to: string): Promise<void> {
    await this.#db.update(files).set({ uploader: to, requestKey: null }).where(eq(files.uploader, from))
  }

  /** Announces a file whose objects are about to be stored. */
  async announce(file: NewFile): Promise<void> {
    await this.#db.insert(files).values({ ...file, state: 'storing' })
  }

  /**
   * Makes an announced file visible.
   * @returns nothing when it lost: the same request was completed before, or a sweep took the row
   */
  async complete(id: string, requestKey: string | undefined): Promise<FileRow | undefined> {
    try {
      const [row] = await this.#db
        .update(files)
        .set({ state: 'ready', requestKey: requestKey ?? null })
        .where(and(eq(files.id, id), eq(files.state, 'storing')))
        .returning()
      return row
    } catch (error) {
      if (isUniqueViolation(error)) return undefined
      throw error
    }
  }

  /** Hides a file for good; its objects may be removed from then on, and its row after them. */
  async condemn(id: string): Promise<void> {
    await this.#db.update(files).set({ state: 'deleting', requestKey: null }).where(eq(files.id, id))
  }

  /** Condemns what was announced longer ago than any upload takes, and lists it with what was condemned before. */
  async condemnAbandoned(olderThanMs: number, most: number): Promise<string[]> {
    const before = sql`now() - make_interval(secs => ${olderThanMs / 1000})`
    const abandoned = this.#db
      .select({ id: files.id })
      .from(files)
      .where(and(sql`${files.state} <> 'ready'`, lt(files.createdAt, before)))
      .limit(most)
    const rows = await this.#db
      .update(files)
      .set({ state: 'deleting' })
      // Asked again: an upload may have completed since the inner query looked.
      .where(and(inArray(files.id, abandoned), sql`${files.state} <> 'ready'`))
      .returning({ id: files.id })
    return rows.map(row => row.id)
  }

  /** Removes the row of a condemned file. */
  async remove(id: string): Promise<void> {
    await this.#db.delete(files).where(and(eq(files.id, id), eq(files.state, 'deleting')))
  }
}
