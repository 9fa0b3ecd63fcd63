import {
  CreateMultipartUploadCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startCeph, whyNoCeph } from '../testing/ceph.ts'
import { describeStaging } from '../testing/staging-suite.ts'
import { describeStore } from '../testing/store-suite.ts'
import { openStore } from './open.ts'
import { openS3 } from './s3.ts'
import { createS3Client, type S3Settings } from './s3-bucket.ts'

const reason = whyNoCeph()
if (reason) {
  process.stdout.write(`S3 (Ceph RADOS Gateway) is skipped: ${reason}\n`)
  describe.skip(`S3 (${reason})`, () => {
    it('passes the suites', () => expect.unreachable())
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

  describeStore('S3 (Ceph RADOS Gateway)', () => openStore({ s3: settings }), 180_000)
  describeStaging('S3 (Ceph RADOS Gateway)', () => openStore({ s3: settings }), 180_000)

  describe('S3', { timeout: 60_000 }, () => {
    const open = async (bucket: string) => {
      const client = createS3Client(settings)
      const opened = await openS3({ ...settings, bucket })
      onTestFinished(async () => {
        client.destroy()
        await opened.close()
      })
      const unfinished = async () =>
        (await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))).Uploads ?? []
      return { client, unfinished, ...opened }
    }

    it('removes the parts of an interrupted upload with the object', async () => {
      const { client, objects, unfinished } = await open('interrupted')
      const target = { Bucket: 'interrupted', Key: 'files/left/original' }
      const { UploadId } = await client.send(new CreateMultipartUploadCommand(target))
      const part = { ...target, UploadId, PartNumber: 1, Body: Buffer.alloc(5 * 1024 * 1024) }
      await client.send(new UploadPartCommand(part))
      expect(await unfinished()).toHaveLength(1)
      await objects.delete(target.Key)
      expect(await unfinished()).toEqual([])
    })

    it('does not open with credentials the server does not know', async () => {
      const credentials = { accessKeyId: 'NOBODY', secretAccessKey: 'nothing' }
      await expect(openS3({ ...settings, credentials })).rejects.toThrow()
    })
  })
}
