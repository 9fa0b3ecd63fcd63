import type { EncryptionOptions } from '@trunkline/sdk'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { secretFromKey } from '../../sdk/js/src/encryption/encryption-key.ts'
import { FrameCipher } from '../../sdk/js/src/encryption/frame-cipher.ts'
import { Readings } from '../../sdk/js/src/encryption/readings.ts'
import { launchBrowser, type Visitor } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import {
  arrived,
  callJoiner,
  colourOf,
  decodeVp8,
  hears,
  isRed,
  isRedAllOver,
  joining,
  membership,
  seesRed,
  TAP,
  type TakenFrame,
  takeFrames,
  told,
  WAIT,
} from './support/encrypted-calls.ts'
import { keepConnections, launchFirefox } from './support/firefox.ts'
import { mayMakeNetworks, Network } from './support/network.ts'
import { browse, ORIGIN, startOn } from './support/networked.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { API_KEY, startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

const { join, makeRoom } = callJoiner(() => ({ url: server.url, browser }))
const heard = ({ page }: Visitor): Promise<[string, unknown][]> => page.evaluate('heard')

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

test('what the server sends on is refused by every key but the right one, and is no picture without it', async () => {
  await makeRoom('copied')
  const ada = await join('copied', 'Ada', { encryption: { key: 'known to two' } })
  const ben = await join('copied', 'Ben', { encryption: { key: 'known to two' }, sends: false })
  // As whoever runs the server: it has every packet, and no key.
  const copy = await join('copied', 'Copy', { encryption: { key: 'none' }, sends: false, before: TAP })
  await seesRed(ben, 'Ada')
  const frames: TakenFrame[] = []
  await vi.waitFor(async () => {
    frames.push(...(await takeFrames(copy)))
    const kinds = frames.map(({ mimeType }) => mimeType)
    for (const kind of ['video/VP8', 'audio/opus'])
      expect(kinds.filter(it => it === kind).length).toBeGreaterThan(20)
  }, WAIT)

  const opened = async (key: string) => {
    const cipher = new FrameCipher(new Readings(() => undefined))
    await cipher.use(await secretFromKey(key, 'copied'))
    const openers = new Map(
      [['video/VP8', 'camera'] as const, ['audio/opus', 'mic'] as const].map(([mimeType, stream]) => [
        mimeType as string,
        (participantId: string) => cipher.frameOpener({ participantId, stream }, mimeType, () => undefined),
      ]),
    )
    const plain: Uint8Array[] = []
    let count = 0
    const [{ participantId } = { participantId: '' }] = frames
    const byKind = new Map(Array.from(openers, ([mimeType, make]) => [mimeType, make(participantId)]))
    for (const { mimeType, bytes } of frames) {
      const frame = { data: Uint8Array.from(bytes).buffer }
      if (!(await byKind.get(mimeType)?.(frame))) continue
      count += 1
      if (mimeType === 'video/VP8') plain.push(new Uint8Array(frame.data))
    }
    return { count, plain }
  }
  expect(await opened('a guess')).toEqual({ count: 0, plain: [] })
  const right = await opened('known to two')
  expect(right.count).toBe(frames.length)

  // By pixels, by a decoder that is not ours, and by the browser's own.
  const pictures = frames.filter(({ mimeType }) => mimeType === 'video/VP8')
  const sealed = await decodeVp8(pictures.map(({ bytes }) => Uint8Array.from(bytes)))
  console.log(`of ${pictures.length} frames ffmpeg made ${sealed.length} pictures without a key`)
  expect(sealed.filter(isRedAllOver)).toEqual([])
  const shown = await decodeVp8(right.plain)
  expect(shown.length).toBeGreaterThan(20)
  expect(shown.every(isRedAllOver)).toBe(true)
  const seen: boolean[] = []
  for (let n = 0; n < 10; n += 1) {
    seen.push(isRed(await copy.page.evaluate<number[]>(colourOf('Ada'))))
    await copy.page.waitForTimeout(200)
  }
  expect(seen.filter(Boolean)).toEqual([])
  for (const { page } of [ada, ben, copy]) await page.context().close()
}, 180_000)

test('after the media worker died everybody sees and hears the others again, and nobody is told of a key', async () => {
  await makeRoom('mended')
  const encryption = { devices: true } as const
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
      // Once by the keys of their devices: what one browser makes of them the other understands.
      const encryption: EncryptionOptions = videoCodec === 'vp9' ? { devices: true } : { key: 'one for two' }
      const options = { encryption, videoCodec, prepares: videoCodec === 'vp9' }
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
      if (videoCodec === 'vp9') {
        const number = 'call.encryption.safetyNumber'
        expect(await fox.evaluate(number)).toMatch(/^(\d{5} ){5}\d{5}$/)
        expect(await chromium.page.evaluate(number)).toBe(await fox.evaluate(number))
      }
      await fox.close()
    }
    expect(chromium.problems).toEqual([])
  },
  300_000,
)
