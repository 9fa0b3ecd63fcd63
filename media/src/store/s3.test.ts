import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import {
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { startCeph, whyNoCeph } from '../testing/ceph.ts'
import { itSurvivesKills } from '../testing/staging-crash-suite.ts'
import { describeStaging } from '../testing/staging-suite.ts'
import { describeStore } from '../testing/store-suite.ts'
import { openStore } from './open.ts'
import { openS3 } from './s3.ts'
import { createS3Client, type S3Settings } from './s3-bucket.ts'
import { PIECE_BYTES } from './s3-staging.ts'

/** Another way to the same server, on which answers may be changed: their tag, and a bit of the bytes of an object. */
const startGate = async (endpoint: string, change: { etag?: string; flip?: boolean } = {}) => {
  const gate = createServer((incoming, outgoing) => {
    const { method, headers, url = '' } = incoming
    const onward = request(endpoint + url, { method, headers, setHost: false }, answer => {
      const isTagged = answer.headers.etag !== undefined && change.etag !== undefined
      outgoing.writeHead(answer.statusCode ?? 500, {
        ...answer.headers,
        ...(isTagged && { etag: change.etag }),
      })
      answer.on('data', (chunk: Buffer) => {
        if (change.flip && answer.headers['content-type'] !== 'application/xml')
          chunk[0] = (chunk[0] ?? 0) ^ 1
        outgoing.write(chunk)
      })
      answer.on('end', () => outgoing.end())
    })
    onward.on('error', () => outgoing.destroy())
    incoming.pipe(onward)
  }).listen(0, '127.0.0.1')
  await once(gate, 'listening')
  return {
    url: `http://127.0.0.1:${(gate.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      gate.closeAllConnections()
      gate.close()
      await once(gate, 'close')
    },
  }
}

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
  itSurvivesKills('S3 (Ceph RADOS Gateway)', () => ({ s3: { ...settings, bucket: 'killed' } }), 3)

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

    it('goes on with the removal of an upload that was interrupted once it was an object', async () => {
      const { objects, staging } = await open('midway')
      const bytes = randomBytes(12 * 1024 * 1024)
      await staging.create('upload')
      await staging.append('upload', 0, Readable.from([bytes]))
      const pieces: string[] = []
      for await (const { key } of objects.list('staging/')) pieces.push(key)
      expect(pieces).toHaveLength(3)
      const last = pieces.sort().at(-1) ?? ''
      await staging.promote('upload', 'files/a/original', { mime: 'image/png' })
      await objects.put(last, bytes.subarray(-100))
      // Without its first piece it is no upload, but it is something to take away.
      expect(await staging.size('upload')).toBeUndefined()
      expect((await Array.fromAsync(staging.list())).map(({ id }) => id)).toEqual(['upload'])
      await staging.promote('upload', 'files/a/original', { mime: 'image/png' })
      expect(await Array.fromAsync(staging.list())).toEqual([])
      expect((await buffer(await objects.get('files/a/original'))).equals(bytes)).toBe(true)
    })

    it('does not count pieces behind one that is missing', async () => {
      const { objects, staging } = await open('gap')
      const bytes = randomBytes(12 * 1024 * 1024)
      await staging.create('upload')
      await staging.append('upload', 0, Readable.from([bytes]))
      await objects.delete(`staging/upload/${String(PIECE_BYTES).padStart(15, '0')}`)
      expect(await staging.size('upload')).toBe(PIECE_BYTES)
      await staging.append('upload', PIECE_BYTES, Readable.from([bytes.subarray(PIECE_BYTES, -1)]))
      expect((await buffer(await staging.read('upload'))).equals(bytes.subarray(0, -1))).toBe(true)
    })

    it('keeps the type of an object', async () => {
      const { client, staging } = await open('types')
      for (const size of [10, 6 * 1024 * 1024]) {
        await staging.create('upload')
        await staging.append('upload', 0, Readable.from([randomBytes(size)]))
        await staging.promote('upload', `files/n${size}/original`, { mime: 'image/webp' })
        const head = { Bucket: 'types', Key: `files/n${size}/original` }
        expect((await client.send(new HeadObjectCommand(head))).ContentType).toBe('image/webp')
      }
    })

    it('gives addresses at the endpoint that users reach', async () => {
      await using outside = await startGate(settings.endpoint ?? '')
      const { objects, close } = await openS3({ ...settings, publicEndpoint: outside.url })
      onTestFinished(close)
      await objects.put('public/object', Buffer.from('seen'))
      const options = { seconds: 60, mime: 'text/plain', contentDisposition: 'inline' }
      const url = (await objects.presign('public/object', options)) ?? ''
      expect(url.startsWith(`${outside.url}/`)).toBe(true)
      expect(await (await fetch(url)).text()).toBe('seen')
    })

    it('looks at what was kept of a piece when the server does not name its MD5', async () => {
      await using odd = await startGate(settings.endpoint ?? '', { etag: '"abc"' })
      const { staging, close } = await openS3({ ...settings, endpoint: odd.url })
      onTestFinished(close)
      await staging.create('odd')
      expect(await staging.append('odd', 0, Readable.from([randomBytes(1000)]))).toBe(1000)
    })

    it('takes no answer for bytes that were changed on their way', async () => {
      await using lying = await startGate(settings.endpoint ?? '', { etag: '"abc"', flip: true })
      const { staging, close } = await openS3({ ...settings, endpoint: lying.url })
      onTestFinished(close)
      await staging.create('lied')
      const appended = staging.append('lied', 0, Readable.from([randomBytes(1000)]))
      await expect(appended).rejects.toThrow('kept other bytes than it was sent')
    })

    it('does not open with credentials the server does not know', async () => {
      const credentials = { accessKeyId: 'NOBODY', secretAccessKey: 'nothing' }
      await expect(openS3({ ...settings, credentials })).rejects.toThrow()
    })
  })
}
