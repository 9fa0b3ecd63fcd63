import { createHash, randomBytes } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { OpenedStore } from '../store/open.ts'
import { ObjectNotFoundError } from '../store/store.ts'

const MIB = 1024 * 1024

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** Like a client whose connection breaks after some bytes. */
async function* brokenOff(...chunks: Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks
  throw new Error('the client is gone')
}

const chunked = (bytes: Buffer, size = 64 * 1024): Readable =>
  Readable.from(
    Array.from({ length: Math.ceil(bytes.byteLength / size) }, (_, n) =>
      bytes.subarray(n * size, (n + 1) * size),
    ),
  )

/**
 * What every staging does, whatever it is made of.
 * @param open called again, it opens the same uploads as another process would
 */
export const describeStaging = (name: string, open: () => Promise<OpenedStore>, timeoutMs = 5_000): void => {
  describe(`staging: ${name}`, { timeout: timeoutMs }, () => {
    let opened: OpenedStore
    beforeAll(async () => {
      opened = await open()
    }, timeoutMs)
    afterAll(async () => opened.close(), timeoutMs)

    const staging = () => opened.staging
    const read = async (...args: Parameters<OpenedStore['staging']['read']>): Promise<Buffer> =>
      buffer(await staging().read(...args))
    const object = async (key: string): Promise<Buffer> => buffer(await opened.objects.get(key))
    const begin = async (id: string, content: Buffer = Buffer.alloc(0)): Promise<Buffer> => {
      await staging().create(id)
      if (content.byteLength > 0) await staging().append(id, 0, Readable.from([content]))
      return content
    }
    const ids = async (prefix: string): Promise<string[]> => {
      const found: string[] = []
      for await (const { id } of staging().list()) if (id.startsWith(prefix)) found.push(id)
      return found.sort()
    }

    it('begins empty', async () => {
      await begin('empty')
      expect(await staging().size('empty')).toBe(0)
      expect((await read('empty')).byteLength).toBe(0)
      await expect(read('empty', { start: 0, end: 0 })).rejects.toThrow(RangeError)
    })

    it('grows by what is appended, and says how large it is then', async () => {
      await begin('grows')
      expect(
        await staging().append('grows', 0, Readable.from([Buffer.from('one '), Buffer.from('two ')])),
      ).toBe(8)
      expect(await staging().append('grows', 8, Readable.from([Buffer.from('three')]))).toBe(13)
      expect(await staging().append('grows', 13, Readable.from([]))).toBe(13)
      expect(await staging().size('grows')).toBe(13)
      expect((await read('grows')).toString()).toBe('one two three')
    })

    it('keeps large bodies, in parts of any size', async () => {
      const content = randomBytes(23 * MIB + 17)
      const cuts = [0, 1, 2, MIB - 1, 2 * MIB, 9 * MIB + 5, 9 * MIB + 6, 21 * MIB, content.byteLength]
      await begin('large')
      for (const [n, end] of cuts.entries()) {
        const start = cuts[n - 1]
        if (start === undefined) continue
        expect(await staging().append('large', start, chunked(content.subarray(start, end)))).toBe(end)
      }
      expect(sha256(await read('large'))).toBe(sha256(content))
      for (const [start, end] of [
        [0, 0],
        [MIB - 2, MIB + 2],
        [4 * MIB, 16 * MIB],
        [content.byteLength - 1, content.byteLength - 1],
      ] as const) {
        expect((await read('large', { start, end })).equals(content.subarray(start, end + 1))).toBe(true)
      }
      const tail = await read('large', { start: content.byteLength - 3, end: content.byteLength + 100 })
      expect(tail.equals(content.subarray(-3))).toBe(true)
      await expect(
        staging().read('large', { start: content.byteLength, end: content.byteLength }),
      ).rejects.toThrow(RangeError)
      await staging().promote('large', 'promoted/large', { mime: 'video/mp4' })
      expect(sha256(await object('promoted/large'))).toBe(sha256(content))
    })

    it('takes bodies of many small parts', async () => {
      const content = randomBytes(300)
      await begin('bits')
      for (let at = 0; at < content.byteLength; at += 10) {
        await staging().append('bits', at, Readable.from([content.subarray(at, at + 10)]))
      }
      expect((await read('bits')).equals(content)).toBe(true)
    })

    it('keeps what came of a body that breaks off, and goes on from there', async () => {
      const content = randomBytes(12 * MIB)
      const came = 7 * MIB + 3
      await begin('broken')
      const body = Readable.from(brokenOff(content.subarray(0, 100), content.subarray(100, came)))
      await expect(staging().append('broken', 0, body)).rejects.toThrow('the client is gone')
      expect(await staging().size('broken')).toBe(came)
      expect(await staging().append('broken', came, chunked(content.subarray(came)))).toBe(12 * MIB)
      expect(sha256(await read('broken'))).toBe(sha256(content))
    })

    it('leaves the body readable when it cannot take it', async () => {
      await begin('body')
      const body = new PassThrough()
      body.end('unread')
      await expect(staging().append('body', 1, body)).rejects.toThrow(RangeError)
      expect(body.destroyed).toBe(false)
      expect((await buffer(body)).toString()).toBe('unread')
    })

    it('puts bytes in place of those that lie behind the offset', async () => {
      await begin('again', randomBytes(13 * MIB))
      const content = randomBytes(2 * MIB)
      expect(await staging().append('again', 6 * MIB + 1, Readable.from([content]))).toBe(8 * MIB + 1)
      expect(await staging().size('again')).toBe(8 * MIB + 1)
      expect((await read('again', { start: 6 * MIB + 1, end: 8 * MIB })).equals(content)).toBe(true)
      expect(await staging().append('again', 0, Readable.from([Buffer.from('anew')]))).toBe(4)
      expect((await read('again')).toString()).toBe('anew')
    })

    it('takes away what lies behind a size', async () => {
      const content = await begin('cut', randomBytes(11 * MIB))
      for (const size of [12 * MIB, 11 * MIB, 10 * MIB, 5 * MIB + 1, 5 * MIB, 17, 0]) {
        await staging().truncate('cut', size)
        const left = Math.min(size, 11 * MIB)
        expect(await staging().size('cut')).toBe(left)
        expect((await read('cut')).equals(content.subarray(0, left))).toBe(true)
      }
    })

    it('goes on in another process', async () => {
      const content = randomBytes(6 * MIB)
      await begin('moved', content.subarray(0, 5_500_000))
      const other = await open()
      try {
        expect(await other.staging.size('moved')).toBe(5_500_000)
        await other.staging.append('moved', 5_500_000, Readable.from([content.subarray(5_500_000)]))
      } finally {
        await other.close()
      }
      expect(sha256(await read('moved'))).toBe(sha256(content))
    })

    it('puts several together; they stay', async () => {
      const parts = await Promise.all([
        begin('part-1', randomBytes(6 * MIB + 1)),
        begin('part-2'),
        begin('part-3', randomBytes(10)),
        begin('part-4', randomBytes(5 * MIB)),
      ])
      await begin('whole', Buffer.from('what was there before'))
      await staging().concatenate(['part-1', 'part-2', 'part-3', 'part-4', 'part-3'], 'whole')
      const content = Buffer.concat([...parts, parts[2]])
      expect(await staging().size('whole')).toBe(content.byteLength)
      expect(sha256(await read('whole'))).toBe(sha256(content))
      expect((await read('part-3')).equals(parts[2])).toBe(true)
      expect(await ids('part-')).toEqual(['part-1', 'part-2', 'part-3', 'part-4'])
      await staging().promote('whole', 'promoted/whole', { mime: 'application/pdf' })
      expect(sha256(await object('promoted/whole'))).toBe(sha256(content))
      await staging().concatenate(['part-2'], 'whole')
      expect(await staging().size('whole')).toBe(0)
      await expect(staging().concatenate(['part-1', 'part-5'], 'whole')).rejects.toThrow(ObjectNotFoundError)
    })

    it.each([0, 1, 5 * MIB, 5 * MIB + 1])('makes an object of %i bytes, and has them no more', async size => {
      const content = await begin(`promoted-${size}`, randomBytes(size))
      await staging().promote(`promoted-${size}`, `promoted/n${size}/original`, { mime: 'image/png' })
      expect((await object(`promoted/n${size}/original`)).equals(content)).toBe(true)
      expect(await opened.objects.stat(`promoted/n${size}/original`)).toMatchObject({ size })
      expect(await staging().size(`promoted-${size}`)).toBeUndefined()
      expect(await ids('promoted-')).toEqual([])
    })

    it('makes an object once, however often it is asked', async () => {
      const content = await begin('twice', randomBytes(100))
      await staging().promote('twice', 'promoted/twice', { mime: 'image/png' })
      await staging().promote('twice', 'promoted/twice', { mime: 'image/png' })
      expect((await object('promoted/twice')).equals(content)).toBe(true)
      await expect(staging().promote('twice', 'promoted/never', { mime: 'image/png' })).rejects.toThrow(
        ObjectNotFoundError,
      )
    })

    it('knows what is not there', async () => {
      expect(await staging().size('nothing')).toBeUndefined()
      await expect(staging().append('nothing', 0, Readable.from([Buffer.from('x')]))).rejects.toThrow(
        ObjectNotFoundError,
      )
      await expect(staging().truncate('nothing', 0)).rejects.toThrow(ObjectNotFoundError)
      await expect(staging().read('nothing')).rejects.toThrow(ObjectNotFoundError)
      await staging().delete('nothing')
      expect(await ids('nothing')).toEqual([])
    })

    it('lists and deletes', async () => {
      const before = Date.now()
      await begin('listed-a', randomBytes(6 * MIB))
      await begin('listed-ab', randomBytes(1))
      for await (const { id, modifiedAt } of staging().list()) {
        // S3 servers keep whole seconds.
        if (id.startsWith('listed-')) expect(modifiedAt.getTime()).toBeGreaterThan(before - 2_000)
      }
      expect(await ids('listed-')).toEqual(['listed-a', 'listed-ab'])
      await staging().delete('listed-a')
      expect(await staging().size('listed-a')).toBeUndefined()
      expect(await ids('listed-')).toEqual(['listed-ab'])
    })

    it('takes many uploads at once', async () => {
      const contents = Array.from({ length: 20 }, () => randomBytes(300_000))
      await Promise.all(
        contents.map(async (content, n) => {
          await begin(`many-${n}`, content.subarray(0, 100_000))
          await staging().append(`many-${n}`, 100_000, chunked(content.subarray(100_000)))
          await staging().promote(`many-${n}`, `promoted/many-${n}`, { mime: 'image/png' })
        }),
      )
      for (const [n, content] of contents.entries()) {
        expect((await object(`promoted/many-${n}`)).equals(content)).toBe(true)
      }
      expect(await ids('many-')).toEqual([])
    })

    it.each(['', '../outside', 'a/b', 'A', 'a.b', 'a b', 'x'.repeat(101)])(
      'refuses %j as an id',
      async id => {
        await expect(staging().create(id)).rejects.toThrow(TypeError)
        await expect(staging().size(id)).rejects.toThrow(TypeError)
        await expect(staging().append(id, 0, Readable.from([]))).rejects.toThrow(TypeError)
        await expect(staging().read(id)).rejects.toThrow(TypeError)
        await expect(staging().promote(id, 'promoted/x', { mime: 'x/x' })).rejects.toThrow(TypeError)
        await expect(staging().delete(id)).rejects.toThrow(TypeError)
      },
    )
  })
}
