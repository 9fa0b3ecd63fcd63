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
import { describeOwnStore } from '../testing/own-store-suite.ts'
import { fileOf, problemOf, startDatabase, startMedia, TestRooms } from '../testing/platform.ts'
import { picture } from '../testing/samples.ts'
import { itSurvivesKills } from '../testing/staging-crash-suite.ts'
import { describeStaging } from '../testing/staging-suite.ts'
import { describeStore } from '../testing/store-suite.ts'
import { tusAs, uploadId } from '../testing/tus.ts'
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
  describeOwnStore(
    'S3 (Ceph RADOS Gateway)',
    name => openStore({ s3: { ...settings, bucket: name } }),
    180_000,
  )
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

    it('is what processes of the service share: an upload goes on at another, and what is deleted is gone', async () => {
      const { objects, staging } = await open('service')
      const database = await startDatabase()
      onTestFinished(database.close)
      const rooms = new TestRooms()
      rooms.set('lobby', 'alice', 'publisher')
      rooms.set('lobby', 'bob', 'member')
      const shared = { pool: database.pool, rooms, objects, staging, redirects: true }
      const [one, other] = [await startMedia(shared), await startMedia(shared)]
      onTestFinished(async () => {
        await one.close()
        await other.close()
      })

      const drawn = await picture('png', 900, 600)
      const sent = await fileOf(await one.post('alice', 'lobby', 'a.png', drawn))
      const photo = await other.settled('bob', sent.id)
      expect(photo.state).toBe('ready')
      const whole = await one.get('bob', `/v1/files/${photo.id}`)
      expect(drawn.equals(new Uint8Array(await whole.arrayBuffer()))).toBe(true)
      const part = await other.get('bob', `/v1/files/${photo.id}`, { range: 'bytes=1-3' })
      expect([part.status, await part.text()]).toEqual([206, 'PNG'])
      // The link leads on to the object store.
      const thumbnail = await fetch(new URL(photo.links.thumb512 ?? '', one.url))
      expect([thumbnail.status, thumbnail.headers.get('content-type')]).toEqual([200, 'image/webp'])
      expect(thumbnail.url.startsWith(`${settings.endpoint}/service/files/`)).toBe(true)
      expect((await thumbnail.arrayBuffer()).byteLength).toBeGreaterThan(100)

      const content = randomBytes(11_000_000)
      const path = await tusAs('alice', one.url).created(content.byteLength)
      for (const [n, [start, end]] of [
        [0, 300_000],
        [300_000, 6_000_000],
        [6_000_000, 11_000_000],
      ].entries()) {
        const at = tusAs('alice', n % 2 === 0 ? other.url : one.url)
        const answer = await at.patch(path, start ?? 0, content.subarray(start, end))
        expect([answer.status, answer.headers.get('upload-offset')]).toEqual([204, String(end)])
      }
      const file = await one.settled('bob', uploadId(path))
      expect(file.size).toBe(content.byteLength)
      const original = await fetch(new URL(file.links.original ?? '', one.url))
      expect(content.equals(new Uint8Array(await original.arrayBuffer()))).toBe(true)

      rooms.set('lobby', 'bob', 'banned')
      const refused = await fetch(new URL(photo.links.thumb512 ?? '', one.url))
      expect((await problemOf(refused)).code).toBe('forbidden')

      for (const { id } of [photo, file]) {
        expect((await one.get('alice', `/v1/files/${id}`, {}, 'DELETE')).status).toBe(200)
      }
      await expect.poll(() => one.keys()).toEqual([])
    })

    it('does not open with credentials the server does not know', async () => {
      const credentials = { accessKeyId: 'NOBODY', secretAccessKey: 'nothing' }
      await expect(openS3({ ...settings, credentials })).rejects.toThrow()
    })
  })
}
