/**
 * From glass to glass: how long a picture takes from being drawn at one side of a call to being shown at the other,
 * through camera track, encoder, SFU, network stack, decoder and jitter buffer. Two pages of Chromium in a call of the
 * demo; the "camera" writes the time on its pictures, which the other side reads off its
 * video. Beside that the floor: two such pages connected to each other with nothing in between and nothing else on them.
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
/** Until bandwidth is known, pictures are smaller and late. */
const SETTLE_MS = 8_000

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
    const view = document.querySelector('tl-call') as unknown as View | null
    const track = view?.call.participants.find(({ isLocal }) => !isLocal)?.track('camera')
    const video = [...document.querySelectorAll('video')].find(
      ({ srcObject }) => !view || (srcObject as MediaStream | null)?.getTracks().some(one => one === track),
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

declare global {
  interface Window {
    bare: RTCPeerConnection
  }
}

/** In the page: offers its camera to another page, in the codec calls begin with. */
const offerBare = async (): Promise<string> => {
  const stream = await navigator.mediaDevices.getUserMedia({ video: true })
  window.bare = new RTCPeerConnection()
  const transceiver = window.bare.addTransceiver(stream.getVideoTracks()[0] as MediaStreamTrack, {
    direction: 'sendonly',
    sendEncodings: [{ maxBitrate: 1_500_000 }],
  })
  const { codecs } = RTCRtpSender.getCapabilities('video') ?? { codecs: [] }
  transceiver.setCodecPreferences(codecs.filter(({ mimeType }) => mimeType === 'video/VP8'))
  await window.bare.setLocalDescription()
  while (window.bare.iceGatheringState !== 'complete') await new Promise(resolve => setTimeout(resolve, 50))
  return window.bare.localDescription?.sdp ?? ''
}

/** In the page: shows what is offered. */
const answerBare = async (sdp: string): Promise<string> => {
  window.bare = new RTCPeerConnection()
  window.bare.ontrack = ({ track }) => {
    const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true, width: 1000 })
    video.srcObject = new MediaStream([track])
    document.body.append(video)
  }
  await window.bare.setRemoteDescription({ type: 'offer', sdp })
  await window.bare.setLocalDescription()
  while (window.bare.iceGatheringState !== 'complete') await new Promise(resolve => setTimeout(resolve, 50))
  return window.bare.localDescription?.sdp ?? ''
}

/** In the page that offered. */
const takeAnswer = (sdp: string): Promise<void> => window.bare.setRemoteDescription({ type: 'answer', sdp })

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
const sorted = (ages: number[]): number[] => ages.toSorted((a, b) => a - b)
const seesSomething = () => [...document.querySelectorAll('video')].some(video => video.videoWidth > 0)

// One sends and one looks: they share two cores here, and would not elsewhere.
const [ada, ben] = [await open('Ada', true), await open('Ben', false)]
for (const page of [ada, ben]) await join(page)
await ben.waitForFunction(seesSomething)
await ben.waitForTimeout(SETTLE_MS)
const inCall = sorted(await ben.evaluate(readAges, SECONDS))

for (const page of [ada, ben]) {
  await page.route('**/bare', route => route.fulfill({ contentType: 'text/html', body: '<body></body>' }))
  await page.goto(`${server.url}/bare`)
}
const answer = await ben.evaluate(answerBare, await ada.evaluate(offerBare))
await ada.evaluate(takeAnswer, answer)
await ben.waitForFunction(seesSomething)
await ben.waitForTimeout(SETTLE_MS)
const bare = sorted(await ben.evaluate(readAges, SECONDS))

console.log(`${WIDTH}x${HEIGHT} at ${FPS} pictures a second, VP8, load ${loadavg()[0]?.toFixed(1)}\n`)
console.log('| | pictures looked at | p5 | p50 | p95 | p99 |\n|---|---|---|---|---|---|')
for (const [what, ages] of [
  ['a call', inCall],
  ['two pages with nothing in between', bare],
] as const) {
  const at = (share: number) => `${ages[Math.floor((ages.length - 1) * share)] ?? 0} ms`
  console.log(`| ${[what, ages.length, ...[0.05, 0.5, 0.95, 0.99].map(at)].join(' | ')} |`)
}
await browser.close()
await server.stop()
process.exit(0)
