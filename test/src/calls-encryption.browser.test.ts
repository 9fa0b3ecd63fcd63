import type { EncryptionOptions } from '@trunkline/sdk'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { secretFromKey } from '../../sdk/js/src/encryption/encryption-key.ts'
import { FrameCipher } from '../../sdk/js/src/encryption/frame-cipher.ts'
import { Readings } from '../../sdk/js/src/encryption/readings.ts'
import { launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { keepConnections, launchFirefox } from './support/firefox.ts'
import { mayMakeNetworks, Network } from './support/network.ts'
import { browse, ORIGIN, startOn } from './support/networked.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { mintToken, rest } from './support/rest.ts'
import { API_KEY, startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

const WAIT = { timeout: 60_000, interval: 250 }

type Options = { encryption?: EncryptionOptions; videoCodec?: string; sends?: boolean; before?: string }

const membership = (roomId: string, name: string) => ({ name, rooms: [{ roomId, role: 'publisher' }] })

/**
 * As text, because the test runner would make an import of its own of it: joins a room's call by the SDK alone. `call` is
 * the call, `told` what it said of keys, `heard` what came on a topic. The camera shows pure red.
 */
const joining = (
  url: string,
  token: string,
  roomId: string,
  { encryption, videoCodec = 'vp8', sends = true }: Options,
): string => `(async () => {
    const { Trunkline, attachTrack } = await import('${url}/sdk.js')
    const client = new Trunkline({ url: '${url}', token: '${token}' })
    const room = await client.openRoom('${roomId}')
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 })
    const context = canvas.getContext('2d')
    setInterval(() => {
      context.fillStyle = '#f00'
      context.fillRect(0, 0, 640, 360)
      context.fillStyle = '#c00'
      context.fillRect(Math.random() * 600, Math.random() * 320, 40, 40)
    }, 50)
    const sends = ${sends}
    window.call = await room.joinCall({
      mic: sends,
      camera: sends && canvas.captureStream(20).getVideoTracks()[0],
      videoCodec: '${videoCodec}',
      encryption: ${JSON.stringify(encryption)},
    })
    window.told = []
    window.heard = []
    call.on('encryption', (from, reading, text) => told.push([from.name, reading, text]))
    call.topic('board').on('message', (from, value) => heard.push([from.name, value]))
    const show = (participant, source, track) => {
      if (participant.isLocal) return
      const element = document.createElement(track.kind)
      element.autoplay = true
      element.muted = track.kind === 'video'
      element.id = participant.name + '-' + source
      attachTrack(element, track)
      document.body.append(element)
    }
    call.on('trackAdded', show)
    for (const participant of call.participants)
      for (const source of ['mic', 'camera'])
        if (participant.track(source)) show(participant, source, participant.track(source))
  })()`

/** A page of Chromium in a room's call. */
const join = async (roomId: string, name: string, options: Options): Promise<Visitor> => {
  const token = await mintToken(server.url, `${name}-${roomId}`, membership(roomId, name))
  const visitor = await visit(browser, server.url, name, { viewport: { width: 400, height: 300 } })
  if (options.before) await visitor.page.evaluate(options.before)
  await visitor.page.evaluate(joining(server.url, token, roomId, options))
  return visitor
}

/** What arrived here, and what of it was decoded. */
type Arrived = { bytes: number; frames: number; energy: number; samples: number; size: number }
const arrived = ({ page }: Visitor): Promise<Arrived> =>
  page.evaluate(async () => {
    const sum = { bytes: 0, frames: 0, energy: 0, samples: 0, size: 0 }
    for (const connection of window.peerConnections) {
      for (const report of (await connection.getStats()).values()) {
        if (report.type !== 'inbound-rtp') continue
        sum.bytes += report.bytesReceived ?? 0
        if (report.kind === 'video') sum.frames += report.framesDecoded ?? 0
        else {
          sum.energy += report.totalAudioEnergy ?? 0
          sum.samples += (report.totalSamplesReceived ?? 0) - (report.concealedSamples ?? 0)
        }
      }
    }
    for (const video of document.querySelectorAll('video')) sum.size = Math.max(sum.size, video.videoWidth)
    return sum
  })

/** As text: the colour in the middle of somebody's picture, red, green and blue. */
const colourOf = (of: string) => `(() => {
  const canvas = document.createElement('canvas')
  canvas.width = canvas.height = 8
  const context = canvas.getContext('2d')
  const video = document.getElementById('${of}-camera')
  if (video) context.drawImage(video, 0, 0, 8, 8)
  return [...context.getImageData(4, 4, 1, 1).data].slice(0, 3)
})()`
const isRed = ([red = 0, green = 255, blue = 255]: number[]) => red > 170 && Math.max(green, blue) < 80

const told = ({ page }: Visitor): Promise<[string, string, string][]> => page.evaluate('told')
const heard = ({ page }: Visitor): Promise<[string, unknown][]> => page.evaluate('heard')

const seesRed = ({ page }: Visitor, of: string) =>
  vi.waitFor(async () => expect(await page.evaluate<number[]>(colourOf(of))).toSatisfy(isRed), WAIT)

const hears = (visitor: Visitor) =>
  vi.waitFor(async () => expect((await arrived(visitor)).energy).toBeGreaterThan(0.000_1), WAIT)

const makeRoom = (id: string) => rest(server.url, 'POST', '/v1/rooms', { body: { id, kind: 'group' } })

test('who has the key sees, hears and reads; who has another is told, and is shown nothing, until it is given the key', async () => {
  await makeRoom('sealed')
  const encryption = { key: 'correct horse battery staple' }
  const [ada, ben] = [
    await join('sealed', 'Ada', { encryption }),
    await join('sealed', 'Ben', { encryption }),
  ]
  await Promise.all([seesRed(ada, 'Ben'), seesRed(ben, 'Ada'), hears(ada), hears(ben)])
  await ada.page.evaluate(`call.topic('board').send({ x: 1 })`)
  await vi.waitFor(async () => expect(await heard(ben)).toEqual([['Ada', { x: 1 }]]), WAIT)

  const eve = await join('sealed', 'Eve', { encryption: { key: 'another' }, sends: false })
  await vi.waitFor(
    async () => expect((await told(eve)).map(([name]) => name).sort()).toEqual(['Ada', 'Ben']),
    WAIT,
  )
  expect((await told(eve)).every(([, reading]) => reading === 'wrongKey')).toBe(true)
  expect((await told(eve))[0]?.[2]).toMatch(/cannot be read: it is encrypted with another key/)
  await ada.page.evaluate(`call.topic('board').send('not for Eve')`)
  await vi.waitFor(async () => expect(await heard(ben)).toContainEqual(['Ada', 'not for Eve']), WAIT)
  const before = await arrived(eve)
  await eve.page.waitForTimeout(2_000)
  const after = await arrived(eve)
  expect(after.bytes).toBeGreaterThan(before.bytes)
  expect({ frames: after.frames, size: after.size, energy: after.energy }).toEqual({
    frames: 0,
    size: 0,
    energy: 0,
  })
  expect(await heard(eve)).toEqual([])

  await eve.page.evaluate(`call.encryption.setKey('correct horse battery staple')`)
  await Promise.all([seesRed(eve, 'Ada'), hears(eve)])
  await vi.waitFor(
    async () =>
      expect((await told(eve)).slice(2).map(([, reading]) => reading)).toEqual(['readable', 'readable']),
    WAIT,
  )

  // Eve is sent away: those who stay go on to a key that is not hers.
  const decoded = await arrived(ben)
  for (const { page } of [ada, ben]) await page.evaluate(`call.encryption.setKey('without Eve')`)
  await vi.waitFor(
    async () =>
      expect((await told(eve)).slice(4).map(([, reading]) => reading)).toEqual(['wrongKey', 'wrongKey']),
    WAIT,
  )
  const stood = await arrived(eve)
  await eve.page.waitForTimeout(2_000)
  expect((await arrived(eve)).frames).toBe(stood.frames)
  await vi.waitFor(async () => expect((await arrived(ben)).frames).toBeGreaterThan(decoded.frames + 20), WAIT)
  expect(await told(ada)).toEqual([])
  for (const { name, problems, page } of [ada, ben, eve]) {
    expect(problems, name).toEqual([])
    await page.context().close()
  }
}, 180_000)

type Frame = { mimeType: string; bytes: number[] }

/** As text for a page: keeps, in `frames`, every frame that arrives as it came out of the packets, and lets it pass. */
const KEEP_FRAMES = `(() => {
  const source = \`onrtctransform = ({ transformer: { readable, writable, options } }) =>
    readable.pipeThrough(new TransformStream({ transform(frame, controller) {
      postMessage({ mimeType: options, bytes: [...new Uint8Array(frame.data)] })
      controller.enqueue(frame)
    } })).pipeTo(writable)\`
  const worker = new Worker(URL.createObjectURL(new Blob([source])))
  window.framesTaken = []
  worker.onmessage = ({ data }) => framesTaken.push(data)
  const Original = RTCPeerConnection
  window.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args)
      // From the first frame on: later it would see none.
      this.addEventListener('track', ({ receiver }) => {
        const mimeType = receiver.track.kind === 'video' ? 'video/VP8' : 'audio/opus'
        receiver.transform = new RTCRtpScriptTransform(worker, mimeType)
      })
    }
  }
})()`

test('what the server sends on is refused by every key but the right one, and is no picture without it', async () => {
  await makeRoom('copied')
  const ada = await join('copied', 'Ada', { encryption: { key: 'known to two' } })
  const ben = await join('copied', 'Ben', { encryption: { key: 'known to two' }, sends: false })
  // As whoever runs the server: it has every packet, and no key.
  const copy = await join('copied', 'Copy', { sends: false, before: KEEP_FRAMES })
  await seesRed(ben, 'Ada')
  const all = () => copy.page.evaluate<Frame[]>('framesTaken')
  await vi.waitFor(async () => {
    const kinds = (await all()).map(({ mimeType }) => mimeType)
    for (const kind of ['video/VP8', 'audio/opus'])
      expect(kinds.filter(it => it === kind).length).toBeGreaterThan(20)
  }, WAIT)
  const frames = await all()
  const participantId: string = await copy.page.evaluate(`call.participants.find(it => it.name === 'Ada').id`)

  const opened = async (key: string) => {
    const cipher = new FrameCipher(new Readings(() => undefined))
    await cipher.use(await secretFromKey(key, 'copied'))
    const openers = new Map(
      [['video/VP8', 'camera'] as const, ['audio/opus', 'mic'] as const].map(([mimeType, stream]) => [
        mimeType as string,
        cipher.frameOpener({ participantId, stream }, mimeType, () => undefined),
      ]),
    )
    let count = 0
    for (const { mimeType, bytes } of frames) {
      if (await openers.get(mimeType)?.({ data: Uint8Array.from(bytes).buffer })) count += 1
    }
    return count
  }
  expect(await opened('a guess')).toBe(0)
  expect(await opened('known to two')).toBe(frames.length)

  const shown = await Promise.all(
    Array.from({ length: 10 }, async (_, n) => {
      await copy.page.waitForTimeout(n * 200)
      return isRed(await copy.page.evaluate<number[]>(colourOf('Ada')))
    }),
  )
  console.log(`without a key ${(await arrived(copy)).frames} frames came out of the decoder`)
  expect(shown.filter(Boolean)).toEqual([])
  for (const { page } of [ada, ben, copy]) await page.context().close()
}, 180_000)

test('after the media worker died everybody sees and hears the others again, and nobody is told of a key', async () => {
  await makeRoom('mended')
  const encryption = { key: 'still the same' }
  const [ada, ben] = [
    await join('mended', 'Ada', { encryption }),
    await join('mended', 'Ben', { encryption }),
  ]
  await Promise.all([seesRed(ada, 'Ben'), seesRed(ben, 'Ada'), hears(ada), hears(ben)])
  const worker = descendantsOf(server.pid).find(pid => commandOf(pid).includes('mediasoup-worker'))
  process.kill(worker ?? 0, 'SIGKILL')
  // Those of before are closed, and count no more.
  for (const one of [ada, ben]) {
    await vi.waitFor(async () => expect(await one.page.evaluate('call.state')).toBe('joined'), WAIT)
    await vi.waitFor(async () => {
      const before = await arrived(one)
      await one.page.waitForTimeout(1_000)
      const after = await arrived(one)
      expect(after.frames).toBeGreaterThan(before.frames + 3)
      expect(after.energy).toBeGreaterThan(before.energy)
    }, WAIT)
    expect(await told(one)).toEqual([])
  }
  for (const { page } of [ada, ben]) await page.context().close()
}, 180_000)

test.each(['h264', 'vp9', 'av1'])(
  '%s: who has the key sees it, who has another does not',
  async videoCodec => {
    const roomId = `sealed-${videoCodec}`
    await makeRoom(roomId)
    const ada = await join(roomId, 'Ada', { encryption: { key: 'one' }, videoCodec })
    const ben = await join(roomId, 'Ben', { encryption: { key: 'one' }, sends: false })
    const eve = await join(roomId, 'Eve', { encryption: { key: 'two' }, sends: false })
    await seesRed(ben, 'Ada')
    await vi.waitFor(
      async () => expect((await told(eve)).map(([, reading]) => reading)).toEqual(['wrongKey']),
      WAIT,
    )
    expect(await arrived(eve)).toMatchObject({ frames: 0, size: 0 })
    const sent: string[] = await ada.page.evaluate(async () => {
      const names: string[] = []
      for (const connection of window.peerConnections) {
        const reports = await connection.getStats()
        for (const report of reports.values())
          if (report.type === 'outbound-rtp' && report.kind === 'video')
            names.push(reports.get(report.codecId)?.mimeType)
      }
      return names
    })
    expect(new Set(sent.map(it => it.toLowerCase()))).toEqual(new Set([`video/${videoCodec}`]))
    for (const { name, problems, page } of [ada, ben, eve]) {
      expect(problems, name).toEqual([])
      await page.context().close()
    }
  },
  180_000,
)

/** What of others' sound was decoded so far. */
const energy = async () => {
  let sum = 0
  for (const connection of window.peerConnections) {
    for (const report of (await connection.getStats()).values())
      if (report.type === 'inbound-rtp' && report.kind === 'audio') sum += report.totalAudioEnergy ?? 0
  }
  return sum
}

test.runIf(mayMakeNetworks)(
  'Chromium and Firefox see and hear each other, in the codecs that Firefox has here',
  async () => {
    const network = await Network.create()
    await startOn(network)
    const firefox = await launchFirefox(await network.host())
    const chromium = await browse(await network.host(), 'elsewhere', 'Cleo')
    for (const videoCodec of ['vp8', 'vp9', 'av1']) {
      const roomId = `mixed-${videoCodec}`
      const options = { encryption: { key: 'one for two' }, videoCodec }
      const fox = await firefox.newPage()
      await fox.evaluateOnNewDocument(keepConnections)
      await fox.goto(ORIGIN)
      await chromium.page.goto(ORIGIN)
      // The server is in a network that only its pages reach.
      const ask = (path: string, body: unknown): Promise<{ token: string }> =>
        chromium.page.evaluate(
          async ([path, key, body]) => {
            const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
            return (await fetch(path as string, { method: 'POST', headers, body: body as string })).json()
          },
          [path, API_KEY, JSON.stringify(body)],
        )
      await ask('/v1/rooms', { id: roomId, kind: 'group' })
      const tokenOf = async (name: string) =>
        (await ask('/v1/tokens', { userId: `${name}-${roomId}`, ...membership(roomId, name) })).token
      await fox.evaluate(joining(ORIGIN, await tokenOf('Fox'), roomId, options))
      await chromium.page.evaluate(joining(ORIGIN, await tokenOf('Cleo'), roomId, options))
      const look = (of: string) =>
        of === 'Cleo' ? fox.evaluate(colourOf(of)) : chromium.page.evaluate(colourOf(of))
      // Chromium shows nothing of the AV1 that Firefox sends, sealed or not.
      for (const of of videoCodec === 'av1' ? ['Cleo'] : ['Cleo', 'Fox'])
        await vi.waitFor(
          async () => expect((await look(of)) as number[], `${of}, ${videoCodec}`).toSatisfy(isRed),
          WAIT,
        )
      await vi.waitFor(async () => {
        expect(await fox.evaluate(energy)).toBeGreaterThan(0)
        expect(await chromium.page.evaluate(energy)).toBeGreaterThan(0)
      }, WAIT)
      await fox.close()
    }
    expect(chromium.problems).toEqual([])
  },
  300_000,
)
