import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import type { ByteRange } from '@trunkline/kit'
import { abortUnfinished, putBytes, type S3Bucket } from './s3-bucket.ts'
import { assertStagingId, type Staging } from './staging.ts'
import { ObjectNotFoundError, type ObjectStore } from './store.ts'

/** Bytes of an upload that are one object of the bucket. */
export type Piece = { start: number; size: number; modifiedAt: Date }

/** What one part of an object is made of: a piece as it is, or several small ones that pass through us. */
export type Part = { pieces: Piece[] }

const PREFIX = 'staging/'

/** Nobody is served a piece. */
const PIECE_MIME = 'application/octet-stream'

/**
 * Bytes of a piece: the smallest that S3 takes as part of an object, so that pieces are put together without passing
 * through us again.
 */
export const PIECE_BYTES = 5 * 1024 * 1024

/** A last piece smaller than this is written anew with what follows: a client that sends a byte at a time makes few pieces. */
const SMALL_BYTES = 1024 * 1024

/** Pieces of one upload on their way while the next one is received. */
const PIECES_AT_ONCE = 2

/** Requests at once where no bytes pass through us. */
const REQUESTS_AT_ONCE = 8

/** The pieces that follow each other from the first byte on: what lies behind a gap does not count. */
const chainOf = (pieces: readonly Piece[]): Piece[] => {
  let end = 0
  return pieces.filter(({ start, size }) => {
    if (start !== end) return false
    end += size
    return true
  })
}

const endOf = (chain: readonly Piece[]): number => {
  const last = chain.at(-1)
  return last ? last.start + last.size : 0
}

/** The parts of an object made of these pieces: each but the last as large as S3 demands. */
export const partsOf = (chain: readonly Piece[]): Part[] => {
  const parts: Part[] = []
  let pieces: Piece[] = []
  let bytes = 0
  for (const piece of chain) {
    pieces.push(piece)
    bytes += piece.size
    if (bytes < PIECE_BYTES) continue
    parts.push({ pieces })
    pieces = []
    bytes = 0
  }
  return pieces.length > 0 ? [...parts, { pieces }] : parts
}

const assertSize = (what: string, found: number | undefined, expected: number): void => {
  if (found === expected) return
  throw new Error(`the object store kept ${found} of the ${expected} bytes of ${what}`)
}

/** Works on all items, some at once. The first failure is thrown once everything begun has ended. */
const forAll = async <T>(items: Iterable<T>, work: (item: T) => Promise<unknown>): Promise<void> => {
  const waiting = [...items]
  const faults: unknown[] = []
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined && faults.length === 0; item = waiting.shift()) {
      await work(item).catch((error: unknown) => faults.push(error))
    }
  }
  await Promise.all(Array.from({ length: REQUESTS_AT_ONCE }, worker))
  if (faults.length > 0) throw faults[0]
}

/** Cuts a stream of bytes into pieces and stores them. */
class PieceWriter {
  readonly #store: (start: number, bytes: Buffer) => Promise<void>
  #start: number
  #chunks: Uint8Array[]
  #bytes: number
  #isStored = true
  #storing: Promise<void>[] = []

  /** @param head what the first piece begins with; it is stored already */
  constructor(start: number, head: Buffer, store: (start: number, bytes: Buffer) => Promise<void>) {
    this.#store = store
    this.#start = start
    this.#chunks = [head]
    this.#bytes = head.byteLength
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let rest = chunk; rest.byteLength > 0; ) {
      const taken = rest.subarray(0, PIECE_BYTES - this.#bytes)
      // The chunk is not ours to keep.
      this.#chunks.push(Buffer.from(taken))
      this.#bytes += taken.byteLength
      this.#isStored = false
      rest = rest.subarray(taken.byteLength)
      if (this.#bytes === PIECE_BYTES) await this.#flush()
    }
  }

  /** Stores what is left, and waits for all that is on its way. @returns where the bytes end */
  async end(): Promise<number> {
    try {
      if (!this.#isStored) await this.#flush()
      await Promise.all(this.#storing)
    } finally {
      await Promise.allSettled(this.#storing)
    }
    return this.#start + this.#bytes
  }

  async #flush(): Promise<void> {
    const [start, bytes] = [this.#start, Buffer.concat(this.#chunks)]
    this.#start += this.#bytes
    this.#chunks = []
    this.#bytes = 0
    this.#isStored = true
    while (this.#storing.length >= PIECES_AT_ONCE) await this.#storing.shift()
    const storing = this.#store(start, bytes)
    // It is looked at when its turn comes.
    storing.catch(() => undefined)
    this.#storing.push(storing)
  }
}

/**
 * Uploads as pieces in the bucket, `staging/<id>/<start>`. An upload is there when its first piece is: that one is the first
 * to go, and the last to come when several are copied, so that no crash leaves a part that looks like a whole.
 */
export class S3Staging implements Staging {
  readonly #bucket: S3Bucket
  readonly #objects: ObjectStore

  constructor(bucket: S3Bucket, objects: ObjectStore) {
    this.#bucket = bucket
    this.#objects = objects
  }

  async create(id: string): Promise<void> {
    await this.#store(id, 0, Buffer.alloc(0))
  }

  async size(id: string): Promise<number | undefined> {
    const chain = chainOf(await this.#pieces(id))
    return chain.length > 0 ? endOf(chain) : undefined
  }

  async append(id: string, offset: number, body: AsyncIterable<Uint8Array>): Promise<number> {
    const last = await this.#cut(id, offset)
    const isSmall = last.size < SMALL_BYTES
    const head = isSmall ? await this.#load(id, last) : Buffer.alloc(0)
    const writer = new PieceWriter(isSmall ? last.start : offset, head, (start, bytes) =>
      this.#store(id, start, bytes),
    )
    try {
      for await (const chunk of body) await writer.write(chunk)
    } catch (error) {
      await writer.end()
      throw error
    }
    return writer.end()
  }

  async truncate(id: string, size: number): Promise<void> {
    const there = await this.size(id)
    if (there === undefined || size < there) await this.#cut(id, size)
  }

  async read(id: string, range?: ByteRange): Promise<Readable> {
    const chain = await this.#chain(id)
    const size = endOf(chain)
    const { start, end } = range ?? { start: 0, end: size - 1 }
    if (range && (start >= size || end < start)) {
      throw new RangeError(`${id} has ${size} bytes: there is no byte ${start}`)
    }
    return Readable.from(this.#bytes(id, chain, start, end), { objectMode: false })
  }

  async concatenate(ids: readonly string[], into: string): Promise<void> {
    const copies: { from: string; start: number }[] = []
    let end = 0
    for (const id of ids) {
      for (const piece of await this.#chain(id)) {
        if (piece.size > 0) copies.push({ from: this.#key(id, piece.start), start: end + piece.start })
      }
      end += endOf(await this.#chain(id))
    }
    await this.delete(into)
    const copy = ({ from, start }: (typeof copies)[number]) => this.#copy(from, this.#key(into, start))
    const [first, ...others] = copies
    await forAll(others, copy)
    if (first) await copy(first)
    else await this.create(into)
    assertSize(into, await this.size(into), end)
  }

  async promote(id: string, key: string, { mime }: { mime: string }): Promise<void> {
    const chain = chainOf(await this.#pieces(id))
    const there = await this.#objects.stat(key)
    if (chain.length === 0 && !there) throw new ObjectNotFoundError(id)
    const size = endOf(chain)
    // An object appears as a whole. One that is there already was made of this upload before a crash.
    if (chain.length > 0 && there?.size !== size) {
      await this.#assemble(id, chain, key, mime)
      assertSize(key, (await this.#objects.stat(key))?.size, size)
    }
    await this.delete(id)
  }

  async delete(id: string): Promise<void> {
    const [first, ...others] = await this.#pieces(id)
    if (first) await this.#remove(id, first)
    await forAll(others, piece => this.#remove(id, piece))
  }

  async *list(): AsyncIterable<{ id: string; modifiedAt: Date }> {
    const found = new Map<string, Date>()
    for await (const { key, modifiedAt } of this.#objects.list(PREFIX)) {
      const id = key.slice(PREFIX.length, key.lastIndexOf('/'))
      const newest = found.get(id)
      if (!newest || newest < modifiedAt) found.set(id, modifiedAt)
    }
    for (const [id, modifiedAt] of found) yield { id, modifiedAt }
  }

  #key(id: string, start: number): string {
    assertStagingId(id)
    return `${PREFIX}${id}/${String(start).padStart(15, '0')}`
  }

  /** All pieces there are, in the order of their bytes. */
  async #pieces(id: string): Promise<Piece[]> {
    assertStagingId(id)
    const pieces: Piece[] = []
    for await (const { key, ...found } of this.#objects.list(`${PREFIX}${id}/`)) {
      pieces.push({ start: Number(key.slice(key.lastIndexOf('/') + 1)), ...found })
    }
    return pieces.sort((a, b) => a.start - b.start)
  }

  async #chain(id: string): Promise<Piece[]> {
    const chain = chainOf(await this.#pieces(id))
    if (chain.length === 0) throw new ObjectNotFoundError(id)
    return chain
  }

  /** Takes away what lies behind the first `size` bytes. @returns the last piece then */
  async #cut(id: string, size: number): Promise<Piece> {
    const pieces = await this.#pieces(id)
    const chain = chainOf(pieces)
    const last = chain.findLast(({ start }) => start < size || start === 0)
    if (!last) throw new ObjectNotFoundError(id)
    if (size > endOf(chain)) {
      throw new RangeError(`${id} has ${endOf(chain)} bytes: nothing can follow byte ${size}`)
    }
    const behind = pieces.filter(({ start }) => start > last.start)
    await forAll(behind, piece => this.#remove(id, piece))
    const kept = { ...last, size: size - last.start }
    if (kept.size < last.size) await this.#store(id, kept.start, await this.#load(id, kept))
    return kept
  }

  /** The first bytes of a piece. */
  async #load(id: string, { start, size }: Piece): Promise<Buffer> {
    if (size === 0) return Buffer.alloc(0)
    const bytes = await buffer(await this.#objects.get(this.#key(id, start), { start: 0, end: size - 1 }))
    assertSize(this.#key(id, start), bytes.byteLength, size)
    return bytes
  }

  async *#bytes(id: string, chain: readonly Piece[], start: number, end: number): AsyncGenerator<Uint8Array> {
    for (const piece of chain) {
      const first = Math.max(start - piece.start, 0)
      const last = Math.min(end - piece.start, piece.size - 1)
      if (first > last) continue
      yield* await this.#objects.get(this.#key(id, piece.start), { start: first, end: last })
    }
  }

  #store(id: string, start: number, bytes: Buffer): Promise<void> {
    return putBytes(this.#bucket, this.#key(id, start), bytes, PIECE_MIME)
  }

  async #remove(id: string, { start }: Piece): Promise<void> {
    const { client, name } = this.#bucket
    await client.send(new DeleteObjectCommand({ Bucket: name, Key: this.#key(id, start) }))
  }

  async #copy(from: string, to: string, mime = PIECE_MIME): Promise<void> {
    await this.#bucket.client.send(
      new CopyObjectCommand({
        Bucket: this.#bucket.name,
        Key: to,
        CopySource: `${this.#bucket.name}/${from}`,
        MetadataDirective: 'REPLACE',
        ContentType: mime,
      }),
    )
  }

  async #assemble(id: string, chain: readonly Piece[], key: string, mime: string): Promise<void> {
    const [only, ...others] = chain
    if (only && others.length === 0) {
      await this.#copy(this.#key(id, only.start), key, mime)
      return
    }
    const { client, name: Bucket } = this.#bucket
    const { UploadId } = await client.send(
      new CreateMultipartUploadCommand({ Bucket, Key: key, ContentType: mime }),
    )
    const target = { Bucket, Key: key, UploadId }
    const tags: (string | undefined)[] = []
    try {
      await forAll(partsOf(chain).entries(), async ([index, { pieces }]) => {
        tags[index] = await this.#storePart(id, pieces, { ...target, PartNumber: index + 1 })
      })
      const Parts = tags.map((ETag, index) => ({ ETag, PartNumber: index + 1 }))
      await client.send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts } }))
    } catch (error) {
      await client.send(new AbortMultipartUploadCommand(target)).catch(() => undefined)
      throw error
    }
    // What an attempt that was killed has left.
    await abortUnfinished(this.#bucket, key)
  }

  async #storePart(
    id: string,
    pieces: readonly Piece[],
    part: { Bucket: string; Key: string; UploadId: string | undefined; PartNumber: number },
  ): Promise<string | undefined> {
    const { client, name } = this.#bucket
    const [only, ...others] = pieces
    if (only && others.length === 0) {
      const CopySource = `${name}/${this.#key(id, only.start)}`
      const { CopyPartResult } = await client.send(new UploadPartCopyCommand({ ...part, CopySource }))
      return CopyPartResult?.ETag
    }
    const loaded: Buffer[] = []
    await forAll(pieces.entries(), async ([n, piece]) => {
      loaded[n] = await this.#load(id, piece)
    })
    const { ETag } = await client.send(new UploadPartCommand({ ...part, Body: Buffer.concat(loaded) }))
    return ETag
  }
}
