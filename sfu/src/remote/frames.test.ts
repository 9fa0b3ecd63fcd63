import { randomBytes, randomInt } from 'node:crypto'
import { PassThrough, Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test, vi } from 'vitest'
import { Deframer, Framer } from './frames.ts'

const cut = (bytes: Buffer): Buffer[] => {
  const pieces: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const length = randomInt(1, 40)
    pieces.push(bytes.subarray(at, at + length))
    at += length
  }
  return pieces
}

test('what goes in comes out, however it is cut on the way, and whatever beats between', async () => {
  const said = randomBytes(20_000)
  const framer = new Framer(1)
  const framed = Readable.from(cut(said)).pipe(framer)
  const line = await buffer(framed)
  expect(line.length).toBeGreaterThan(said.length)
  const heard = await buffer(Readable.from(cut(line)).pipe(new Deframer()))
  expect(heard.equals(said)).toBe(true)
})

test('bytes are passed on before their frame is whole', async () => {
  const deframer = new Deframer()
  const heard: Buffer[] = []
  deframer.on('data', chunk => heard.push(chunk))
  deframer.write(Buffer.from([0, 0, 0, 5, 1, 2]))
  await vi.waitFor(() => expect(Buffer.concat(heard)).toEqual(Buffer.from([1, 2])))
  deframer.end(Buffer.from([3, 4, 5]))
  await vi.waitFor(() => expect(Buffer.concat(heard)).toEqual(Buffer.from([1, 2, 3, 4, 5])))
})

/** Intervals go by as the test says; what streams do between is left to themselves. */
const timers = () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
}
const pass = async (ms: number) => {
  vi.advanceTimersByTime(ms)
  await new Promise(resolve => setImmediate(resolve))
}

test('a line that beats is kept, one that is silent fails', async () => {
  timers()
  const framer = new Framer(10)
  const deframer = new Deframer(50)
  deframer.resume()
  const failed = vi.fn()
  deframer.once('error', failed)
  framer.pipe(deframer)
  for (let n = 0; n < 50; n++) await pass(5)
  expect(failed).not.toHaveBeenCalled()
  framer.unpipe(deframer)
  for (let n = 0; n < 30; n++) await pass(5)
  expect(failed).toHaveBeenCalledOnce()
  framer.destroy()
})

test('a line whose words nobody takes is not blamed for it', async () => {
  timers()
  const deframer = new Deframer(20)
  const failed = vi.fn()
  deframer.once('error', failed)
  deframer.write(Buffer.from([0, 0, 0, 1, 7]))
  for (let n = 0; n < 10; n++) await pass(10)
  expect(failed).not.toHaveBeenCalled()
  deframer.pipe(new PassThrough()).resume()
  for (let n = 0; n < 10; n++) await pass(10)
  expect(failed).toHaveBeenCalledOnce()
})
