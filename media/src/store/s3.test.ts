import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CEPH_PACKAGES, missingCephPrograms, startCeph } from '../testing/ceph.ts'
import { fileOf, problemOf, startDatabase, startMedia } from '../testing/platform.ts'
import { picture } from '../testing/samples.ts'
import { describeStore } from '../testing/store-suite.ts'
import { openS3Store, type S3Settings } from './s3.ts'

/** Why the tests against a real S3 server do not run, if they do not. */
const skipReason = async (): Promise<string | undefined> => {
  if (process.env.TRUNKLINE_TEST_S3 !== '1') {
    return 'it takes packages of 340 MB and 15 s to start; set TRUNKLINE_TEST_S3=1 to run it'
  }
  const missing = await missingCephPrograms()
  if (missing.length === 0) return undefined
  return `not installed: ${missing.join(', ')}; run: apt-get install -y --no-install-recommends ${CEPH_PACKAGES}`
}

const reason = await skipReason()
if (reason) {
  process.stdout.write(`object store: S3 (Ceph RADOS Gateway) is skipped: ${reason}\n`)
  describe.skip(`object store: S3 (${reason})`, () => {
    it('passes the suite', () => expect.unreachable())
  })
} else {
  let settings: S3Settings
  let close: () => Promise<void> = async () => {}
  beforeAll(async () => {
    const ceph = await startCeph()
    settings = ceph.settings
    close = ceph.close
  }, 180_000)
  afterAll(async () => close(), 30_000)

  describeStore(
    'S3 (Ceph RADOS Gateway)',
    async () => {
      const store = await openS3Store(settings)
      return { store, close: () => store.close() }
    },
    180_000,
  )

  describe('S3 as object store', () => {
    it('removes the parts of an interrupted upload with the object', async () => {
      const store = await openS3Store(settings)
      const client = new S3Client({
        region: 'us-east-1',
        forcePathStyle: true,
        requestChecksumCalculation: 'WHEN_REQUIRED',
        ...(settings.endpoint !== undefined && { endpoint: settings.endpoint }),
        ...(settings.credentials && { credentials: settings.credentials }),
      })
      const target = { Bucket: settings.bucket, Key: 'files/left/original' }
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(target))
      const part = { ...target, UploadId, PartNumber: 1, Body: Buffer.alloc(5 * 1024 * 1024) }
      await client.send(new UploadPartCommand(part))
      const unfinished = async () =>
        (await client.send(new ListMultipartUploadsCommand({ Bucket: settings.bucket }))).Uploads ?? []
      expect(await unfinished()).toHaveLength(1)
      await store.delete(target.Key)
      expect(await unfinished()).toEqual([])
      client.destroy()
      await store.close()
    })

    it('serves uploads, ranges and thumbnails', async () => {
      const store = await openS3Store({ ...settings, bucket: 'trunkline-media' })
      const database = await startDatabase()
      const media = await startMedia({ pool: database.pool, store })
      try {
        media.rooms.set('lobby', 'alice', 'publisher')
        const body = await picture('png', 900, 600)
        const { id } = await fileOf(await media.post('alice', 'lobby', 'a.png', body))
        const whole = await media.get('alice', `/v1/files/${id}`)
        expect(body.equals(new Uint8Array(await whole.arrayBuffer()))).toBe(true)
        const part = await media.get('alice', `/v1/files/${id}`, { range: 'bytes=1-3' })
        expect([part.status, await part.text()]).toEqual([206, 'PNG'])
        const thumbnail = await media.get('alice', `/v1/files/${id}/thumbnail`)
        expect([thumbnail.status, thumbnail.headers.get('content-type')]).toEqual([200, 'image/webp'])
        const stranger = await problemOf(await media.get('zoe', `/v1/files/${id}`))
        expect(stranger.code).toBe('not_found')
      } finally {
        await media.close()
        await database.close()
        await store.close()
      }
    })

    it('does not open with credentials the server does not know', async () => {
      const credentials = { accessKeyId: 'NOBODY', secretAccessKey: 'nothing' }
      await expect(openS3Store({ ...settings, credentials })).rejects.toThrow()
    })
  })
}
