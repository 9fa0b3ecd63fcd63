import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises'
import { dirname, join, sep } from 'node:path'
import type { Readable } from 'node:stream'
import type { ByteRange } from '@trunkline/kit'
import type { ListedObject, ObjectStat, ObjectStore } from './store.ts'
import { assertKey, type ObjectNotFoundError as Missing, ObjectNotFoundError } from './store.ts'

const codeOf = (error: unknown): unknown => (error as NodeJS.ErrnoException | undefined)?.code

/** What a file that is not there means: no such object. */
export const missing = (key: string, error: unknown): Missing | undefined =>
  codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR'
    ? new ObjectNotFoundError(key, { cause: error })
    : undefined

/** Flushes the names in a folder, so that they survive a loss of power. */
export const syncFolder = async (folder: string): Promise<void> => {
  const handle = await open(folder, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

const writeAll = async (handle: FileHandle, body: Readable | Uint8Array): Promise<void> => {
  if (body instanceof Uint8Array) {
    await handle.writeFile(body)
  } else {
    for await (const chunk of body) await handle.appendFile(chunk as Uint8Array)
  }
  await handle.sync()
}

/** Objects as files of a folder. The folder belongs to one process: what an earlier one left half-written is removed. */
export class DiskStore implements ObjectStore {
  readonly #objects: string
  readonly #partial: string

  constructor(folder: string) {
    this.#objects = join(folder, 'objects')
    this.#partial = join(folder, 'partial')
  }

  async prepare(): Promise<void> {
    await rm(this.#partial, { recursive: true, force: true })
    await mkdir(this.#partial, { recursive: true, mode: 0o700 })
    await mkdir(this.#objects, { recursive: true, mode: 0o700 })
  }

  async put(key: string, body: Readable | Uint8Array): Promise<void> {
    await this.write(this.#path(key), body)
  }

  /** Writes a file beside the objects in the way of an object: all of it or nothing, and durable. */
  async write(path: string, body: Readable | Uint8Array): Promise<void> {
    const partial = join(this.#partial, randomUUID())
    const handle = await open(partial, 'wx', 0o600)
    try {
      try {
        await writeAll(handle, body)
      } finally {
        await handle.close()
      }
      await this.#publish(partial, path)
    } catch (error) {
      await rm(partial, { force: true })
      throw error
    }
  }

  /**
   * Makes a file of the same file system the object `key`; its bytes are not copied.
   * @throws ObjectNotFoundError when there is no such file, and no such object either
   */
  async adopt(file: string, key: string): Promise<void> {
    const path = this.#path(key)
    try {
      const handle = await open(file, 'r+')
      try {
        await handle.datasync()
      } finally {
        await handle.close()
      }
      await this.#publish(file, path)
    } catch (error) {
      // Adopted already, by a process that was killed before it could say so.
      if (!missing(key, error) || !(await this.stat(key))) throw missing(key, error) ?? error
      await this.#syncAncestors(path, this.#objects)
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    const handle = await open(this.#path(key), 'r').catch((error: unknown) => {
      throw missing(key, error) ?? error
    })
    try {
      const { size } = await handle.stat()
      if (range && (range.start >= size || range.end < range.start)) {
        throw new RangeError(`${key} has ${size} bytes: there is no byte ${range.start}`)
      }
    } catch (error) {
      await handle.close()
      throw error
    }
    return createReadStream('', { fd: handle, ...range })
  }

  async stat(key: string): Promise<ObjectStat | undefined> {
    try {
      const found = await stat(this.#path(key))
      return found.isFile() ? { size: found.size, modifiedAt: found.mtime } : undefined
    } catch (error) {
      if (missing(key, error)) return undefined
      throw error
    }
  }

  async delete(key: string): Promise<void> {
    const path = this.#path(key)
    await rm(path, { force: true })
    // Folders that became empty go too; one in which another object was just put stays.
    for (let folder = dirname(path); folder !== this.#objects; folder = dirname(folder)) {
      try {
        await rmdir(folder)
      } catch (error) {
        if (codeOf(error) === 'ENOENT') continue
        if (codeOf(error) === 'ENOTEMPTY' || codeOf(error) === 'EEXIST') return
        throw error
      }
    }
  }

  async withFile<R>(key: string, _folder: string, use: (path: string) => Promise<R>): Promise<R> {
    if (!(await this.stat(key))) throw new ObjectNotFoundError(key)
    return use(this.#path(key))
  }

  /** A folder is served by us alone. */
  async presign(): Promise<undefined> {}

  async *list(prefix: string): AsyncIterable<ListedObject> {
    // Only what lies in the folder a prefix names can begin with it.
    yield* this.#listFolder(join(this.#objects, dirname(`${prefix}x`)), prefix)
  }

  async *#listFolder(folder: string, prefix: string): AsyncIterable<ListedObject> {
    // Objects come and go meanwhile, and folders with them: one that is gone holds nothing.
    const entries = await readdir(folder, { withFileTypes: true }).catch((error: unknown) => {
      if (missing(folder, error)) return []
      throw error
    })
    for (const entry of entries) {
      const path = join(folder, entry.name)
      const key = path.slice(this.#objects.length + 1).replaceAll(sep, '/')
      if (entry.isDirectory()) {
        if (key.startsWith(prefix) || prefix.startsWith(`${key}/`)) yield* this.#listFolder(path, prefix)
      } else if (key.startsWith(prefix)) {
        const found = await this.stat(key)
        if (found) yield { key, ...found }
      }
    }
  }

  async close(): Promise<void> {}

  #path(key: string): string {
    assertKey(key)
    return join(this.#objects, key)
  }

  /** Moves a complete file to its place so that it survives a loss of power: the names are flushed as well. */
  async #publish(partial: string, path: string): Promise<void> {
    // A delete may take the empty folder away between the two steps.
    for (let attempt = 1; ; attempt++) {
      const first = await mkdir(dirname(path), { recursive: true, mode: 0o700 })
      try {
        await rename(partial, path)
        await syncFolder(dirname(path))
        if (first) await this.#syncAncestors(dirname(path), dirname(first))
        return
      } catch (error) {
        if (codeOf(error) !== 'ENOENT' || attempt === 10) throw error
      }
    }
  }

  async #syncAncestors(from: string, top: string): Promise<void> {
    for (let folder = from; folder !== top; ) {
      folder = dirname(folder)
      await syncFolder(folder)
    }
  }
}

/**
 * Opens a store in a folder, made when missing.
 * @param folder belongs to this store and this process alone
 */
export const openDiskStore = async (folder: string): Promise<DiskStore> => {
  const store = new DiskStore(folder)
  await store.prepare()
  return store
}
