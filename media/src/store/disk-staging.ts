import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { ByteRange } from '@trunkline/kit'
import { type DiskStore, missing, syncFolder } from './disk.ts'
import { assertStagingId, isStagingId, type Staging } from './staging.ts'

/** Bytes after which what was written is flushed, so that the flush at the end has little left to do. */
const FLUSH_BYTES = 64 * 1024 * 1024

const writeAll = async (handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> => {
  for (let from = 0; from < chunk.byteLength; ) {
    const { bytesWritten } = await handle.write(chunk, from, chunk.byteLength - from, position + from)
    from += bytesWritten
  }
}

/** Writes a body from `offset` on. What came of one that breaks off is written too, before this throws. */
const writeFrom = async (
  handle: FileHandle,
  offset: number,
  body: AsyncIterable<Uint8Array>,
): Promise<number> => {
  let end = offset
  let flushed = offset
  let flushing: Promise<void> = Promise.resolve()
  try {
    for await (const chunk of body) {
      await writeAll(handle, chunk, end)
      end += chunk.byteLength
      if (end - flushed < FLUSH_BYTES) continue
      flushed = end
      await flushing
      flushing = handle.datasync()
      flushing.catch(() => undefined)
    }
  } finally {
    await flushing
    await handle.datasync()
  }
  return end
}

/** Uploads as files of a folder: how much of one is there is the size of its file. */
class DiskStaging implements Staging {
  readonly #folder: string
  readonly #store: DiskStore

  constructor(folder: string, store: DiskStore) {
    this.#folder = folder
    this.#store = store
  }

  async prepare(): Promise<void> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 })
  }

  async create(id: string): Promise<void> {
    const handle = await open(this.#path(id), 'wx', 0o600)
    await handle.close()
    await syncFolder(this.#folder)
  }

  async size(id: string): Promise<number | undefined> {
    try {
      return (await stat(this.#path(id))).size
    } catch (error) {
      if (missing(id, error)) return undefined
      throw error
    }
  }

  append(id: string, offset: number, body: AsyncIterable<Uint8Array>): Promise<number> {
    return this.#change(id, async (handle, size) => {
      if (offset > size) throw new RangeError(`${id} has ${size} bytes: nothing can follow byte ${offset}`)
      if (offset < size) await handle.truncate(offset)
      return writeFrom(handle, offset, body)
    })
  }

  truncate(id: string, to: number): Promise<void> {
    return this.#change(id, async (handle, size) => {
      if (to >= size) return
      await handle.truncate(to)
      await handle.datasync()
    })
  }

  async read(id: string, range?: ByteRange): Promise<Readable> {
    const handle = await this.#open(id, 'r')
    try {
      const { size } = await handle.stat()
      if (range && (range.start >= size || range.end < range.start)) {
        throw new RangeError(`${id} has ${size} bytes: there is no byte ${range.start}`)
      }
    } catch (error) {
      await handle.close()
      throw error
    }
    return createReadStream('', { fd: handle, ...range })
  }

  async concatenate(ids: readonly string[], into: string): Promise<void> {
    const path = this.#path(into)
    const read = (id: string) => this.read(id)
    await this.#store.write(
      path,
      Readable.from(
        (async function* () {
          for (const id of ids) yield* await read(id)
        })(),
      ),
    )
  }

  async promote(id: string, key: string): Promise<void> {
    await this.#store.adopt(this.#path(id), key)
  }

  async delete(id: string): Promise<void> {
    await rm(this.#path(id), { force: true })
  }

  async *list(): AsyncIterable<{ id: string; modifiedAt: Date }> {
    for (const id of await readdir(this.#folder)) {
      if (!isStagingId(id)) continue
      const found = await stat(this.#path(id)).catch((error: unknown) => {
        // It became an object meanwhile, or was taken away.
        if (!missing(id, error)) throw error
      })
      if (found) yield { id, modifiedAt: found.mtime }
    }
  }

  #path(id: string): string {
    assertStagingId(id)
    return join(this.#folder, id)
  }

  async #open(id: string, flags: string): Promise<FileHandle> {
    return open(this.#path(id), flags).catch((error: unknown) => {
      throw missing(id, error) ?? error
    })
  }

  async #change<R>(id: string, change: (handle: FileHandle, size: number) => Promise<R>): Promise<R> {
    const handle = await this.#open(id, 'r+')
    try {
      return await change(handle, (await handle.stat()).size)
    } finally {
      await handle.close()
    }
  }
}

/**
 * Opens the staging of a store in a folder.
 * @param folder made when missing; of the file system of the store, which takes its files over
 */
export const openDiskStaging = async (folder: string, store: DiskStore): Promise<Staging> => {
  const staging = new DiskStaging(folder, store)
  await staging.prepare()
  return staging
}
