import { Writable } from 'node:stream'
import { setImmediate as turnOfLoop } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { collectGarbage } from '../testing/garbage.ts'
import { SendQueue } from './send-queue.ts'

/** Takes one write at a time, when the test says so. */
const slowTarget = () => {
  const taken: Buffer[] = []
  const next: (() => void)[] = []
  const target = new Writable({
    writev(chunks, done) {
      taken.push(Buffer.concat(chunks.map(({ chunk }) => chunk)))
      next.push(done)
    },
  })
  return { target, taken, next }
}

it('writes what comes in one turn, and what comes while a write is under way, in one piece and in order', async () => {
  const { target, taken, next } = slowTarget()
  const queue = new SendQueue(target)
  for (const word of ['one ', 'two ', 'three ']) queue.push(Buffer.from(word))
  await turnOfLoop()
  const long = 'x'.repeat(9000)
  const words = ['four ', long, ' five', ...Array.from({ length: 300 }, (_, i) => ` and ${i}`)]
  for (const word of words) {
    queue.push(Buffer.from(word))
    await turnOfLoop()
  }
  expect(taken.map(String)).toEqual(['one two three '])
  expect(queue.bytes).toBe('one two three '.length + words.join('').length)
  next.shift()?.()
  await turnOfLoop()
  expect(taken.map(String)).toEqual(['one two three ', words.join('')])
  next.shift()?.()
  await turnOfLoop()
  expect(queue.bytes).toBe(0)
  queue.push(Buffer.from('six'))
  await turnOfLoop()
  expect(taken.at(-1)?.toString()).toBe('six')
})

it('takes little more memory than the bytes that wait, however small each message is', async () => {
  const { target } = slowTarget()
  const queue = new SendQueue(target)
  queue.push(Buffer.alloc(4))
  await turnOfLoop()
  collectGarbage()
  const before = process.memoryUsage()
  for (let count = 0; count < 65_536; count++) {
    queue.push(Buffer.from([0x40, 0, 0, 0]))
    if (count % 64 === 0) await turnOfLoop()
  }
  collectGarbage()
  const { heapUsed, external } = process.memoryUsage()
  expect(queue.bytes).toBe(4 + 4 * 65_536)
  expect(heapUsed + external - before.heapUsed - before.external).toBeLessThan(1_500_000)
})
