import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer as createHttpServer, type RequestListener } from 'node:http'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { findProgram } from '../fence.ts'
import { verdictOf } from './clamd.ts'
import { openScanner } from './open.ts'
import { foundIn, type Scanner } from './scanner.ts'

const never = new AbortController().signal

const fileOf = (bytes: Uint8Array, signal = never): Parameters<Scanner['scan']>[0] => ({
  body: Readable.from([bytes]),
  name: 'büro.txt',
  mime: 'application/octet-stream',
  size: bytes.byteLength,
  signal,
})

const portOf = async (server: Server): Promise<number> => {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
  })
  return (server.address() as AddressInfo).port
}

const HARM = 'EVIL-BYTES-OF-A-TEST'
const STREAM_MAX = 4 * 1024 * 1024

const clamd = await findProgram('clamd', `${process.env.PATH}:/usr/sbin`)
if (!clamd) {
  console.log(
    'clamd is not installed: apt-get install -y --no-install-recommends clamav-daemon to test with it',
  )
}

describe.skipIf(!clamd)('a real clamd', () => {
  let folder = ''
  let daemon: ChildProcess
  let port = 0

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'trunkline-clamd-'))
    const database = join(folder, 'db')
    await mkdir(database)
    const signature = Buffer.from(HARM).toString('hex')
    await writeFile(join(database, 'test.ndb'), `Trunkline.Test:0:*:${signature}\n`)
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    port = (free.address() as AddressInfo).port
    free.close()
    const settings = [
      'Foreground yes',
      `DatabaseDirectory ${database}`,
      `LocalSocket ${join(folder, 'socket')}`,
      `TCPSocket ${port}`,
      'TCPAddr 127.0.0.1',
      `StreamMaxLength ${STREAM_MAX}`,
    ]
    await writeFile(join(folder, 'clamd.conf'), `${settings.join('\n')}\n`)
    daemon = spawn(clamd ?? '', ['-c', join(folder, 'clamd.conf')], { stdio: 'ignore' })
    const scanner = openScanner(`clamd://127.0.0.1:${port}`)
    await vi.waitFor(() => scanner.scan(fileOf(Buffer.from('x'))), { timeout: 20_000, interval: 50 })
  }, 30_000)
  afterAll(async () => {
    if (daemon.exitCode === null) {
      daemon.kill('SIGKILL')
      await once(daemon, 'exit')
    }
    await rm(folder, { recursive: true, force: true })
  })

  describe.each([
    ['TCP', () => `clamd://127.0.0.1:${port}`],
    ['a Unix socket', () => `clamd://${join(folder, 'socket')}`],
  ])('over %s', (_, url) => {
    it('finds what its signatures name, wherever it lies, and nothing else', async () => {
      const scanner = openScanner(url())
      const noise = randomBytes(3 * 1024 * 1024)
      expect(await scanner.scan(fileOf(noise))).toEqual({ isClean: true })
      expect(await scanner.scan(fileOf(new Uint8Array()))).toEqual({ isClean: true })
      // Across the border of two chunks of the protocol.
      Buffer.from(HARM).copy(noise, 1024 * 1024 - 10)
      expect(await scanner.scan(fileOf(noise))).toEqual({
        isClean: false,
        found: 'Trunkline.Test.UNOFFICIAL',
      })
    })

    it('says of what is larger than it takes that it is', async () => {
      const scanner = openScanner(url())
      for (const bytes of [STREAM_MAX + 1, STREAM_MAX * 3]) {
        // It hangs up on who still writes, and its answer is lost when that falls into a write: asked again, as jobs do.
        await vi.waitFor(
          async () => {
            const verdict = await scanner.scan(fileOf(Buffer.alloc(bytes)))
            expect(verdict).toEqual({ isClean: false, isTooLarge: true })
          },
          { timeout: 20_000 },
        )
      }
    })
  })
})

describe('clamd, whatever it answers', () => {
  const answering = async (answer: (socket: Socket) => void): Promise<Scanner> => {
    const port = await portOf(createServer(socket => socket.on('error', () => undefined) && answer(socket)))
    return openScanner(`clamd://127.0.0.1:${port}`)
  }

  it.each([
    ['stream: OK\0', { isClean: true }],
    ['stream: OK\n', { isClean: true }],
    ['stream: Win.Test.EICAR_HDB-1 FOUND\0', { isClean: false, found: 'Win.Test.EICAR_HDB-1' }],
    ['INSTREAM size limit exceeded. ERROR\0', { isClean: false, isTooLarge: true }],
  ])('%j is a verdict', (answer, verdict) => {
    expect(verdictOf(answer)).toEqual(verdict)
  })

  it.each(['', 'stream: not OK\0', 'stream: FOUND\0', 'UNKNOWN COMMAND\0'])('%j is none', answer => {
    expect(() => verdictOf(answer)).toThrow('no verdict')
  })

  it('breaking off, ending or falling silent is no verdict', async () => {
    const bytes = randomBytes(100_000)
    const broken = await answering(socket => socket.once('data', () => socket.resetAndDestroy()))
    await expect(broken.scan(fileOf(bytes))).rejects.toThrow('clamd hung up before it gave a verdict')
    const ending = await answering(socket => socket.end())
    await expect(ending.scan(fileOf(bytes))).rejects.toThrow()
    const silent = await answering(socket => socket.resume())
    const controller = new AbortController()
    const scan = silent.scan(fileOf(bytes, controller.signal))
    controller.abort(new Error('the process closes'))
    await expect(scan).rejects.toThrow()
    // One that does not even read.
    const stuck = await answering(socket => socket.pause())
    const other = new AbortController()
    const stuckScan = stuck.scan(fileOf(Buffer.alloc(16 * 1024 * 1024), other.signal))
    setTimeout(() => other.abort(new Error('the process closes')), 200)
    await expect(stuckScan).rejects.toThrow()
  })

  it('is heard when it answered, and hung up, before it was sent everything', async () => {
    const gone = Promise.withResolvers<void>()
    const early = await answering(socket => {
      socket.once('close', () => gone.resolve())
      socket.once('data', () => socket.end('INSTREAM size limit exceeded. ERROR\0', () => socket.destroy()))
    })
    const body = Readable.from(
      (async function* () {
        yield Buffer.alloc(100)
        await gone.promise
        for (let n = 0; n < 10; n++) yield Buffer.alloc(1024 * 1024)
      })(),
    )
    const verdict = await early.scan({ ...fileOf(Buffer.alloc(1)), body })
    expect(verdict).toEqual({ isClean: false, isTooLarge: true })
  })

  it('out of reach, or a file that cannot be read, is no verdict', async () => {
    const gone = createServer()
    const port = await portOf(gone)
    gone.close()
    await once(gone, 'close')
    await expect(openScanner(`clamd://127.0.0.1:${port}`).scan(fileOf(Buffer.from('x')))).rejects.toThrow()
    await expect(openScanner('clamd:///nowhere/clamd.ctl').scan(fileOf(Buffer.from('x')))).rejects.toThrow()
    const reading = await answering(socket => socket.resume())
    const body = Readable.from(
      (async function* () {
        yield Buffer.from('x')
        throw new Error('the store is gone')
      })(),
    )
    await expect(reading.scan({ ...fileOf(Buffer.from('x')), body })).rejects.toThrow('the store is gone')
  })
})

it.each([
  ['Win.Test.EICAR_HDB-1', 'Win.Test.EICAR_HDB-1'],
  ['  a\u001b[31mb\r\n\tc\u202ed\0 ', 'a [31mb c d'],
  ['\n', 'it has no name'],
  ['', 'it has no name'],
  ['😀'.repeat(101), `${'😀'.repeat(100)}…`],
  ['x'.repeat(100), 'x'.repeat(100)],
  ['\0'.repeat(1_000_000), 'it has no name'],
])('what a scanner found is shown on one short line: %j', (said, shown) => {
  expect(foundIn(said)).toBe(shown)
})

describe('an HTTP endpoint', () => {
  const answering = async (listener: RequestListener): Promise<string> => {
    const server = createHttpServer(listener)
    const port = await portOf(server)
    onTestFinished(() => server.closeAllConnections())
    return `http://user:pass%20word@127.0.0.1:${port}/scan?for=harm`
  }

  it('gets the bytes, their kind and their name, and its answer is the verdict', async () => {
    const seen: unknown[] = []
    const url = await answering((request, response) => {
      const { url: path, method, headers } = request
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks)
        seen.push([method, path, headers['content-type'], headers['x-file-name'], headers.authorization])
        response.end(
          JSON.stringify(
            body.includes(HARM) ? { clean: false, found: 'Test.Harm', at: 3 } : { clean: true, ms: 4 },
          ),
        )
      })
    })
    const scanner = openScanner(url)
    expect(await scanner.scan(fileOf(randomBytes(2_000_000)))).toEqual({ isClean: true })
    expect(await scanner.scan(fileOf(Buffer.from(`…${HARM}`)))).toEqual({
      isClean: false,
      found: 'Test.Harm',
    })
    const authorization = `Basic ${Buffer.from('user:pass word').toString('base64')}`
    const one = ['POST', '/scan?for=harm', 'application/octet-stream', 'b%C3%BCro.txt', authorization]
    expect(seen).toEqual([one, one])
  })

  it.each([
    ['another status', 204, ''],
    ['an error', 500, '{"clean": true}'],
    ['a redirection', 302, '{"clean": true}'],
    ['something else', 200, '"clean"'],
    ['nothing found', 200, '{"clean": false}'],
    ['a string for a boolean', 200, '{"clean": "true"}'],
    ['no JSON', 200, 'clean'],
  ])('that answers with %s gave no verdict', async (_, status, body) => {
    const url = await answering((request, response) => {
      request.resume()
      request.on('end', () => response.writeHead(status, { location: '/elsewhere' }).end(body))
    })
    await expect(openScanner(url).scan(fileOf(Buffer.from('x')))).rejects.toThrow()
  })

  it('that refuses a file for its size says so', async () => {
    const url = await answering((_request, response) => {
      response.writeHead(413).end('too large')
    })
    const verdict = await openScanner(url).scan(fileOf(Buffer.alloc(1024)))
    expect(verdict).toEqual({ isClean: false, isTooLarge: true })
  })

  it('that answers without end gave no verdict, and is not read on', async () => {
    const ended = Promise.withResolvers<void>()
    const url = await answering((request, response) => {
      request.resume()
      const spaces = Buffer.alloc(64 * 1024, ' ')
      const endless = Readable.from(
        (function* () {
          for (;;) yield spaces
        })(),
      )
      response.once('close', () => {
        endless.destroy()
        ended.resolve()
      })
      endless.pipe(response)
    })
    await expect(openScanner(url).scan(fileOf(Buffer.from('x')))).rejects.toThrow('answered more than')
    await ended.promise
  })

  it('that answers before it has read everything is heard', async () => {
    const url = await answering((_request, response) => {
      response.end(JSON.stringify({ clean: false, found: 'Test.Early' }))
    })
    const verdict = await openScanner(url).scan(fileOf(Buffer.alloc(8 * 1024 * 1024)))
    expect(verdict).toEqual({ isClean: false, found: 'Test.Early' })
  })
})
