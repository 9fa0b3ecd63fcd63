import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { UPLOADS_PATH } from '@trunkline/protocol'
import { Upload, type UploadOptions } from 'tus-js-client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startCutter } from './support/cutter.ts'
import { startProcesses } from './support/processes.ts'
import { mintToken, rest } from './support/rest.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'
import { restartServer, startServer } from './support/server.ts'

/** 200 cuts and 10 kills with TRUNKLINE_ROUNDS=5. */
const CUTS = rounds(40)
const KILLS = rounds(2)
const SERVER = {
  services: ['signalling', 'media'],
  env: { TRUNKLINE_SECRET: 'a-secret-for-the-test-of-uploads' },
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** How clients send: in one go, in chunks, in parallel parts, without knowing how much it will be. */
const WAYS: ((
  body: Buffer,
  random: () => number,
) => Partial<UploadOptions> & { source: Buffer | Readable })[] = [
  body => ({ source: body }),
  (body, random) => ({ source: body, chunkSize: Math.ceil(random() * 500_000) + 10_000 }),
  body => ({ source: body, parallelUploads: 3 }),
  (body, random) => ({
    source: Readable.from([body.subarray(0, body.length >> 1), body.subarray(body.length >> 1)], {
      objectMode: false,
    }),
    chunkSize: Math.ceil(random() * 500_000) + 10_000,
    uploadLengthDeferred: true,
  }),
]

/** Uploads by tus-js-client until it is there. @returns the id of the file */
const upload = (
  base: string,
  file: { body: Buffer; token: string; roomId: string; key: string },
  way: Partial<UploadOptions> & { source: Buffer | Readable },
): Promise<string> => {
  const { source, ...options } = way
  return new Promise((resolve, reject) => {
    let starts = 0
    const sending = new Upload(source, {
      endpoint: base + UPLOADS_PATH,
      metadata: { roomId: file.roomId, name: 'a.bin' },
      headers: { Authorization: `Bearer ${file.token}`, 'Idempotency-Key': file.key },
      // For a minute: as long as a server may take that starts again.
      retryDelays: Array.from({ length: 1_000 }, () => 60),
      // Also while the server starts again: it says so, or nobody answers.
      onShouldRetry: error => !error.originalResponse || error.originalResponse.getStatus() >= 409,
      // Else the client begins anew when the server that it asks is only just starting.
      onUploadUrlAvailable: () => {
        if (!options.parallelUploads) sending.options.endpoint = null
      },
      onSuccess: () => resolve(sending.url?.split('/').at(-1) ?? ''),
      onError: error => {
        // What puts parts together is not tried again by the client itself.
        if (options.parallelUploads && ++starts < 1_000) sending.start()
        else reject(error)
      },
      ...options,
    })
    sending.start()
  })
}

const openRoom = async (url: string) => {
  const { body } = await rest(url, 'POST', '/v1/rooms', { body: { kind: 'group', members: ['alice'] } })
  const roomId: string = body.id
  return { roomId, token: await mintToken(url, 'alice') }
}

/** What others get of a file, once it was checked. */
const download = async (url: string, id: string, token: string): Promise<Buffer> => {
  await vi.waitFor(
    async () => {
      const { body } = await rest(url, 'GET', `/v1/files?ids=${id}`, { token })
      expect(body.data).toMatchObject([{ id, state: 'ready' }])
    },
    { timeout: 120_000, interval: 100 },
  )
  const response = await fetch(`${url}/v1/files/${id}`, { headers: { authorization: `Bearer ${token}` } })
  return Buffer.from(await response.arrayBuffer())
}

/** Uploads over a line that is cut, until it was cut so often, and sees that everything arrived as it was. */
const sendOverCutLine = async (url: string, cuts: number): Promise<void> => {
  const random = randomFrom(seed())
  const { roomId, token } = await openRoom(url)
  const cutter = await startCutter({ target: url, bytes: 600_000, random, register: onTestFinished })
  const sent = new Map<string, string>()
  // In every way at least once.
  while (cutter.cuts < cuts || sent.size < WAYS.length) {
    const body = randomBytes(Math.ceil(random() * 3_000_000))
    const way = WAYS[sent.size % WAYS.length]
    if (!way) throw new Error('there is no such way')
    const file = { body, token, roomId, key: `key-${sent.size}` }
    const id = await upload(cutter.url, file, way(body, random))
    expect(sent.has(id)).toBe(false)
    sent.set(id, sha256(body))
  }
  console.log(`${sent.size} uploads over ${cutter.cuts} cut connections`)
  for (const [id, hash] of sent) expect(sha256(await download(url, id, token))).toBe(hash)
}

test(`uploads by tus-js-client arrive whole over a line that is cut ${CUTS} times`, {
  timeout: 600_000,
}, async () => {
  const server = await startServer(SERVER)
  await sendOverCutLine(server.url, CUTS)
})

test('so they do where media is a process of its own, behind signalling', { timeout: 600_000 }, async () => {
  const { nodes } = await startProcesses(onTestFinished)
  await sendOverCutLine(nodes[0].url, rounds(10))
})

test(`uploads go on after the server was killed in their middle, ${KILLS} times`, {
  timeout: 600_000,
}, async () => {
  const random = randomFrom(seed())
  let server = await startServer(SERVER)
  const { url } = server
  const { roomId, token } = await openRoom(url)
  const sent = new Map<string, string>()
  let stopping = false
  const sendOn = async (sender: number) => {
    for (let n = 0; !stopping; n++) {
      const body = randomBytes(Math.ceil(random() * 8_000_000))
      const way = WAYS[(sender + n) % WAYS.length]
      if (!way) throw new Error('there is no such way')
      const file = { body, token, roomId, key: `key-${sender}-${n}` }
      const id = await upload(url, file, way(body, random))
      expect(sent.has(id)).toBe(false)
      sent.set(id, sha256(body))
    }
  }
  const sending = [0, 1].map(sendOn)
  for (let kill = 0; kill < KILLS; kill++) {
    const before = sent.size
    await vi.waitFor(() => expect(sent.size).toBeGreaterThan(before), { timeout: 60_000, interval: 5 })
    // The moment of the kill is what is tried out.
    await sleep(random() * 300)
    await server.stop('SIGKILL')
    server = await restartServer(server, SERVER)
  }
  stopping = true
  await Promise.all(sending)
  console.log(`${sent.size} uploads through ${KILLS} kills`)
  for (const [id, hash] of sent) expect(sha256(await download(url, id, token))).toBe(hash)
})
