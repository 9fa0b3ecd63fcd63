import type { Readable } from 'node:stream'
import type { ByteRange } from '@trunkline/kit'

/**
 * Where uploads grow until they are objects. What `append` has answered for survives a restart, and, where objects are
 * shared (S3), any process goes on where another stopped. Ids are chosen by us. Whoever calls sees to it that one upload has
 * one writer at a time. Every implementation passes the behaviour suite in `testing/staging-suite.ts`.
 */
export interface Staging {
  create(id: string): Promise<void>
  /** bytes that are there; undefined when there is no such upload */
  size(id: string): Promise<number | undefined>
  /**
   * Writes bytes after the first `offset`; what lay behind those is gone. A body that breaks off leaves what came of it.
   * @param body a chunk of it is good until the next one is asked for
   * @returns how many bytes there are then
   * @throws what the body threw, once what came is kept
   */
  append(id: string, offset: number, body: AsyncIterable<Uint8Array>): Promise<number>
  /** Takes away what lies behind the first `size` bytes. */
  truncate(id: string, size: number): Promise<void>
  /** @throws ObjectNotFoundError; RangeError when the range begins beyond the end */
  read(id: string, range?: ByteRange): Promise<Readable>
  /** Writes several uploads one after the other into a new one, in place of what `into` may hold; they stay. */
  concatenate(ids: readonly string[], into: string): Promise<void>
  /**
   * Makes an upload the object `key` of the store. It is gone from here when this resolves; done again after a crash, it
   * finds the object there and does nothing.
   */
  promote(id: string, key: string, options: { mime: string }): Promise<void>
  /** One that is not there is no error. */
  delete(id: string): Promise<void>
  list(): AsyncIterable<{ id: string; modifiedAt: Date }>
}

const ID = /^[a-z0-9_-]{1,100}$/

/** Ids are names of files and parts of keys: small letters, no dots, no slashes. */
export const isStagingId = (id: string): boolean => ID.test(id)

export const assertStagingId = (id: string): void => {
  if (!isStagingId(id)) throw new TypeError(`"${id}" cannot be the id of an upload`)
}
