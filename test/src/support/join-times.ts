import { Rest } from '@trunkline/sdk'
import type { Browser, Page } from 'playwright-core'
import { takePicture, takeTone } from '../../../media/src/testing/takes.ts'
import { RtpPeer } from './rtp-peer.ts'

/**
 * From the click on "Join" in the demo's lobby to the others' faces, as the page itself sees it: for the bench and for
 * the test that prints the same.
 */

/** How many publish in the call already. */
export const OTHERS = 5
/** Whoever clicks has looked at the lobby first (ms). */
const LOOKING_MS = 1_500

/** Moments of the page's clock (ms). `seen`: when each of the others was first shown. */
export type JoinTimes = { clicked: number; asked: number; answered: number; seen: number[] }

declare global {
  interface Window {
    times: JoinTimes
  }
}

/** In the page: when the button was clicked, when the join was asked for and answered, when each picture was shown first. */
const keepTimes = () => {
  window.times = { clicked: 0, asked: 0, answered: 0, seen: [] }
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

/**
 * Brings the others into a room's call: real ICE, DTLS and SRTP peers that send a picture of 320x180, 25 times a second, and
 * sound made ahead of time. Nothing encodes here: that is what five other machines do, and this one is to be busy with a join.
 */
export const bringOthers = async (url: string, room: string): Promise<void> => {
  const sending = await Promise.all([takePicture('0x2060a0', 4), takeTone(440, 4)])
  for (let n = 1; n <= OTHERS; n++) {
    const { token } = await new Rest({ url }).createGuestToken(room, `O${n}`)
    await RtpPeer.publish({
      ...{ url, roomId: room, token, zero: performance.now(), obliging: true },
      sending: sending.map(take => ({ take })),
    })
  }
}

/** A page in the lobby of that room. */
export const visitLobby = async (
  browser: Browser,
  url: string,
  room: string,
  name: string,
): Promise<Page> => {
  const page = await (await browser.newContext({ viewport: { width: 1000, height: 700 } })).newPage()
  page.setDefaultTimeout(120_000)
  await page.addInitScript(keepTimes)
  await page.goto(`${url}/r/${room}?name=${name}`)
  return page
}

/** One more join, from the click on until all of the others are seen; the page has left again when it returns. */
export const measureJoin = async (page: Page): Promise<JoinTimes> => {
  const button = page.getByRole('button', { name: /^Join/ })
  await button.waitFor()
  await page.waitForTimeout(LOOKING_MS)
  await button.click()
  await page.waitForFunction(others => window.times.seen.length >= others, OTHERS)
  const times = await page.evaluate(() => window.times)
  await page.getByRole('button', { name: /^Leave/ }).click()
  await page.locator('tl-left').waitFor({ state: 'attached' })
  return times
}

const ROWS: [string, (times: JoinTimes) => number][] = [
  ['the request', ({ asked }) => asked],
  ['its answer', ({ answered }) => answered],
  ['the first face', ({ seen }) => Math.min(...seen)],
  ['all faces', ({ seen }) => Math.max(...seen)],
]

/** The distribution as a table of Markdown, ms. */
export const joinTable = (joins: Record<string, readonly JoinTimes[]>): string => {
  const lines = ['| from the click to | joins | p50 | p95 | max |', '|---|---|---|---|---|']
  for (const [who, times] of Object.entries(joins)) {
    for (const [what, at] of ROWS) {
      const sorted = times.map(one => at(one) - one.clicked).sort((a, b) => a - b)
      const value = (share: number) => `${Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)} ms`
      lines.push(`| ${[`${what}, ${who}`, sorted.length, value(0.5), value(0.95), value(1)].join(' | ')} |`)
    }
  }
  return lines.join('\n')
}
