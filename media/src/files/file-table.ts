import type { FileHome } from '@trunkline/protocol'
import { and, asc, eq, gt, inArray, isNull, lt, or } from 'drizzle-orm'
import { ago, type MediaDatabase } from '../database.ts'
import { contents, files } from '../schema.ts'
import { type FileRow, type FoundFile, toStoredFile } from './stored-file.ts'

const isArrived = eq(files.state, 'arrived')

/** The rows of files. Those on their way out are never shown. */
export class FileTable {
  readonly #db: MediaDatabase

  constructor(db: MediaDatabase) {
    this.#db = db
  }

  #found() {
    return this.#db
      .select({ file: files, content: contents })
      .from(files)
      .leftJoin(contents, eq(files.contentId, contents.id))
  }

  async find(id: string): Promise<FoundFile | undefined> {
    const [found] = await this.#found().where(and(eq(files.id, id), isArrived))
    return found
  }

  /** Those of these files that are there, in no particular order. */
  async findMany(ids: readonly string[]): Promise<FoundFile[]> {
    return this.#found().where(and(inArray(files.id, [...ids]), isArrived))
  }

  /** The file that an earlier request with this key brought. */
  async findByRequestKey(uploader: string, requestKey: string): Promise<FoundFile | undefined> {
    const [found] = await this.#found().where(
      and(eq(files.uploader, uploader), eq(files.requestKey, requestKey), isArrived),
    )
    return found
  }

  /** Whatever has this id, also what is on its way out. */
  async findAny(id: string): Promise<FoundFile | undefined> {
    const [found] = await this.#found().where(eq(files.id, id))
    return found
  }

  /** Of which rooms files are, and what they are; those that are not there are left out. */
  async homesOf(ids: readonly string[]): Promise<FileHome[]> {
    return (await this.findMany(ids)).map(found => {
      const { id, roomId, uploader, name, mime, size, width, height, durationMs } = toStoredFile(found)
      return { id, roomId, uploader, name, mime, size, width, height, durationMs }
    })
  }

  /** Files of a room or by an uploader, in the order of their ids, those after `after`. */
  async list(
    query: { roomId?: string | undefined; uploader?: string | undefined; after?: string | undefined },
    limit: number,
  ): Promise<FoundFile[]> {
    const { roomId, uploader, after } = query
    return this.#found()
      .where(
        and(
          isArrived,
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

  /** Files of a content whose room was not told yet how they ended. */
  async untold(contentId: string): Promise<FileRow[]> {
    return this.#db
      .select()
      .from(files)
      .where(and(eq(files.contentId, contentId), isArrived, eq(files.isTold, false)))
  }

  async setTold(id: string): Promise<void> {
    await this.#db.update(files).set({ isTold: true }).where(eq(files.id, id))
  }

  /** Files of a content that people see. */
  async ofContent(contentId: string): Promise<FileRow[]> {
    return this.#db
      .select()
      .from(files)
      .where(and(eq(files.contentId, contentId), isArrived))
  }

  /** Hides a file for good: from now on it is on its way out. */
  async hide(id: string): Promise<void> {
    await this.#db.update(files).set({ state: 'deleting', requestKey: null }).where(eq(files.id, id))
  }

  /**
   * Takes away the row of a file that is on its way out, and condemns its content when no other file has it.
   * @returns that content
   */
  async remove(id: string): Promise<{ condemned: string | undefined }> {
    return this.#db.transaction(async tx => {
      const [row] = await tx
        .select({ contentId: files.contentId })
        .from(files)
        .where(and(eq(files.id, id), eq(files.state, 'deleting')))
      if (!row) return { condemned: undefined }
      const { contentId } = row
      // Before the file's row, as where a file gets its content: two of one content wait here for each other.
      if (contentId !== null) await tx.select().from(contents).where(eq(contents.id, contentId)).for('update')
      await tx.delete(files).where(eq(files.id, id))
      if (contentId === null) return { condemned: undefined }
      const [other] = await tx
        .select({ id: files.id })
        .from(files)
        .where(eq(files.contentId, contentId))
        .limit(1)
      if (other) return { condemned: undefined }
      await tx.update(contents).set({ state: 'deleting' }).where(eq(contents.id, contentId))
      return { condemned: contentId }
    })
  }

  /** Whether there is still anything of a file that was hidden, or of a content that it had and that is condemned. */
  async isKept(id: string, contentId: string | undefined): Promise<boolean> {
    const [file] = await this.#db.select({ id: files.id }).from(files).where(eq(files.id, id))
    if (file || contentId === undefined) return file !== undefined
    const [content] = await this.#db
      .select({ id: contents.id })
      .from(contents)
      .where(and(eq(contents.id, contentId), eq(contents.state, 'deleting')))
    return content !== undefined
  }

  /** Files that are to be driven on: not checked, or on their way out, for longer than that. */
  async unfinished(olderThanMs: number, most: number): Promise<string[]> {
    const isOld = lt(files.createdAt, ago(olderThanMs))
    const only = this.#db.select({ id: files.id }).from(files)
    // In two questions, each of which has an index.
    const [unclaimed, arriving] = await Promise.all([
      only.where(and(or(isNull(files.contentId), eq(files.state, 'deleting')), isOld)).limit(most),
      this.#db
        .select({ id: files.id })
        .from(contents)
        .innerJoin(files, eq(files.contentId, contents.id))
        .where(and(eq(contents.state, 'arriving'), isOld))
        .limit(most),
    ])
    return [...new Set([...unclaimed, ...arriving].map(({ id }) => id))]
  }
}
