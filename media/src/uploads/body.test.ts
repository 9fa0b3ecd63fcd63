import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { expect, it, onTestFinished, vi } from 'vitest'
import { MEDIA_LIMITS } from '../limits.ts'
import { Body } from './body.ts'
import { Slabs } from './slabs.ts'

const MIB = 1024 * 1024
/** The machine may have other things to do. */
const eventually = (look: () => void) => vi.waitFor(look, { timeout: 10_000 })

const { slabBytes: SLAB, slabsPerUpload: MOST } = MEDIA_LIMITS

/** Slabs that count how many are in use. */
class CountedSlabs extends Slabs {
  inUse = 0
  most = 0
  override take(onFree: () => void) {
    const slab = super.take(onFree)
    if (slab) this.most = Math.max(this.most, ++this.inUse)
    return slab
  }
  override release(slab: Parameters<Slabs['release']>[0]) {
    this.inUse--
    super.release(slab)
  }
}

/** A server that has `read` look at each body, and clients that say no more than their head at first. */
const start = async (read: (body: Body) => Promise<void>, most = 1024 * MIB) => {
  const slabs = new CountedSlabs()
  const done: Promise<void>[] = []
  const bodies: Body[] = []
  const requests: IncomingMessage[] = []
  const server = createServer((request, response) => {
    const body = new Body({ request, most, hashes: [], slabs })
    bodies.push(body)
    requests.push(request)
    done.push(read(body).finally(() => response.end()))
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  const client = async (length: number): Promise<Socket> => {
    const before = bodies.length
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1')
    onTestFinished(() => {
      socket.destroy()
    })
    socket.on('error', () => undefined).resume()
    socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${length}\r\n\r\n`)
    await eventually(() => expect(bodies.length).toBeGreaterThan(before))
    return socket
  }
  return { slabs, done, bodies, requests, client }
}

/** Reads a body to its end, and remembers a copy of what came. */
const collect = () => {
  const chunks: Buffer[] = []
  return {
    chunks,
    bytes: () => Buffer.concat(chunks),
    read: async (body: Body) => {
      for await (const chunk of body) chunks.push(Buffer.from(chunk))
    },
  }
}

it('what a slow client sends goes on at once; nothing of it waits in memory', async () => {
  const collected = collect()
  const { client, slabs, done } = await start(collected.read)
  const socket = await client(9)
  for (const word of ['one', 'two', 'ten']) {
    socket.write(word)
    await eventually(() => expect(collected.chunks.at(-1)?.toString()).toBe(word))
    await eventually(() => expect(slabs.inUse).toBe(0))
  }
  await Promise.all(done)
  expect(collected.bytes().toString()).toBe('onetwoten')
})

it('what a fast client sends goes on in few large pieces, all of it and in order', {
  timeout: 30_000,
}, async () => {
  const collected = collect()
  const { client, slabs, done } = await start(async body => {
    for await (const chunk of body) {
      // Like a disk that takes its time.
      await new Promise(resolve => setTimeout(resolve, 2))
      collected.chunks.push(Buffer.from(chunk))
    }
  })
  const bytes = randomBytes(24 * MIB + 5)
  const socket = await client(bytes.byteLength)
  socket.write(bytes)
  await eventually(() => expect(done).toHaveLength(1))
  await Promise.all(done)
  expect(collected.bytes().equals(bytes)).toBe(true)
  expect(collected.chunks.length).toBeLessThan(60)
  expect(slabs.most).toBeLessThanOrEqual(MOST)
  expect(slabs.inUse).toBe(0)
})

it('a client waits while its bytes have nowhere to go, whatever it wants to send', {
  timeout: 30_000,
}, async () => {
  const going = Promise.withResolvers<void>()
  const collected = collect()
  const { client, slabs, requests, done } = await start(async body => {
    for await (const chunk of body) {
      await going.promise
      collected.chunks.push(Buffer.from(chunk))
    }
  })
  const bytes = randomBytes(64 * MIB)
  const socket = await client(bytes.byteLength)
  socket.write(bytes)
  await eventually(() => expect([slabs.inUse, requests[0]?.isPaused()]).toEqual([MOST, true]))
  const before = socket.bytesWritten - socket.writableLength
  await new Promise(resolve => setTimeout(resolve, 100))
  // What the kernel holds between the two is all that goes beyond its slabs.
  expect(socket.bytesWritten - socket.writableLength).toBe(before)
  expect(slabs.inUse).toBe(MOST)
  going.resolve()
  await Promise.all(done)
  expect(collected.bytes().equals(bytes)).toBe(true)
})

it('more uploads than there is memory for take turns, and each gets its own bytes', {
  timeout: 30_000,
}, async () => {
  const going = Promise.withResolvers<void>()
  const sent = Array.from({ length: 24 }, () => randomBytes(4 * MIB))
  const came: Buffer[] = []
  const { client, slabs, done } = await start(async body => {
    const chunks: Buffer[] = []
    for await (const chunk of body) {
      await going.promise
      chunks.push(Buffer.from(chunk))
    }
    came.push(Buffer.concat(chunks))
  })
  for (const bytes of sent) (await client(bytes.byteLength)).write(bytes)
  await eventually(() => expect(slabs.inUse).toBe(MEDIA_LIMITS.slabs))
  going.resolve()
  await Promise.all(done)
  const sorted = (all: readonly Buffer[]) => all.toSorted(Buffer.compare)
  expect(Buffer.concat(sorted(came)).equals(Buffer.concat(sorted(sent)))).toBe(true)
  expect([slabs.inUse, slabs.most]).toEqual([0, MEDIA_LIMITS.slabs])
})

it('one that breaks off ends, and what came of it was read', async () => {
  const collected = collect()
  const { client, slabs, bodies, done } = await start(collected.read)
  const socket = await client(100)
  socket.write('some')
  await eventually(() => expect(collected.bytes().toString()).toBe('some'))
  socket.destroy()
  await Promise.all(done)
  expect(bodies[0]?.isBroken).toBe(true)
  expect(slabs.inUse).toBe(0)
})

it('one that ended before it is read, or breaks off while nobody reads on, ends as well', async () => {
  const going = Promise.withResolvers<void>()
  const { client, slabs, bodies, requests, done } = await start(async body => {
    await going.promise
    for await (const _ of body) await new Promise(resolve => setTimeout(resolve, 1))
  })
  await client(100)
  // As whoever comes later for the same upload has it end.
  requests[0]?.destroy()
  const socket = await client(100 * MIB)
  socket.write(Buffer.alloc(5 * MIB))
  socket.destroy()
  going.resolve()
  await Promise.all(done)
  expect(bodies.map(body => body.isBroken)).toEqual([true, true])
  expect(slabs.inUse).toBe(0)
})

it('reads no more than it may, and gives its memory back when whoever reads gives up', async () => {
  const over = await start(async body => {
    for await (const _ of body);
  }, SLAB + 10)
  ;(await over.client(3 * MIB)).write(Buffer.alloc(3 * MIB))
  await eventually(() => expect(over.done).toHaveLength(1))
  await Promise.all(over.done)
  expect([over.bodies[0]?.isOver, over.slabs.inUse]).toEqual([true, 0])

  const failing = await start(async body => {
    for await (const _ of body) throw new Error('the disk is full')
  })
  const socket = await failing.client(10 * MIB)
  failing.done[0]?.catch(() => undefined)
  socket.write(Buffer.alloc(10 * MIB))
  await expect(failing.done[0]).rejects.toThrow('the disk is full')
  await eventually(() => expect(failing.slabs.inUse).toBe(0))
})
