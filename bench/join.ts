/**
 * From the click on "Join" to the others' faces: a page of Chromium in the lobby of the demo, and five others who
 * publish pictures and sound in the call already. Printed as a distribution: until the first of the others is seen,
 * until all are, and what a click costs somebody who is not connected yet because nobody knows it here.
 *
 *     npm run bench join [rounds, 30 by default]
 */
import { loadavg } from 'node:os'
import { chromium, type Page } from 'playwright-core'
import { CHROMIUM, FLAGS } from '../test/src/support/chromium.ts'
import { startServer } from './server.ts'

const ROUNDS = Number(process.argv[2] ?? 30)
const OTHERS = 5
const ROOM = 'join'

type Times = { clicked: number; asked: number; answered: number; seen: number[] }

declare global {
  interface Window {
    times: Times
    connections: RTCPeerConnection[]
  }
}

/** In the page: when the button was clicked, when the join was asked for and answered, when each picture was shown first. */
const keepTimes = () => {
  window.times = { clicked: 0, asked: 0, answered: 0, seen: [] }
  window.connections = []
  const Original = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Original {
    constructor(configuration?: RTCConfiguration) {
      super(configuration)
      window.connections.push(this)
    }
  }
  document.addEventListener(
    'click',
    ({ target }) => {
      const button = (target as Element | null)?.closest('button')
      if (button?.textContent?.trim().startsWith('Join')) window.times.clicked = performance.now()
    },
    true,
  )
  const send = WebSocket.prototype.send
  WebSocket.prototype.send = function (data) {
    const id = typeof data === 'string' ? /^42(\d+)\["call:join"/.exec(data)?.[1] : undefined
    if (id) {
      window.times.asked = performance.now()
      this.addEventListener('message', ({ data: answer }) => {
        if (String(answer).startsWith(`43${id}[`)) window.times.answered ||= performance.now()
      })
    }
    send.call(this, data)
  }
  const watched = new WeakSet<Element>()
  new MutationObserver(() => {
    for (const video of document.querySelectorAll('video')) {
      // One's own is mirrored, and so is the preview.
      if (watched.has(video) || !/^Video of O/.test(video.ariaLabel ?? '')) continue
      watched.add(video)
      video.requestVideoFrameCallback(() => window.times.seen.push(performance.now()))
    }
  }).observe(document, { childList: true, subtree: true, attributes: true })
}

const join = (page: Page) => page.getByRole('button', { name: /^Join/ }).click()

const server = await startServer({ RTC_PORT: '0', TURN_PORT: '0' }, [])
const browser = await chromium.launch({ executablePath: CHROMIUM, headless: true, args: [...FLAGS] })
const visit = async (name: string): Promise<Page> => {
  const context = await browser.newContext({ viewport: { width: 1000, height: 700 } })
  const page = await context.newPage()
  page.setDefaultTimeout(120_000)
  await page.addInitScript(keepTimes)
  await page.goto(`${server.url}/r/${ROOM}?name=${name}`)
  return page
}

/**
 * In the page: five people in one tab, who send 320x180 at 15 pictures a second in two layers, and see each other small:
 * the machine is to be busy with a join, and not with what five machines do elsewhere.
 */
const bringOthers = async ([room, count]: [string, number]) => {
  const { Rest, Trunkline } = await import(/* @vite-ignore */ new URL('/sdk.js', location.href).href)
  const url = location.origin
  for (let n = 1; n <= count; n++) {
    const { token } = await new Rest({ url }).createGuestToken(room, `O${n}`)
    const opened = await new Trunkline({ url, token }).openRoom(room)
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: true,
      video: { width: 320, height: 180, frameRate: 15 },
    })
    const call = await opened.joinCall({
      camera: stream.getVideoTracks()[0],
      mic: stream.getAudioTracks()[0],
    })
    call.on('trackAdded', (participant: { isLocal: boolean }, source: string) => {
      if (!participant.isLocal) call.prefer(participant, source, 90)
    })
  }
}

const others = await (await browser.newContext()).newPage()
await others.goto(`${server.url}/icon.svg`)
await others.evaluate(bringOthers, [ROOM, OTHERS] as [string, number])

/** One more join, from the click on. */
const measure = async (page: Page): Promise<Times> => {
  await page.getByRole('button', { name: /^Join/ }).waitFor()
  // Whoever clicks has looked at the lobby first.
  await page.waitForTimeout(1_500)
  await join(page)
  await page.waitForFunction(others => window.times.seen.length >= others, OTHERS)
  const times = await page.evaluate(() => window.times)
  await page.getByRole('button', { name: /^Leave/ }).click()
  await page.locator('tl-left').waitFor({ state: 'attached' })
  return times
}

const strangers: Times[] = []
const known: Times[] = []
const page = await visit('Me')
await measure(page)
for (let n = 0; n < ROUNDS; n++) {
  await page.reload()
  known.push(await measure(page))
  if (n % 3 > 0) continue
  const stranger = await visit(`Stranger${n}`)
  strangers.push(await measure(stranger))
  await stranger.context().close()
}

const row = (what: string, values: number[]) => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (share: number) => sorted[Math.floor((sorted.length - 1) * share)] ?? 0
  const cells = [at(0.5), at(0.95), at(1)].map(ms => `${Math.round(ms)} ms`)
  console.log(`| ${[what, sorted.length, ...cells].join(' | ')} |`)
}
console.log(`${OTHERS} others publish; load ${loadavg()[0]?.toFixed(1)}\n`)
console.log('| from the click to | joins | p50 | p95 | max |\n|---|---|---|---|---|')
row(
  'the request',
  known.map(({ clicked, asked }) => asked - clicked),
)
row(
  'its answer',
  known.map(({ clicked, answered }) => answered - clicked),
)
row(
  'the first face',
  known.map(({ clicked, seen }) => Math.min(...seen) - clicked),
)
row(
  'all faces',
  known.map(({ clicked, seen }) => Math.max(...seen) - clicked),
)
row(
  'the first face, of who comes for the first time',
  strangers.map(({ clicked, seen }) => Math.min(...seen) - clicked),
)
await browser.close()
await server.stop()
process.exit(0)
