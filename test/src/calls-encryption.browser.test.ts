import type { EncryptionOptions } from '@trunkline/sdk'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { secretFromKey } from '../../sdk/js/src/encryption/encryption-key.ts'
import { FrameCipher } from '../../sdk/js/src/encryption/frame-cipher.ts'
import { Readings } from '../../sdk/js/src/encryption/readings.ts'
import { launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

const WAIT = { timeout: 60_000, interval: 250 }

type Options = { encryption?: EncryptionOptions; videoCodec?: string; sends?: boolean; before?: string }

/** A page in a room's call by the SDK alone: `call` is the call, `told` what it said of keys. Its camera shows pure red. */
const join = async (
  roomId: string,
  name: string,
  { encryption, videoCodec = 'vp8', sends = true, before }: Options,
): Promise<Visitor> => {
  const rooms = [{ roomId, role: 'publisher' }]
  const token = await mintToken(server.url, `${name}-${roomId}`, { name, rooms })
  const visitor = await visit(browser, server.url, name, { viewport: { width: 400, height: 300 } })
  if (before) await visitor.page.evaluate(before)
  // As text: the test runner would make an import of its own of it.
  await visitor.page.evaluate(`(async () => {
    const { Trunkline, attachTrack } = await import('${server.url}/sdk.js')
    const client = new Trunkline({ url: '${server.url}', token: '${token}' })
    const room = await client.openRoom('${roomId}')
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 })
    const context = canvas.getContext('2d')
    setInterval(() => {
      context.fillStyle = '#f00'
      context.fillRect(0, 0, 320, 240)
      context.fillStyle = '#c00'
      context.fillRect(Math.random() * 300, Math.random() * 220, 20, 20)
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
  })()`)
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

/** The colour in the middle of somebody's picture: red, green, blue. */
const colour = ({ page }: Visitor, of: string): Promise<number[]> =>
  page.evaluate(id => {
    const canvas = document.createElement('canvas')
    canvas.width = canvas.height = 8
    const context = canvas.getContext('2d')
    const video = document.getElementById(id) as HTMLVideoElement | null
    if (video) context?.drawImage(video, 0, 0, 8, 8)
    return [...(context?.getImageData(4, 4, 1, 1).data ?? [])].slice(0, 3)
  }, `${of}-camera`)

const told = ({ page }: Visitor): Promise<[string, string, string][]> => page.evaluate('told')
const heard = ({ page }: Visitor): Promise<[string, unknown][]> => page.evaluate('heard')

const seesRed = (visitor: Visitor, of: string) =>
  vi.waitFor(async () => {
    const [red = 0, green = 255, blue = 255] = await colour(visitor, of)
    expect(red).toBeGreaterThan(170)
    expect(Math.max(green, blue)).toBeLessThan(80)
  }, WAIT)

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
      const [red = 0, green = 0, blue = 0] = await colour(copy, 'Ada')
      return red > 170 && Math.max(green, blue) < 80
    }),
  )
  console.log(`without a key ${(await arrived(copy)).frames} frames came out of the decoder`)
  expect(shown.filter(Boolean)).toEqual([])
  for (const { page } of [ada, ben, copy]) await page.context().close()
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
