import { createReadStream } from 'node:fs'
import type { Logger } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'
import { type FileRow, type FileTable, type NewFile, newFileId, objectKeys } from './files.ts'
import type { ObjectStore } from './store/store.ts'

/** Keeps rows and objects in step: what is written where, and in which order, is decided here alone. */
export class FileKeeper {
  readonly #files: FileTable
  readonly #store: ObjectStore
  readonly #logger: Logger

  constructor(deps: { files: FileTable; store: ObjectStore; logger: Logger }) {
    this.#files = deps.files
    this.#store = deps.store
    this.#logger = deps.logger
  }

  /**
   * Stores a file: row, objects, row made visible. Leaves nothing when a step fails or `cancelled` says so before the
   * last one; a crash in between is cleared up by {@link sweep}.
   * @param file has an id when it had one elsewhere
   */
  async keep(
    file: Omit<NewFile, 'id' | 'thumbnail'> & { id?: string },
    parts: { path: string; thumbnail: Uint8Array | undefined },
    options: { requestKey: string | undefined; cancelled: () => boolean },
  ): Promise<FileRow> {
    const id = file.id ?? newFileId()
    const keys = objectKeys(id)
    await this.#files.announce({ ...file, id, thumbnail: parts.thumbnail !== undefined })
    try {
      await this.#store.put(keys.original, createReadStream(parts.path), { mime: file.mime })
      if (parts.thumbnail) await this.#store.put(keys.thumbnail, parts.thumbnail, { mime: 'image/webp' })
      if (options.cancelled()) throw new TrunklineError('conflict', 'The upload was broken off.')
      const row = await this.#files.complete(id, options.requestKey)
      if (row) return row
    } catch (error) {
      await this.#discard(id)
      throw error
    }
    await this.#discard(id)
    const earlier =
      options.requestKey && (await this.#files.findByRequestKey(file.uploader, options.requestKey))
    if (earlier) return earlier
    throw new TrunklineError('unavailable', 'Storing the file took too long. Send it again.')
  }

  /** Deletes a file: from the moment this begins nobody sees it, when it ends its bytes are gone. */
  async delete(id: string): Promise<void> {
    const { original, thumbnail } = objectKeys(id)
    await this.#files.condemn(id)
    await this.#store.delete(thumbnail)
    await this.#store.delete(original)
    await this.#files.remove(id)
  }

  /**
   * Removes what uploads left that a crash interrupted.
   * @param olderThanMs longer than any upload takes between its row and its completion
   * @returns how many there were
   */
  async sweep(olderThanMs: number): Promise<number> {
    let removed = 0
    for (;;) {
      const ids = await this.#files.condemnAbandoned(olderThanMs, 100)
      if (ids.length === 0) return removed
      for (const id of ids) await this.delete(id)
      removed += ids.length
    }
  }

  /** After a failure: an attempt. What cannot be removed now stays condemned until the next sweep. */
  async #discard(id: string): Promise<void> {
    await this.delete(id).catch((error: unknown) => {
      this.#logger.warn({ err: error, fileId: id }, 'a broken off upload is left for the next sweep')
    })
  }
}
