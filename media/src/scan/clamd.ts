import { once } from 'node:events'
import { createConnection, type NetConnectOpts } from 'node:net'
import type { Readable } from 'node:stream'
import { setImmediate as poll } from 'node:timers/promises'
import { MEDIA_LIMITS } from '../limits.ts'
import type { Scanner, Verdict } from './scanner.ts'

/** bytes; what is longer is sent in several, each with its length before it */
const CHUNK_BYTES = 64 * 1024
/** What ends the wait for room to write in: there is some, or nobody wants more. */
const WAKING = ['drain', 'data', 'close'] as const
/** An answer is a line. */
const ANSWER_CHARS = 4_096

const lengthOf = (bytes: number): Buffer => {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes)
  return length
}

/** What hanging up looks like to who still writes. */
const HUNG_UP = new Set(['EPIPE', 'ECONNRESET'])

const hungUp = (error: NodeJS.ErrnoException): Error =>
  HUNG_UP.has(error.code ?? '')
    ? new Error('clamd hung up before it gave a verdict; its log says why', { cause: error })
    : error

/**
 * The daemon's answer to INSTREAM: `stream: OK`, `stream: Some.Name FOUND`, or that the file is larger than it takes.
 * @throws Error for anything else
 */
export const verdictOf = (answer: string): Verdict => {
  const line = answer.replace(/\0.*$/s, '').trim()
  if (line === 'stream: OK') return { isClean: true }
  const found = /^stream: (.+) FOUND$/.exec(line)?.[1]
  if (found !== undefined) return { isClean: false, found }
  if (/^INSTREAM size limit exceeded\b/i.test(line)) return { isClean: false, isTooLarge: true }
  throw new Error(`clamd gave no verdict: ${line || 'it answered nothing'}`)
}

/**
 * Asks clamd, ClamAV's daemon, over TCP or a Unix socket: `zINSTREAM` of its protocol, see `man clamd`. Its
 * `StreamMaxLength` is to be as large as the largest upload: larger ones it refuses to look at, and nobody gets them.
 */
export const createClamdScanner = (address: NetConnectOpts): Scanner => ({
  async scan({ body, signal }) {
    const socket = createConnection(address)
    const ending = AbortSignal.any([signal, AbortSignal.timeout(MEDIA_LIMITS.scanMs)])
    const end = () => socket.destroy(ending.reason as Error)
    ending.addEventListener('abort', end)
    let answer = ''
    const answered = Promise.withResolvers<void>()
    answered.promise.catch(() => undefined)
    socket.setEncoding('utf8')
    socket.on('data', (text: string) => {
      answer = (answer + text).slice(0, ANSWER_CHARS)
      if (answer.includes('\0')) answered.resolve()
    })
    socket.once('end', () => answered.resolve())
    socket.once('error', error => answered.reject(hungUp(error)))
    socket.once('close', () => answered.resolve())
    try {
      ending.throwIfAborted()
      await once(socket, 'connect')
      await send(body, socket, () => answer !== '')
      await answered.promise
      ending.throwIfAborted()
      return verdictOf(answer)
    } finally {
      ending.removeEventListener('abort', end)
      socket.destroy()
    }
  },
})

/**
 * clamd hangs up as soon as it has answered, and a write after that ends the socket with its answer unread. So the event
 * loop looks for an answer right before each write, which is one and small. What is left is a moment within a write, of
 * which the answer cannot be had any more: then the job asks again.
 * @param isOver whether it has answered already: it does when it finds something, or has enough
 */
const send = async (body: Readable, socket: ReturnType<typeof createConnection>, isOver: () => boolean) => {
  const write = async (...bytes: Uint8Array[]): Promise<void> => {
    await poll()
    if (isOver() || !socket.writable) return
    socket.cork()
    for (const part of bytes) socket.write(part)
    socket.uncork()
    if (!socket.writableNeedDrain) return
    const going = Promise.withResolvers<void>()
    const go = () => going.resolve()
    for (const event of WAKING) socket.once(event, go)
    await going.promise
    for (const event of WAKING) socket.off(event, go)
  }
  await write(Buffer.from('zINSTREAM\0'))
  for await (const chunk of body as AsyncIterable<Buffer>) {
    for (let from = 0; from < chunk.byteLength; from += CHUNK_BYTES) {
      if (isOver() || !socket.writable) return
      const part = chunk.subarray(from, from + CHUNK_BYTES)
      await write(lengthOf(part.byteLength), part)
    }
  }
  await write(lengthOf(0))
}
