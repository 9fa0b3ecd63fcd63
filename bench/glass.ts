/**
 * From glass to glass: how long a picture takes from being drawn at one side of a call to being shown at the other,
 * through camera track, encoder, SFU, network stack, decoder and jitter buffer. Two pages of Chromium in a call of the
 * demo; the "camera" is a canvas that writes the time on its pictures, which the other side reads off its video.
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

/**
 * In the page: a camera whose pictures carry the time they were drawn at, as black and white squares of 40 pixels, 16
 * bits of milliseconds. Everything else moves, so that the encoder has work to do.
 */
const bringCamera = ([width, height, fps]: number[]) => {
  const canvas = document.createElement('canvas')
  canvas.width = width ?? 0
  canvas.height = height ?? 0
  const context = canvas.getContext('2d', { alpha: false })
  if (!context) throw new Error('no canvas')
  const stream = canvas.captureStream(0)
  const [track] = stream.getVideoTracks() as CanvasCaptureMediaStreamTrack[]
  let n = 0
  setInterval(
    () => {
      n++
      context.fillStyle = `hsl(${n % 360} 60% 60%)`
      context.fillRect(0, 0, canvas.width, canvas.height)
      context.fillStyle = `hsl(${(n + 180) % 360} 60% 30%)`
      context.fillRect((n * 7) % canvas.width, 160, 120, 120)
      const time = Math.round(performance.timeOrigin + performance.now()) % 65_536
      for (let bit = 0; bit < 16; bit++) {
        context.fillStyle = time & (1 << bit) ? '#fff' : '#000'
        context.fillRect(bit * 40, 0, 40, 80)
      }
      track?.requestFrame()
    },
    1000 / (fps ?? 30),
  )
  navigator.mediaDevices.getUserMedia = async constraints => {
    if (!constraints?.video) throw new DOMException('no microphone here', 'NotFoundError')
    return new MediaStream(stream.getVideoTracks())
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
    canvas.height = 80
    const context = canvas.getContext('2d', { willReadFrequently: true })
    if (!video || !context) return reject(new Error('there is no picture of anybody else'))
    const ages: number[] = []
    const end = performance.now() + seconds * 1000
    const look = () => {
      const shown = performance.timeOrigin + performance.now()
      context.drawImage(video, 0, 0, video.videoWidth, (80 / 360) * video.videoHeight, 0, 0, 640, 80)
      let time = 0
      for (let bit = 0; bit < 16; bit++) {
        const [red = 0] = context.getImageData(bit * 40 + 20, 40, 1, 1).data
        if (red > 127) time |= 1 << bit
      }
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
const open = async (name: string): Promise<Page> => {
  const context = await browser.newContext({ viewport: { width: 1400, height: 800 } })
  const page = await context.newPage()
  await page.addInitScript(bringCamera, [WIDTH, HEIGHT, FPS])
  await page.goto(`${server.url}/r/${ROOM}?name=${name}`)
  return page
}
const [ada, ben] = [await open('Ada'), await open('Ben')]
for (const page of [ada, ben]) await join(page)
await ben.waitForFunction(() => document.querySelectorAll('video').length === 2)
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
