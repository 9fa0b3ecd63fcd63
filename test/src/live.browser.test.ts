import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Take, takePicture, takeTone } from '../../media/src/testing/takes.ts'
import { launchBrowser, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { RtpPeer } from './support/rtp-peer.ts'
import { startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let sending: { take: Take }[]

beforeAll(async () => {
  server = await startServer({ register })
  sending = [{ take: await takeTone(440, 10) }, { take: await takePicture('0xc80000', 10) }]
}, 120_000)

/** As text, because the test runner would make an import of its own of it. */
const PLAYING = (address: string) => `(() => {
  document.body.innerHTML = ''
  const video = Object.assign(document.createElement('video'), { muted: true, crossOrigin: 'anonymous' })
  document.body.append(video)
  window.seen = () => {
    const canvas = Object.assign(document.createElement('canvas'), { width: 160, height: 90 })
    const context = canvas.getContext('2d')
    context.drawImage(video, 0, 0, 160, 90)
    return [...context.getImageData(112, 45, 1, 1).data.slice(0, 3)]
  }
  window.video = video
  video.src = '${address}'
  return video.play().then(() => 'plays', error => String(error))
})()`

test('Chromium plays the stream of a call', { timeout: 400_000 }, async () => {
  const roomId = 'watched'
  await rest(server.url, 'POST', '/v1/rooms', {
    body: { id: roomId, kind: 'group', members: ['mona'], defaultRole: 'publisher' },
  })
  const token = await mintToken(server.url, 'ada', { name: 'Ada', rooms: [{ roomId, role: 'publisher' }] })
  const peer = await RtpPeer.publish({ url: server.url, roomId, token, sending, zero: performance.now() })
  onTestFinished(() => peer.leave())
  const { body } = await rest(server.url, 'POST', `/v1/rooms/${roomId}/call/stream`, {
    body: { sender: 'mona', hls: true },
  })
  const address = `${server.url}${body.playlist}`
  await expect
    .poll(async () => (await (await fetch(address)).text()).match(/\.ts/g)?.length, {
      timeout: 120_000,
      interval: 500,
    })
    .toBeGreaterThanOrEqual(3)

  const { page } = await visit(await launchBrowser(), server.url, 'watcher')
  expect(await page.evaluate(PLAYING(address))).toBe('plays')
  const state = () =>
    page.evaluate<{ at: number; width: number; height: number }>(
      '({ at: video.currentTime, width: video.videoWidth, height: video.videoHeight })',
    )
  const before = await state()
  expect([before.width, before.height]).toEqual([1_280, 720])
  // It goes on with what comes, beyond what the playlist named when it began.
  await expect.poll(async () => (await state()).at, { timeout: 120_000 }).toBeGreaterThan(before.at + 15)
  await expect
    .poll(
      async () => {
        const [red = 0, green = 0, blue = 0] = await page.evaluate<number[]>('seen()')
        return red > 150 && green < 70 && blue < 70
      },
      { timeout: 30_000 },
    )
    .toBe(true)
  await rest(server.url, 'DELETE', `/v1/rooms/${roomId}/call/stream`)
  await expect
    .poll(
      () =>
        page.evaluate(`({
          isOver: video.ended, at: video.currentTime, of: String(video.duration), paused: video.paused,
          ready: video.readyState, problem: video.error?.message,
        })`),
      { timeout: 120_000 },
    )
    .toMatchObject({ isOver: true })
})
