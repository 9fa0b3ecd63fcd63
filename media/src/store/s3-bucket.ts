import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  AbortMultipartUploadCommand,
  GetObjectCommand,
  ListMultipartUploadsCommand,
  PutObjectCommand,
  S3Client,
  S3ServiceException,
} from '@aws-sdk/client-s3'

export type S3Settings = {
  bucket: string
  /** Of a self-hosted server, for example `http://s3:7070`; left out for AWS. */
  endpoint?: string | undefined
  /** Where users reach that server, when it is elsewhere than we do: for addresses that are given to them. */
  publicEndpoint?: string | undefined
  region?: string | undefined
  /** Left out: found as the AWS SDK finds them (environment, instance role). */
  credentials?: { accessKeyId: string; secretAccessKey: string } | undefined
}

/** A bucket, and how to speak to its server. */
export type S3Bucket = { client: S3Client; name: string }

/** Connections at once to the server: each download of a client holds one for as long as that client takes. */
const CONNECTIONS = 1000

export const createS3Client = (settings: S3Settings, endpoint = settings.endpoint): S3Client =>
  new S3Client({
    region: settings.region ?? 'us-east-1',
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
    ...(settings.credentials && { credentials: settings.credentials }),
    // Self-hosted servers stumble over the SDK's newer checksum trailers.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: 5_000,
      socketTimeout: 60_000,
      httpAgent: { maxSockets: CONNECTIONS },
      httpsAgent: { maxSockets: CONNECTIONS },
    },
  })

/** The HTTP status a server refused with. */
export const statusOf = (error: unknown): number | undefined =>
  error instanceof S3ServiceException ? error.$metadata.httpStatusCode : undefined

/** Removes the parts of uploads of an object that were interrupted: no list shows them, but they take their space. */
export const abortUnfinished = async ({ client, name }: S3Bucket, key: string): Promise<void> => {
  const unfinished = await client.send(new ListMultipartUploadsCommand({ Bucket: name, Prefix: key }))
  for (const upload of unfinished.Uploads ?? []) {
    if (upload.Key !== key) continue
    const { UploadId } = upload
    await client.send(new AbortMultipartUploadCommand({ Bucket: name, Key: key, UploadId }))
  }
}

/**
 * Stores bytes and makes sure that they are what the server keeps: none refuses bytes that were changed or cut on their way.
 * @throws Error when it keeps others
 */
export const putBytes = async (
  { client, name }: S3Bucket,
  key: string,
  bytes: Uint8Array,
  mime: string,
): Promise<void> => {
  const target = { Bucket: name, Key: key }
  const body = { Body: bytes, ContentLength: bytes.byteLength, ContentType: mime }
  const { ETag } = await client.send(new PutObjectCommand({ ...target, ...body }))
  const md5 = createHash('md5').update(bytes).digest('hex')
  if (ETag?.replaceAll('"', '') === md5) return
  // The tag is the MD5 with nearly every server, but need not be (encryption by a key of the owner's): then we look.
  const { Body } = await client.send(new GetObjectCommand(target))
  if (!(await buffer(Body as Readable)).equals(bytes)) {
    throw new Error(`the object store kept other bytes than it was sent of ${key}`)
  }
}
