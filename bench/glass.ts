/**
 * From glass to glass: how long a picture takes from being drawn at one side of a call to being shown at the other,
 * through camera track, encoder, SFU, network stack, decoder and jitter buffer. Two pages of Chromium in a call of the
 * demo; the "camera" writes the time on its pictures, which the other side reads off its video.
 *
 *     npm run bench glass [seconds, 20 by default]
 */
import { loadavg } from 'node:os'
import { chromium, type Page } from 'playwright-core'
import { CHROMIUM, FLAGS } from '../test/src/support/chromium.ts'
import { startServer } from './server.ts'

const SECONDS = Number(process.argv[2] ?? 20)
const WIDTH = 640
const HEIGHT = 360
const FPS = 30
const ROOM = 'glass'

/** Chromium's, which TypeScript's library does not have. */
declare class MediaStreamTrackGenerator extends MediaStreamTrack {
  constructor(init: { kind: 'video' })
  readonly writable: WritableStream<VideoFrame>
}

/**
 * In the page: a camera whose pictures carry the time they were taken at, as black and white squares of 40 pixels, 16
 * bits of milliseconds. Everything else moves, so that the encoder has work to do. Pictures go into the track as a
 * camera's do: a canvas would hold each back until the page is drawn, up to a sixtieth of a second.
 */
const bringCamera = ([width = 640, height = 360, fps = 30]: number[]) => {
  const track = new MediaStreamTrackGenerator({ kind: 'video' })
  const writer = track.writable.getWriter()
  const luma = width * height
  let n = 0
  setInterval(() => {
    n++
    const picture = new Uint8Array(luma * 1.5)
    for (let y = 80; y < height; y++) picture.fill((y + n * 3) % 256, y * width, (y + 1) * width)
    picture.fill(90 + (n % 60), luma, luma * 1.25)
    picture.fill(160, luma * 1.25)
    const time = Math.round(performance.timeOrigin + performance.now()) % 65_536
    for (let bit = 0; bit < 16; bit++) {
      for (let y = 0; y < 80; y++) {
        const at = y * width + bit * 40
        picture.fill(time & (1 << bit) ? 235 : 16, at, at + 40)
      }
    }
    const format = { format: 'I420', codedWidth: width, codedHeight: height } as const
    void writer.write(new VideoFrame(picture, { ...format, timestamp: performance.now() * 1000 }))
  }, 1000 / fps)
  navigator.mediaDevices.getUserMedia = async constraints => {
    if (!constraints?.video) throw new DOMException('no microphone here', 'NotFoundError')
    return new MediaStream([track])
  }
}

/** In the page: somebody without camera and microphone. */
const bringNothing = () => {
  navigator.mediaDevices.getUserMedia = async () => {
    throw new DOMException('no devices here', 'NotFoundError')
  }
}

/** In the page: ages of the pictures of the others, ms, for so long. */
const readAges = (seconds: number): Promise<number[]> =>
  new Promise((resolve, reject) => {
    type View = {
      call: { participants: { isLocal: boolean; track(source: string): MediaStreamTrack | undefined }[] }
    }
    const { call } = document.querySelector('tl-call') as unknown as View
    const track = call.participants.find(({ isLocal }) => !isLocal)?.track('camera')
    const video = [...document.querySelectorAll('video')].find(({ srcObject }) =>
      (srcObject as MediaStream | null)?.getTracks().some(one => one === track),
    )
    const canvas = document.createElement('canvas')
    canvas.width = 640
    canvas.height = 1
    const context = canvas.getContext('2d', { willReadFrequently: true })
    if (!video || !context) return reject(new Error('there is no picture of anybody else'))
    const ages: number[] = []
    const end = performance.now() + seconds * 1000
    const look = () => {
      const shown = performance.timeOrigin + performance.now()
      // A line through the middle of the squares: reading is to take no time from showing.
      context.drawImage(video, 0, video.videoHeight / 9, video.videoWidth, 1, 0, 0, 640, 1)
      let time = 0
      const { data } = context.getImageData(0, 0, 640, 1)
      for (let bit = 0; bit < 16; bit++) if ((data[(bit * 40 + 20) * 4] ?? 0) > 127) time |= 1 << bit
      ages.push((((Math.round(shown) - time) % 65_536) + 65_536) % 65_536)
      if (performance.now() < end) video.requestVideoFrameCallback(look)
      else resolve(ages)
    }
    video.requestVideoFrameCallback(look)
  })

const join = async (page: Page): Promise<void> => {
  await page.getByRole('button', { name: /^Join/ }).click()
}

const server = await startServer({ RTC_PORT: '0', TURN_PORT: '0' }, [])
const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...FLAGS] })
const open = async (name: string, sends: boolean): Promise<Page> => {
  const context = await browser.newContext({ viewport: { width: 1400, height: 800 } })
  const page = await context.newPage()
  await page.addInitScript(sends ? bringCamera : bringNothing, [WIDTH, HEIGHT, FPS])
  await page.goto(`${server.url}/r/${ROOM}?name=${name}`)
  return page
}
// One sends and one looks: they share two cores here, and would not elsewhere.
const [ada, ben] = [await open('Ada', true), await open('Ben', false)]
for (const page of [ada, ben]) await join(page)
await ben.waitForFunction(() => [...document.querySelectorAll('video')].some(video => video.videoWidth > 0))
// Until bandwidth is known, pictures are smaller and late.
await ben.waitForTimeout(8_000)
const ages = (await ben.evaluate(readAges, SECONDS)).toSorted((a, b) => a - b)
const size = await ben.evaluate(() =>
  Math.max(...[...document.querySelectorAll('video')].map(video => video.videoWidth)),
)
const at = (share: number) => ages[Math.floor((ages.length - 1) * share)] ?? 0
console.log(
  `${WIDTH}x${HEIGHT} at ${FPS} pictures a second, ${ages.length} looked at (${size} wide), load ${loadavg()[0]?.toFixed(1)}\n`,
)
console.log('| p5 | p50 | p95 | p99 |\n|---|---|---|---|')
console.log(`| ${[0.05, 0.5, 0.95, 0.99].map(share => `${at(share)} ms`).join(' | ')} |`)
await browser.close()
await server.stop()
process.exit(0)
