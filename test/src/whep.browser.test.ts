import type { Browser } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { launchBrowser, type Visitor } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { type Colour, endStream, publishColour, shownBy, watch } from './support/whep-page.ts'

const WAIT = { timeout: 60_000, interval: 100 }
const RED: Colour = [220, 30, 30]
const GREEN: Colour = [30, 180, 30]
const BLUE: Colour = [30, 30, 220]

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

/** A room where streams come in and go out. */
const stage = async (roomId: string) => {
  const { url } = server
  await rest(url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'channel', access: 'open' } })
  const tokenOf = (userId: string, role: string) => mintToken(url, userId, { rooms: [{ roomId, role }] })
  const base = `${url}/v1/rooms/${roomId}`
  const publish = async (userId: string, colour: Colour, codec?: string) => {
    const token = await tokenOf(userId, 'publisher')
    const options = { endpoint: `${base}/whip`, token, colour, ...(codec && { codec }) }
    const visitor = await publishColour(browser, url, options)
    return { ...visitor, end: () => endStream(visitor, token) }
  }
  const watching = async (userId: string, query = '') => {
    const token = await tokenOf(userId, 'member')
    const visitor = await watch(browser, url, { endpoint: `${base}/whep${query}`, token })
    return { ...visitor, end: () => endStream(visitor, token) }
  }
  const people = async () => {
    const { body } = await rest(url, 'GET', `/v1/rooms/${roomId}/call`)
    return ((body.call?.participants ?? []) as { userId: string }[]).map(({ userId }) => userId)
  }
  return { publish, watch: watching, people }
}

/** What it shows is of this colour, as far as colours survive being encoded, and goes on. */
const shows = async (viewer: Visitor, colour: Colour) => {
  let before: number | undefined
  await vi.waitFor(async () => {
    const shown = await shownBy(viewer)
    for (const [n, value] of shown.colour.entries())
      expect(Math.abs(value - (colour[n] ?? 0))).toBeLessThan(60)
    const { frames = 0 } = shown.lines.findLast(({ kind }) => kind === 'video') ?? {}
    before ??= frames
    expect(frames).toBeGreaterThan(before + 10)
  }, WAIT)
}

const ended = (viewer: Visitor) =>
  vi.waitFor(async () => expect((await shownBy(viewer)).state).not.toBe('connected'), WAIT)

const pictureOf = async (viewer: Visitor) =>
  (await shownBy(viewer)).lines.findLast(({ kind }) => kind === 'video')

/** Sound and picture are put together by one clock, which both are told of. */
const inTime = (viewer: Visitor) =>
  vi.waitFor(async () => {
    const { lines } = await shownBy(viewer)
    const [sound = 0, picture = 0] = ['audio', 'video'].map(
      of => lines.findLast(({ kind }) => kind === of)?.ntp,
    )
    expect(Math.min(sound, picture)).toBeGreaterThan(0)
    // Clocks that nobody brought together are hours apart.
    expect(Math.abs(sound - picture)).toBeLessThan(2_000)
  }, WAIT)

test('a page sees and hears who publishes, and whoever comes next, without another word between them', async () => {
  const { publish, watch, people } = await stage('stage')
  // There before anybody else is.
  const viewer = await watch('viewer')
  const first = await publish('encoder-1', RED)
  await shows(viewer, RED)
  await vi.waitFor(async () => expect((await shownBy(viewer)).energy).toBeGreaterThan(0.01), WAIT)
  await inTime(viewer)
  const { ssrc } = (await pictureOf(viewer)) ?? {}
  expect(await pictureOf(viewer)).toMatchObject({ lost: 0, codec: 'video/VP8' })

  // By the same codec it is one stream that goes on.
  const second = await publish('encoder-2', GREEN)
  expect(await first.end()).toBe(200)
  await shows(viewer, GREEN)
  expect(await pictureOf(viewer)).toMatchObject({ ssrc, lost: 0 })
  const { energy } = await shownBy(viewer)
  await vi.waitFor(async () => expect((await shownBy(viewer)).energy).toBeGreaterThan(energy + 0.01), WAIT)

  await inTime(viewer)

  await publish('encoder-3', BLUE, 'video/VP9')
  expect(await second.end()).toBe(200)
  await shows(viewer, BLUE)
  expect(await pictureOf(viewer)).toMatchObject({ codec: 'video/VP9' })

  expect(await viewer.end()).toBe(200)
  await ended(viewer)
  expect(await people()).toEqual(['encoder-3'])
}, 240_000)

/** How often somebody who publishes was asked for a whole picture. */
const asked = ({ page }: Visitor) =>
  page.evaluate(async () => {
    for (const report of (await window.publishing.peer.getStats()).values())
      if (report.type === 'outbound-rtp' && report.kind === 'video') return report.pliCount as number
    return 0
  })

test('a page sees whom it asks for, can ask for a whole picture, and sees nothing more once it is banned', async () => {
  const { publish, watch, people } = await stage('choice')
  await publish('encoder-1', RED)
  const publisher = await publish('encoder-2', GREEN)
  const viewer = await watch('viewer', '?user=encoder-2&source=camera')
  await shows(viewer, GREEN)
  const other = await watch('other', '?user=encoder-2')
  await shows(other, GREEN)

  const before = await asked(publisher)
  // As who has lost what nobody can send again.
  await other.page.evaluate(() => {
    const script = `onrtctransform = ({ transformer }) => {
      transformer.readable.pipeTo(transformer.writable)
      setInterval(() => transformer.sendKeyFrameRequest(), 500)
    }`
    const worker = new Worker(URL.createObjectURL(new Blob([script])))
    const [, picture] = window.playing.peer.getReceivers()
    if (picture) picture.transform = new RTCRtpScriptTransform(worker)
  })
  await vi.waitFor(async () => expect(await asked(publisher)).toBeGreaterThan(before + 1), WAIT)

  await perform(server.url, 'member:ban', { roomId: 'choice', userId: 'viewer' })
  await vi.waitFor(async () => expect(await people()).not.toContain('viewer'), WAIT)
  await ended(viewer)
  await shows(other, GREEN)
}, 240_000)
