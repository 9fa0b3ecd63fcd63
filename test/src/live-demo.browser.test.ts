import { spawn } from 'node:child_process'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { faults } from './support/axe.ts'
import { joinCall, launchBrowser, type Visitor, visit } from './support/browser.ts'
import { button, choose, heard, isInCall, visitCall } from './support/call-page.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { freePort, startServer, type TestServer } from './support/server.ts'
import { until } from './support/until.ts'

/** Three pages, a decoder of each picture and an encoder on two cores that do other things as well. */
const LIMIT_MS = 400_000
const WAIT_MS = 120_000

/** Where to keep a picture of each screen, for people to look at; nowhere when unset. */
const SCREENSHOTS = process.env.TRUNKLINE_SCREENSHOTS

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register, env: { LIVE_PRIVATE_TARGETS: '1' } })
  browser = await launchBrowser(register)
})

/** A streaming service that takes what it is sent. */
const service = async (): Promise<number> => {
  const port = await freePort()
  const address = `rtmp://127.0.0.1:${port}/app/a-stream-key`
  const args = ['-nostdin', '-v', 'quiet', '-listen', '1', '-f', 'flv', '-i', address, '-f', 'null', '-']
  const child = spawn('ffmpeg', args, { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return port
}

/** In light and in dark, wide and on a phone: no fault, and nothing cut off at the side. */
const judge = async ({ page, ...rest }: Visitor, name: string): Promise<void> => {
  const before = page.viewportSize()
  for (const [width, height] of [
    [390, 844],
    [1_000, 700],
  ] as const) {
    await page.setViewportSize({ width, height })
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const shown = `${name}-${width}-${colorScheme}`
      if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${shown}.png` })
      expect.soft(await faults({ page, ...rest }), shown).toEqual([])
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      expect.soft(overflow, shown).toBeLessThanOrEqual(0)
    }
  }
  if (before) await page.setViewportSize(before)
}

test('a host shows a call live by the demo, everybody is told, and whoever has the link watches', {
  timeout: LIMIT_MS,
}, async () => {
  const { url } = server
  const roomId = 'lecture'
  await perform(url, 'room:create', {
    ...{ id: roomId, kind: 'group', title: 'Lecture', members: ['mona', 'paul', 'nina'] },
  })
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  const mona = await visitCall(browser, { url, roomId, userId: 'mona', name: 'Mona' })
  const paul = await visitCall(browser, { url, roomId, userId: 'paul', name: 'Paul' })
  for (const visitor of [mona, paul]) {
    await joinCall(visitor)
    await isInCall(visitor)
  }
  expect(await button(paul, 'Host controls').count()).toBe(0)

  const dialog = mona.page.getByRole('dialog', { name: 'Live stream' })
  await choose(mona, 'Host controls', 'Stream live')
  await dialog.getByRole('switch', { name: /^Streaming service/ }).check()
  await dialog.getByRole('button', { name: 'Go live' }).click()
  await dialog.getByRole('alert').getByText('Enter the server of your streaming service').waitFor()
  await judge(mona, 'live-form')
  await dialog.getByRole('textbox', { name: 'Server' }).fill(`rtmp://127.0.0.1:${await service()}/app`)
  await dialog.getByRole('textbox', { name: 'Stream key' }).fill('a-stream-key')
  // By the keyboard.
  await dialog.getByRole('textbox', { name: 'Stream key' }).press('Enter')

  const link = dialog.getByRole('textbox', { name: 'Link to watch' })
  await link.waitFor()
  await heard(paul, 'This call is shown live: others can watch it')
  await paul.page.locator('.live-sign').getByText('Live', { exact: true }).waitFor()
  await dialog.getByText('Your streaming service takes the stream.').waitFor({ timeout: WAIT_MS })
  await judge(mona, 'live-on')
  await dialog.getByRole('button', { name: 'Copy: Link to watch' }).click()
  await dialog.getByRole('button', { name: 'Copied: Link to watch' }).waitFor()
  const address = await link.inputValue()
  expect(await mona.page.evaluate(() => navigator.clipboard.readText())).toBe(address)

  // Who is about to come in reads it before.
  const nina = await visitCall(browser, { url, roomId, userId: 'nina', name: 'Nina' })
  await nina.page.getByText('This call is being shown live to others.').waitFor()
  await judge(nina, 'live-lobby')
  await nina.page.close()

  const watcher = await visit(browser, address, 'watcher')
  onTestFinished(() => watcher.page.context().close())
  const seen = () =>
    watcher.page.evaluate(() => {
      const { videoWidth: width = 0, currentTime: at = 0 } = document.querySelector('video') ?? {}
      return { width, at }
    })
  await until('the picture is there', async () => (await seen()).width === 1_280, WAIT_MS)
  const { at } = await seen()
  await until('it goes on', async () => (await seen()).at > at + 3, WAIT_MS)
  await judge(watcher, 'live-watch')
  await watcher.page.context().close()

  await dialog.getByRole('button', { name: 'Pause' }).click()
  await heard(paul, 'The live stream is paused')
  await paul.page.locator('.live-sign').getByText('Live, paused').waitFor()
  await dialog.getByRole('button', { name: 'Go on' }).click()
  await dialog.getByRole('button', { name: 'Pause' }).waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()

  // Both at once, and the sign leads back to it.
  await choose(mona, 'Host controls', 'Record call')
  await heard(paul, 'This call is being recorded')
  await judge(mona, 'live-recorded')
  await button(mona, 'Live').click()
  await link.waitFor()
  await dialog.getByRole('button', { name: 'Stop stream' }).click()
  await heard(paul, 'The live stream has ended')
  await until('no sign is left', async () => (await paul.page.locator('.live-sign').count()) === 0, WAIT_MS)
  await paul.page.getByText('Mona streamed the call live').first().waitFor()
  await paul.page.getByText('The live stream ended after').first().waitFor({ timeout: WAIT_MS })
  for (const { problems } of [mona, paul]) expect(problems).toEqual([])
})
