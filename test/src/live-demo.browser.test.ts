import { spawn } from 'node:child_process'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { faults } from './support/axe.ts'
import { joinCall, launchBrowser, type Visitor } from './support/browser.ts'
import { button, choose, heard, isInCall, visitCall } from './support/call-page.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { freePort, startServer, type TestServer } from './support/server.ts'
import { until } from './support/until.ts'

/** Two pages and an encoder on two cores that do other things as well. */
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
  const args = [
    '-nostdin',
    '-v',
    'quiet',
    '-listen',
    '1',
    '-f',
    'flv',
    '-i',
    address,
    '-c',
    'copy',
    '-f',
    'null',
    '-',
  ]
  const child = spawn('ffmpeg', args, { stdio: 'ignore' })
  onTestFinished(() => void child.kill('SIGKILL'))
  return port
}

/** Dark on a phone, and light on a screen: no fault, and nothing cut off at the side. */
const SCREENS = [
  { width: 390, height: 844, colorScheme: 'dark' },
  { width: 1_000, height: 700, colorScheme: 'light' },
] as const

const judge = async (visitor: Visitor, name: string): Promise<void> => {
  const { page } = visitor
  for (const { colorScheme, ...size } of SCREENS) {
    await page.setViewportSize(size)
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
    const shown = `${name}-${size.width}-${colorScheme}`
    expect.soft(await faults(visitor), shown).toEqual([])
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect.soft(overflow, shown).toBeLessThanOrEqual(0)
    if (SCREENSHOTS) await page.screenshot({ path: `${SCREENSHOTS}/${shown}.png` })
  }
}

test('a host shows a call live by the demo, everybody is told, and whoever has the link watches', {
  timeout: LIMIT_MS,
}, async () => {
  const { url } = server
  const roomId = 'lecture'
  await perform(url, 'room:create', {
    ...{ id: roomId, kind: 'group', title: 'Lecture', members: ['mona', 'paul'] },
  })
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  const mona = await visitCall(browser, { url, roomId, userId: 'mona', name: 'Mona' })
  // What is shown is a name: nobody has to encode and decode pictures beside.
  await button(mona, 'Turn camera off').click()
  await joinCall(mona)
  await isInCall(mona)

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
  await dialog.getByText('Your streaming service takes the stream.').waitFor({ timeout: WAIT_MS })
  await judge(mona, 'live-on')
  await dialog.getByRole('button', { name: 'Copy: Link to watch' }).click()
  await dialog.getByRole('button', { name: 'Copied: Link to watch' }).waitFor()
  const address = await link.inputValue()
  expect(await mona.page.evaluate(() => navigator.clipboard.readText())).toBe(address)

  // Who is about to come in reads it before, and is told again.
  const paul = await visitCall(browser, { url, roomId, userId: 'paul', name: 'Paul' })
  await paul.page.getByText('This call is being shown live to others.').waitFor({ timeout: WAIT_MS })
  await button(paul, 'Turn camera off').click()
  await joinCall(paul)
  await isInCall(paul)
  await heard(paul, 'This call is shown live: others can watch it')
  await paul.page.locator('.live-sign').getByText('Live', { exact: true }).waitFor()
  expect(await button(paul, 'Host controls').count()).toBe(0)
  await dialog.getByRole('button', { name: 'Pause' }).click()
  await heard(paul, 'The live stream is paused')
  await paul.page.locator('.live-sign').getByText('Live, paused').waitFor()
  await dialog.getByRole('button', { name: 'Go on' }).click()
  await dialog.getByRole('button', { name: 'Pause' }).waitFor()
  await dialog.getByRole('button', { name: 'Close' }).click()

  expect(paul.problems).toEqual([])
  await paul.page.goto(address)
  const seen = () =>
    paul.page.evaluate(() => {
      const { videoWidth: width = 0, currentTime: at = 0 } = document.querySelector('video') ?? {}
      return { width, at }
    })
  await until('the picture is there', async () => (await seen()).width === 1_280, WAIT_MS)
  const { at } = await seen()
  await until('it goes on', async () => (await seen()).at > at + 1, WAIT_MS)
  await judge(paul, 'live-watch')
  await paul.page.close()

  // The sign leads back to it.
  await button(mona, 'Live').click()
  await link.waitFor()
  await dialog.getByRole('button', { name: 'Stop stream' }).click()
  await heard(mona, 'The live stream has ended')
  await until('no sign is left', async () => (await mona.page.locator('.live-sign').count()) === 0, WAIT_MS)
  await mona.page.getByText('You streamed the call live').first().waitFor()
  await mona.page.getByText('The live stream ended after').first().waitFor({ timeout: WAIT_MS })
  expect(mona.problems).toEqual([])
})
