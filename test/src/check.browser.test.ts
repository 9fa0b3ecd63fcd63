import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, onTestFinished, test } from 'vitest'
import { faults } from './support/axe.ts'
import { launchBrowser, trusting, type Visitor, visit } from './support/browser.ts'
import { CHROMIUM } from './support/chromium.ts'
import { mayMakeNetworks, Network, SERVER_ADDRESS } from './support/network.ts'
import { ORIGIN, startOn } from './support/networked.ts'
import { API_KEY, startServer } from './support/server.ts'
import { certificateFiles } from './support/turn.ts'

const run = promisify(execFile)

/** Where to keep pictures of the page, for people to look at; nowhere when unset. */
const SCREENSHOTS = process.env.TRUNKLINE_SCREENSHOTS

/** As long as the slowest may take: seven steps, of which each way that is shut is tried for a while. */
const CHECK_MS = 150_000

type Outcomes = Record<string, { outcome: string | null; words: string }>

/** Clicks start, waits for the end. @returns what each step came to */
const check = async ({ page }: Visitor): Promise<Outcomes> => {
  await page.getByRole('button', { name: 'Start the check' }).click()
  await page.getByRole('button', { name: 'Run again' }).waitFor({ timeout: CHECK_MS })
  const steps: Outcomes = {}
  for (const step of await page.locator('[data-step]').all()) {
    const name = (await step.getAttribute('data-step')) ?? ''
    const words = ((await step.textContent()) ?? '').replaceAll(/\s+/g, ' ')
    steps[name] = { outcome: await step.getAttribute('data-outcome'), words }
  }
  console.info(steps)
  return steps
}

const verdict = async ({ page }: Visitor): Promise<string> =>
  ((await page.locator('.verdict').textContent()) ?? '').trim()

/** Devices that this page opened and has not given back. */
const openDevices = ({ page }: Visitor): Promise<number> =>
  page.evaluate(
    () =>
      (window as unknown as { opened: MediaStreamTrack[] }).opened.filter(it => it.readyState === 'live')
        .length,
  )

/** Keeps every track the page opens, to see whether it gives them back. */
const watchDevices = async ({ page }: Visitor): Promise<void> => {
  await page.addInitScript(() => {
    const opened: MediaStreamTrack[] = []
    Object.assign(window, { opened })
    const { mediaDevices } = navigator
    const original = mediaDevices.getUserMedia.bind(mediaDevices)
    mediaDevices.getUserMedia = async constraints => {
      const stream = await original(constraints)
      opened.push(...stream.getTracks())
      return stream
    }
  })
  await page.reload()
}

test('everything works, and nothing is left behind', async () => {
  const certificate = await certificateFiles(onTestFinished)
  const server = await startServer({ env: certificate })
  const browser = await launchBrowser(undefined, [trusting(certificate.TLS_CERT)])
  const visitor = await visit(browser, server.url, 'Ada', { viewport: { width: 390, height: 844 } })
  const { page } = visitor
  await page.getByRole('link', { name: 'Check your connection' }).click()
  await page.waitForURL('**/check')
  await watchDevices(visitor)
  expect(await faults(visitor)).toEqual([])

  const rooms: string[] = []
  page.on('request', request => {
    if (request.url().endsWith('/v1/guest-tokens')) rooms.push(request.postDataJSON().roomId)
  })
  const seen = page.waitForFunction(() => (document.querySelector('video')?.videoWidth ?? 0) > 0)
  const [steps] = await Promise.all([
    check(visitor),
    seen.then(async () => {
      if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, 'check-running.png') })
    }),
  ])
  const top = await page.locator('.verdict').evaluate(it => it.getBoundingClientRect().top)
  expect(top).toBeGreaterThanOrEqual(0)
  if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, 'check-verdict.png') })
  const outcomes = Object.fromEntries(Object.entries(steps).map(([name, { outcome }]) => [name, outcome]))
  expect(outcomes).toEqual({
    camera: 'ok',
    mic: 'ok',
    server: 'ok',
    udp: 'ok',
    tcp: 'ok',
    turn: 'ok',
    // How much a machine carries that runs other tests as well is not for this one to judge.
    bandwidth: expect.stringMatching(/^(ok|warning)$/),
  })
  expect(steps.turn?.words).toMatch(/UDP \(port \d+\), TCP \(port \d+\), TLS \(port \d+\)/)
  expect(steps.server?.words).toContain('WebSocket')
  expect(await verdict(visitor)).toMatch(
    steps.bandwidth?.outcome === 'ok'
      ? /^Calls will work well from here\.$/
      : /^Calls will work from here, but/,
  )

  await expect.poll(() => openDevices(visitor)).toBe(0)
  const connections = await page.evaluate(() => window.peerConnections.map(it => it.connectionState))
  // Two participants, a way for each of what they send and receive: over UDP, TCP, three relays, and the measurement.
  expect(connections.length).toBeGreaterThanOrEqual(12)
  expect(new Set(connections)).toEqual(new Set(['closed']))
  // The room that was made for it goes with the last who leaves.
  expect(rooms).toHaveLength(1)
  const ask = () =>
    page.evaluate(
      async ([path, key]) => (await fetch(`${path}`, { headers: { authorization: `Bearer ${key}` } })).status,
      [`/v1/rooms/${rooms[0]}`, API_KEY],
    )
  await expect.poll(ask, { interval: 500 }).toBe(404)

  await page.getByRole('button', { name: 'Copy report' }).click()
  await page.getByRole('button', { name: 'Report copied' }).waitFor()
  const report = await page.evaluate(() => navigator.clipboard.readText())
  expect(report).toContain('[ok] Media over UDP')
  expect(report).not.toMatch(/127\.0\.0\.1|eyJ/)
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    if (SCREENSHOTS)
      await page.screenshot({ path: join(SCREENSHOTS, `check-good-${colorScheme}.png`), fullPage: true })
    expect(await faults(visitor), colorScheme).toEqual([])
  }
  expect(
    await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth),
  ).toBeLessThanOrEqual(0)
  // That the room is not there any more is what was asked for.
  expect(visitor.problems.filter(problem => !problem.includes(`/v1/rooms/${rooms[0]}`))).toEqual([])
}, 240_000)

test.runIf(mayMakeNetworks)(
  'a camera that is refused and a network without UDP: both are said, and the rest is tried',
  async () => {
    const network = await Network.create()
    await startOn(network)
    const host = await network.host()
    // What the server sends itself, as from a relay to its media port, is not on the line.
    const drop = 'nft add rule inet faults arriving iifname != lo udp dport 1-65535 drop'
    await run('ip', ['netns', 'exec', network.server, ...drop.split(' ')])
    const flags = [
      `--unsafely-treat-insecure-origin-as-secure=${ORIGIN}`,
      `--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE ${SERVER_ADDRESS}`,
    ]
    const browser = await launchBrowser(undefined, flags, host.launcher(CHROMIUM))
    const visitor = await visit(browser, `${ORIGIN}/check`, 'Ben')
    const { page } = visitor
    await page.addInitScript(() => {
      const { mediaDevices } = navigator
      const original = mediaDevices.getUserMedia.bind(mediaDevices)
      mediaDevices.getUserMedia = async constraints => {
        if (constraints?.video) throw new DOMException('Permission denied', 'NotAllowedError')
        return original(constraints)
      }
    })
    const token = await page.evaluate(async key => {
      const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' }
      const body = JSON.stringify({ userId: 'ben' })
      return (await (await fetch('/v1/tokens', { method: 'POST', headers, body })).json()).token as string
    }, API_KEY)
    await page.goto(`${ORIGIN}/check#token=${token}`)
    await page.reload()
    const made = page.waitForResponse(
      it => it.url().endsWith('/v1/rooms') && it.request().method() === 'POST',
      {
        timeout: CHECK_MS,
      },
    )

    const steps = await check(visitor)
    const { id } = await (await made).json()
    const status = await page.evaluate(
      async ([path, key]) => (await fetch(`${path}`, { headers: { authorization: `Bearer ${key}` } })).status,
      [`/v1/rooms/${id}`, API_KEY],
    )
    expect(status).toBe(404)
    expect(steps.camera).toMatchObject({ outcome: 'failed' })
    expect(steps.camera?.words).toContain('Allow the camera')
    expect(steps.mic).toMatchObject({ outcome: 'ok' })
    expect(steps.udp).toMatchObject({ outcome: 'failed' })
    expect(steps.tcp).toMatchObject({ outcome: 'ok' })
    expect(steps.turn?.words).toMatch(/work over TCP \(port \d+\), not over UDP/)
    expect(['ok', 'warning']).toContain(steps.bandwidth?.outcome)
    const sentence = await verdict(visitor)
    expect(sentence).toContain('Only TCP works from here')
    expect(sentence).toContain('Allow the camera')
    expect(await faults(visitor)).toEqual([])
    if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, 'check-tcp.png'), fullPage: true })
  },
  240_000,
)
