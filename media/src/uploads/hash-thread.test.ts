import { createHash, randomBytes } from 'node:crypto'
import { expect, it, onTestFinished } from 'vitest'
import { MEDIA_LIMITS } from '../limits.ts'
import { HashThread } from './hash-thread.ts'
import { RunningHashes } from './running-hashes.ts'
import { type Slab, Slabs } from './slabs.ts'

const start = () => {
  const slabs = new Slabs()
  const thread = new HashThread(slabs.memory)
  onTestFinished(() => thread.close())
  const filled = (bytes: Uint8Array): Slab => {
    const slab = slabs.take(() => undefined)
    if (!slab) throw new Error('there is no slab left')
    slab.bytes.set(bytes)
    return slab
  }
  return { slabs, thread, filled }
}

it('hashes of several uploads grow beside each other, from one memory', async () => {
  const { slabs, thread, filled } = start()
  const algorithms = ['sha256', 'sha1', 'md5', 'sha256'] as const
  const growing = algorithms.map(algorithm => ({ hash: thread.start(algorithm), by: createHash(algorithm) }))
  for (let round = 0; round < 20; round++) {
    await Promise.all(
      growing.map(async ({ hash, by }) => {
        const bytes = randomBytes(round * 50_000 + 1)
        by.update(bytes)
        const slab = filled(bytes)
        await hash.update(slab, bytes.byteLength)
        slabs.release(slab)
      }),
    )
  }
  for (const { hash, by } of growing) {
    expect((await hash.digest()).toString('hex')).toBe(by.digest('hex'))
    hash.drop()
  }
})

it('a thread that is lost takes its hashes with it, keeps nobody waiting, and another takes its place', async () => {
  const { thread, filled } = start()
  const hashes = new RunningHashes(thread)
  const [lost, forgotten] = [hashes.take('upload', 0), thread.start('sha256')]
  if (!lost) throw new Error('an upload that begins has a hash')
  const slab = filled(randomBytes(MEDIA_LIMITS.slabBytes))
  const updating = lost.update(slab, slab.bytes.byteLength)
  await thread.close()
  await updating
  await lost.update(slab, 10)
  await expect(forgotten.digest()).rejects.toThrow('thread')
  forgotten.drop()
  hashes.keep('upload', 10, lost)
  expect(await hashes.finish('upload', 10)).toBeUndefined()
  const next = thread.start('md5')
  await next.update(slab, 10)
  expect(await next.digest()).toEqual(createHash('md5').update(slab.bytes.subarray(0, 10)).digest())
})

it('the hash of an upload is known only of the bytes it has seen', async () => {
  const { thread, filled } = start()
  const hashes = new RunningHashes(thread)
  const hash = hashes.take('upload', 0)
  await hash?.update(filled(Buffer.from('abc')), 3)
  if (hash) hashes.keep('upload', 3, hash)
  expect(hashes.take('upload', 2)).toBeUndefined()
  // Taken, and so not known any more.
  expect(hashes.take('upload', 3)).toBeUndefined()
  const again = hashes.take('upload', 0)
  await again?.update(filled(Buffer.from('abc')), 3)
  if (again) hashes.keep('upload', 3, again)
  expect(await hashes.finish('upload', 3)).toBe(createHash('sha256').update('abc').digest('hex'))
  expect(await hashes.finish('upload', 3)).toBeUndefined()
})
