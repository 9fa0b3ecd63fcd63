import { randomUUID } from 'node:crypto'
import { createWriteStream } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import {
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  type S3Client,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import type { ByteRange } from '@trunkline/kit'
import type { OpenedStore } from './open.ts'
import {
  abortUnfinished,
  createS3Client,
  putBytes,
  type S3Bucket,
  type S3Settings,
  statusOf,
} from './s3-bucket.ts'
import { S3Staging } from './s3-staging.ts'
import type { ListedObject, ObjectStat, ObjectStore, Presigning } from './store.ts'
import { assertKey, ObjectNotFoundError } from './store.ts'

/** Objects of one bucket of any S3 server. */
class S3Store implements ObjectStore {
  readonly #bucket: S3Bucket
  /** Signs addresses that users are given; it never connects. */
  readonly #signer: S3Client

  constructor(bucket: S3Bucket, signer: S3Client) {
    this.#bucket = bucket
    this.#signer = signer
  }

  async prepare(): Promise<void> {
    const { client, name } = this.#bucket
    try {
      await client.send(new HeadBucketCommand({ Bucket: name }))
    } catch (error) {
      if (statusOf(error) !== 404) throw error
      await client.send(new CreateBucketCommand({ Bucket: name }))
    }
  }

  async put(key: string, body: Readable | Uint8Array, options: { mime?: string } = {}): Promise<void> {
    const target = this.#object(key)
    const mime = options.mime ?? 'application/octet-stream'
    if (body instanceof Uint8Array) return putBytes(this.#bucket, key, body, mime)
    let size = 0
    const Body = Readable.from(counted(body, bytes => (size += bytes)))
    const params = { ...target, Body, ContentType: mime }
    await new Upload({ client: this.#bucket.client, params }).done()
    // Servers exist that acknowledge bodies they cut short.
    const stored = await this.stat(key)
    if (stored?.size !== size) {
      throw new Error(`the object store kept ${stored?.size} of the ${size} bytes of ${key}`)
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    try {
      const { Body } = await this.#bucket.client.send(
        new GetObjectCommand({
          ...this.#object(key),
          ...(range && { Range: `bytes=${range.start}-${range.end}` }),
        }),
      )
      return Body as Readable
    } catch (error) {
      if (statusOf(error) === 404) throw new ObjectNotFoundError(key, { cause: error })
      if (statusOf(error) === 416) {
        throw new RangeError(`${key} has no byte ${range?.start}`, { cause: error })
      }
      throw error
    }
  }

  async stat(key: string): Promise<ObjectStat | undefined> {
    try {
      const head = await this.#bucket.client.send(new HeadObjectCommand(this.#object(key)))
      return { size: head.ContentLength ?? 0, modifiedAt: head.LastModified ?? new Date(0) }
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  }

  async delete(key: string): Promise<void> {
    await this.#bucket.client.send(new DeleteObjectCommand(this.#object(key)))
    await abortUnfinished(this.#bucket, key)
  }

  async withFile<R>(key: string, folder: string, use: (path: string) => Promise<R>): Promise<R> {
    const body = await this.get(key)
    const path = join(folder, randomUUID())
    try {
      await pipeline(body, createWriteStream(path, { flags: 'wx', mode: 0o600 }))
      return await use(path)
    } finally {
      await rm(path, { force: true })
    }
  }

  async presign(key: string, { seconds, mime, contentDisposition }: Presigning): Promise<string> {
    const command = new GetObjectCommand({
      ...this.#object(key),
      ResponseContentType: mime,
      ResponseContentDisposition: contentDisposition,
    })
    return getSignedUrl(this.#signer, command, { expiresIn: seconds })
  }

  async *list(prefix: string): AsyncIterable<ListedObject> {
    const { client, name } = this.#bucket
    for await (const page of paginateListObjectsV2({ client }, { Bucket: name, Prefix: prefix })) {
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, size: Size ?? 0, modifiedAt: LastModified ?? new Date(0) }
      }
    }
  }

  async close(): Promise<void> {
    this.#bucket.client.destroy()
    this.#signer.destroy()
  }

  #object(key: string): { Bucket: string; Key: string } {
    assertKey(key)
    return { Bucket: this.#bucket.name, Key: key }
  }
}

async function* counted(body: Readable, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    count(chunk.byteLength)
    yield chunk
  }
}

/** Opens a bucket, made when missing. Rejects when the server does not answer or refuses the credentials. */
export const openS3 = async (settings: S3Settings): Promise<OpenedStore> => {
  const bucket = { client: createS3Client(settings), name: settings.bucket }
  const objects = new S3Store(bucket, createS3Client(settings, settings.publicEndpoint ?? settings.endpoint))
  try {
    await objects.prepare()
  } catch (error) {
    await objects.close()
    throw error
  }
  return { objects, staging: new S3Staging(bucket, objects), close: () => objects.close() }
}
