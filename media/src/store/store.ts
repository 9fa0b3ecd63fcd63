import type { Readable } from 'node:stream'
import type { ByteRange } from '@trunkline/kit'

export type ObjectStat = { size: number; modifiedAt: Date }

export type Presigning = { seconds: number; mime: string; contentDisposition: string }

export type ListedObject = ObjectStat & { key: string }

/**
 * Where bytes are kept. Keys are chosen by us, never by a user: see {@link assertKey}. Every implementation passes the
 * behaviour suite in `testing/store-suite.ts`.
 */
export interface ObjectStore {
  /**
   * Stores an object, replacing one of the same key. All or nothing: a body that breaks off leaves what was there before.
   * When it resolves the bytes are durable.
   */
  put(key: string, body: Readable | Uint8Array, options?: { mime?: string }): Promise<void>
  /**
   * @param range `end` may lie beyond the object; `start` must not
   * @throws ObjectNotFoundError; RangeError when the range begins beyond the object
   */
  get(key: string, range?: ByteRange): Promise<Readable>
  stat(key: string): Promise<ObjectStat | undefined>
  /** Deletes an object, and what an interrupted `put` of it left. One that is not there is no error. */
  delete(key: string): Promise<void>
  /**
   * Has `use` work with an object as a file of this machine, which it must not change: the object itself where objects are
   * files, else a copy in `folder` that is removed afterwards.
   * @throws ObjectNotFoundError
   */
  withFile<R>(key: string, folder: string, use: (path: string) => Promise<R>): Promise<R>
  /**
   * An address from which whoever has it gets an object, whatever becomes of their rights, for so many seconds. Undefined
   * where objects are not served by anybody else.
   */
  presign(key: string, options: Presigning): Promise<string | undefined>
  /** Every object whose key begins with `prefix`, in no particular order. */
  list(prefix: string): AsyncIterable<ListedObject>
  close(): Promise<void>
}

export class ObjectNotFoundError extends Error {
  constructor(key: string, options?: { cause: unknown }) {
    super(`there is no object ${key}`, options)
    this.name = 'ObjectNotFoundError'
  }
}

const KEY = /^[a-z0-9_-]+(\/[a-z0-9_-]+)*$/

/** Keys are paths on disk too: small letters (some file systems fold case), no dots, at most 200 characters. */
export const assertKey = (key: string): void => {
  if (key.length > 200 || !KEY.test(key)) throw new TypeError(`"${key}" cannot be the key of an object`)
}
