import { Readable } from 'node:stream'
import {
  AbortMultipartUploadCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  paginateListObjectsV2,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import type { ByteRange } from '@trunkline/kit'
import type { ObjectStat, ObjectStore } from './store.ts'
import { assertKey, type ListedObject, ObjectNotFoundError } from './store.ts'

export type S3Settings = {
  bucket: string
  /** Of a self-hosted server, for example `http://s3:7070`; left out for AWS. */
  endpoint?: string | undefined
  region?: string | undefined
  /** Left out: found as the AWS SDK finds them (environment, instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined
}

const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined

/** Objects of one bucket of any S3 server. */
class S3Store implements ObjectStore {
  readonly #client: S3Client
  readonly #bucket: string

  constructor(client: S3Client, bucket: string) {
    this.#client = client
    this.#bucket = bucket
  }

  async prepare(): Promise<void> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#bucket }))
    } catch (error) {
      if (statusOf(error) !== 404) throw error
      await this.#client.send(new CreateBucketCommand({ Bucket: this.#bucket }))
    }
  }

  async put(key: string, body: Readable | Uint8Array, options: { mime?: string } = {}): Promise<void> {
    let size = 0
    const upload = new Upload({
      client: this.#client,
      params: {
        ...this.#object(key),
        Body: body instanceof Uint8Array ? body : Readable.from(counted(body, bytes => (size += bytes))),
        ContentType: options.mime ?? 'application/octet-stream',
      },
    })
    await upload.done()
    // Servers exist that acknowledge bodies they cut short; none checks what it was sent.
    const stored = await this.stat(key)
    const expected = body instanceof Uint8Array ? body.byteLength : size
    if (stored?.size !== expected) {
      throw new Error(`the object store kept ${stored?.size} of the ${expected} bytes of ${key}`)
    }
  }

  async get(key: string, range?: ByteRange): Promise<Readable> {
    try {
      const { Body } = await this.#client.send(
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
      const head = await this.#client.send(new HeadObjectCommand(this.#object(key)))
      return { size: head.ContentLength ?? 0, modifiedAt: head.LastModified ?? new Date(0) }
    } catch (error) {
      if (statusOf(error) === 404) return undefined
      throw error
    }
  }

  async delete(key: string): Promise<void> {
    await this.#client.send(new DeleteObjectCommand(this.#object(key)))
    // Parts of an upload that a crash interrupted are invisible to a list, but take their space.
    const unfinished = await this.#client.send(
      new ListMultipartUploadsCommand({ Bucket: this.#bucket, Prefix: key }),
    )
    for (const upload of unfinished.Uploads ?? []) {
      if (upload.Key !== key) continue
      await this.#client.send(
        new AbortMultipartUploadCommand({ ...this.#object(key), UploadId: upload.UploadId }),
      )
    }
  }

  async *list(prefix: string): AsyncIterable<ListedObject> {
    const pages = paginateListObjectsV2({ client: this.#client }, { Bucket: this.#bucket, Prefix: prefix })
    for await (const page of pages) {
      for (const { Key, Size, LastModified } of page.Contents ?? []) {
        if (Key !== undefined) yield { key: Key, size: Size ?? 0, modifiedAt: LastModified ?? new Date(0) }
      }
    }
  }

  async close(): Promise<void> {
    this.#client.destroy()
  }

  #object(key: string): { Bucket: string; Key: string } {
    assertKey(key)
    return { Bucket: this.#bucket, Key: key }
  }
}

async function* counted(body: Readable, count: (bytes: number) => void): AsyncGenerator<Uint8Array> {
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    count(chunk.byteLength)
    yield chunk
  }
}

/** Opens a bucket, made when missing. Rejects when the server does not answer or refuses the credentials. */
export const openS3Store = async (settings: S3Settings): Promise<ObjectStore> => {
  const client = new S3Client({
    region: settings.region ?? 'us-east-1',
    ...(settings.endpoint !== undefined && { endpoint: settings.endpoint, forcePathStyle: true }),
    ...(settings.credentials && { credentials: settings.credentials }),
    // Self-hosted servers stumble over the SDK's newer checksum trailers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: 5_000, socketTimeout: 60_000 },
  })
  const store = new S3Store(client, settings.bucket)
  try {
    await store.prepare()
  } catch (error) {
    client.destroy()
    throw error
  }
  return store
}
