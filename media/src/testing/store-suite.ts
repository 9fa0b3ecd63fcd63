import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import type { OpenedStore } from '../store/open.ts'
import { ObjectNotFoundError, type ObjectStore } from '../store/store.ts'

const MIB = 1024 * 1024

const keysOf = async (store: ObjectStore, prefix: string): Promise<string[]> => {
  const keys: string[] = []
  for await (const object of store.list(prefix)) keys.push(object.key)
  return keys.sort()
}

const read = async (store: ObjectStore, ...get: Parameters<ObjectStore['get']>): Promise<Buffer> =>
  buffer(await store.get(...get))

async function* breakingOff(bytes: number): AsyncGenerator<Buffer> {
  for (let sent = 0; sent < bytes; sent += 64 * 1024) yield randomBytes(64 * 1024)
  throw new Error('the client is gone')
}

/** What every object store does, whatever it is made of. */
export const describeStore = (
  name: string,
  open: () => Promise<Pick<OpenedStore, 'objects' | 'close'>>,
  timeoutMs = 60_000,
): void => {
  describe(`object store: ${name}`, () => {
    let store: ObjectStore
    let close: () => Promise<void> = async () => {}
    beforeAll(async () => {
      const opened = await open()
      store = opened.objects
      close = opened.close
    }, timeoutMs)
    afterAll(async () => close(), timeoutMs)

    it('gives back the bytes that were put, buffered and streamed', async () => {
      const bytes = randomBytes(100_003)
      await store.put('same/buffered', bytes)
      await store.put('same/streamed', Readable.from([bytes.subarray(0, 7), bytes.subarray(7)]))
      expect(bytes.equals(await read(store, 'same/buffered'))).toBe(true)
      expect(bytes.equals(await read(store, 'same/streamed'))).toBe(true)
    })

    it('keeps empty objects', async () => {
      await store.put('empty/buffered', new Uint8Array())
      await store.put('empty/streamed', Readable.from([]))
      for (const key of ['empty/buffered', 'empty/streamed']) {
        expect(await store.stat(key)).toMatchObject({ size: 0 })
        expect((await read(store, key)).byteLength).toBe(0)
      }
    })

    it('keeps objects of several parts', async () => {
      const hash = createHash('sha256')
      const chunks = Array.from({ length: 300 }, () => randomBytes(64 * 1024 + 1))
      for (const chunk of chunks) hash.update(chunk)
      await store.put('large/object', Readable.from(chunks))
      expect(await store.stat('large/object')).toMatchObject({ size: 300 * (64 * 1024 + 1) })
      const found = createHash('sha256').update(await read(store, 'large/object'))
      expect(found.digest('hex')).toBe(hash.digest('hex'))
    })

    it('replaces an object as a whole', async () => {
      await store.put('replaced/object', Buffer.from('a longer text'))
      await store.put('replaced/object', Buffer.from('short'))
      expect((await read(store, 'replaced/object')).toString()).toBe('short')
    })

    it('gives ranges, first and last byte included', async () => {
      await store.put('range/object', Buffer.from('0123456789'))
      const range = async (start: number, end: number) =>
        (await read(store, 'range/object', { start, end })).toString()
      expect(await range(0, 0)).toBe('0')
      expect(await range(2, 5)).toBe('2345')
      expect(await range(9, 9)).toBe('9')
      expect(await range(8, 100)).toBe('89')
      await expect(store.get('range/object', { start: 10, end: 12 })).rejects.toThrow(RangeError)
    })

    it('says of an object how large and how old it is', async () => {
      const before = Date.now()
      await store.put('stat/object', Buffer.alloc(1234))
      const found = await store.stat('stat/object')
      expect(found?.size).toBe(1234)
      // S3 servers keep whole seconds.
      expect(Math.abs((found?.modifiedAt.getTime() ?? 0) - before)).toBeLessThan(10_000)
    })

    it('knows what is not there', async () => {
      expect(await store.stat('nothing/here')).toBeUndefined()
      await expect(store.get('nothing/here')).rejects.toThrow(ObjectNotFoundError)
      await expect(store.get('nothing/here', { start: 0, end: 1 })).rejects.toThrow(ObjectNotFoundError)
      await store.delete('nothing/here')
    })

    it('leaves nothing of a body that breaks off', async () => {
      await expect(store.put('broken/small', Readable.from(breakingOff(128 * 1024)))).rejects.toThrow()
      await expect(store.put('broken/large', Readable.from(breakingOff(12 * MIB)))).rejects.toThrow()
      expect(await keysOf(store, 'broken/')).toEqual([])
      expect(await store.stat('broken/small')).toBeUndefined()
    })

    it('keeps the old object when its replacement breaks off', async () => {
      await store.put('kept/object', Buffer.from('the old one'))
      await expect(store.put('kept/object', Readable.from(breakingOff(12 * MIB)))).rejects.toThrow()
      expect((await read(store, 'kept/object')).toString()).toBe('the old one')
    })

    it('deletes an object and nothing beside it', async () => {
      await store.put('delete/a/original', Buffer.from('a'))
      await store.put('delete/a/thumbnail', Buffer.from('t'))
      await store.put('delete/ab/original', Buffer.from('b'))
      await store.delete('delete/a/thumbnail')
      await store.delete('delete/a/thumbnail')
      expect(await keysOf(store, 'delete/')).toEqual(['delete/a/original', 'delete/ab/original'])
      await store.delete('delete/a/original')
      expect(await keysOf(store, 'delete/')).toEqual(['delete/ab/original'])
    })

    it('has an object used as a file of this machine', async () => {
      const folder = await mkdtemp(join(tmpdir(), 'trunkline-use-'))
      onTestFinished(() => rm(folder, { recursive: true }))
      const bytes = randomBytes(6 * MIB)
      await store.put('used/object', bytes)
      let used = ''
      const found = await store.withFile('used/object', folder, async path => {
        used = path
        return readFile(path)
      })
      expect(found.equals(bytes)).toBe(true)
      const failing = store.withFile('used/object', folder, () => Promise.reject(new Error('not this one')))
      await expect(failing).rejects.toThrow('not this one')
      // Whatever was made of it is gone, and the object is not.
      expect(await readdir(folder)).toEqual([])
      if (used.startsWith(folder)) await expect(stat(used)).rejects.toThrow()
      expect(await store.stat('used/object')).toMatchObject({ size: 6 * MIB })
      const missing = store.withFile('used/nothing', folder, () => expect.unreachable())
      await expect(missing).rejects.toThrow(ObjectNotFoundError)
    })

    it('gives an address that serves an object for a while, or none', async () => {
      const bytes = randomBytes(1000)
      await store.put('signed/object', bytes, { mime: 'application/octet-stream' })
      const options = { mime: 'image/png', contentDisposition: "inline; filename*=UTF-8''%C3%A9.png" }
      const url = await store.presign('signed/object', { ...options, seconds: 60 })
      if (url === undefined) return
      const answer = await fetch(url, { headers: { range: 'bytes=10-19' } })
      expect(answer.status).toBe(206)
      expect(answer.headers.get('content-type')).toBe(options.mime)
      expect(answer.headers.get('content-disposition')).toBe(options.contentDisposition)
      expect(bytes.subarray(10, 20).equals(Buffer.from(await answer.arrayBuffer()))).toBe(true)
      const other = await fetch(url.replace('signed/object', 'same/buffered'))
      expect(other.status).toBe(403)
      const short = await store.presign('signed/object', { ...options, seconds: 1 })
      await expect.poll(async () => (await fetch(short ?? '')).status).toBe(403)
    })

    it('lists by prefix, with sizes', async () => {
      for (const name of ['one', 'two', 'three']) await store.put(`list/${name}`, Buffer.from(name))
      const found = new Map<string, number>()
      for await (const object of store.list('list/t')) found.set(object.key, object.size)
      expect([...found].sort()).toEqual([
        ['list/three', 5],
        ['list/two', 3],
      ])
      expect(await keysOf(store, 'list/nothing')).toEqual([])
    })

    it('lists more objects than a server gives at a time', async () => {
      const keys = Array.from({ length: 1_100 }, (_, n) => `crowd/n${n % 7}/o${n}`)
      const atOnce = async (work: (key: string) => Promise<void>): Promise<void> => {
        const waiting = keys.values()
        const worker = async () => {
          for (const key of waiting) await work(key)
        }
        await Promise.all(Array.from({ length: 20 }, worker))
      }
      await atOnce(key => store.put(key, Buffer.from(key)))
      expect(await keysOf(store, 'crowd/')).toEqual([...keys].sort())
      expect(await keysOf(store, 'crowd/n3/')).toHaveLength(157)
      await atOnce(key => store.delete(key))
      expect(await keysOf(store, 'crowd/')).toEqual([])
    })

    it('lists what stays while neighbours come and go', async () => {
      await store.put('going/stays/one', Buffer.from('1'))
      let isOver = false
      const coming = Array.from({ length: 4 }, async (_, n) => {
        for (let i = 0; !isOver; i++) {
          const key = `going/comes-${n}-${i}/deep/one`
          await store.put(key, Buffer.from('x'))
          await store.delete(key)
        }
      })
      try {
        for (let i = 0; i < 30; i++) expect(await keysOf(store, 'going/')).toContain('going/stays/one')
      } finally {
        isOver = true
        await Promise.all(coming)
      }
    })

    it('takes many puts and deletes of neighbours at once', async () => {
      const names = Array.from({ length: 24 }, (_, index) => `busy/shared/n${index}`)
      for (let round = 0; round < 3; round++) {
        await Promise.all(
          names.map(async (key, index) => {
            await store.put(key, Buffer.from(key))
            if (index % 2 === 0) await store.delete(key)
          }),
        )
      }
      expect(await keysOf(store, 'busy/')).toEqual(names.filter((_, index) => index % 2 === 1).sort())
    })

    it.each([
      '',
      '/absolute',
      '../outside',
      'a/../../outside',
      'a//b',
      'a/',
      'A',
      'a b',
      'a\0b',
      'a\\b',
      'a.b',
      'x'.repeat(201),
    ])('refuses %j as a key', async key => {
      await expect(store.put(key, Buffer.from('x'))).rejects.toThrow(TypeError)
      await expect(store.get(key)).rejects.toThrow(TypeError)
      await expect(store.stat(key)).rejects.toThrow(TypeError)
      await expect(store.delete(key)).rejects.toThrow(TypeError)
      await expect(store.withFile(key, '/', () => expect.unreachable())).rejects.toThrow(TypeError)
    })
  })
}
