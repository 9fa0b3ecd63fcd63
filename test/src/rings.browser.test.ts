import { join } from 'node:path'
import type { Browser, Page } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { faults } from './support/axe.ts'
import { launchBrowser, pictures, type Visitor } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { arrive as arriveAt, enter, leave, makeRoom, rowOf, say, WAIT } from './support/messenger-page.ts'
import { perform } from './support/operations.ts'
import { startServer, type TestServer } from './support/server.ts'

const SCREENS = [
  { width: 390, height: 844 },
  { width: 1440, height: 900 },
]
const SCHEMES = ['light', 'dark'] as const
/** Where to keep a picture of each screen, for people to look at; nowhere when unset. */
const SCREENSHOTS = process.env.TRUNKLINE_SCREENSHOTS

/** Media have to come up first. */
const LONG = { ...WAIT, timeout: 60_000 }

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register, env: { TRUNKLINE_DEMO: '1' } })
  browser = await launchBrowser(register)
}, 90_000)

const arrive = async (name: string): Promise<Visitor> => {
  const visitor = await arriveAt(browser, server.url, name)
  visitor.page.setDefaultTimeout(LONG.timeout)
  return visitor
}

/** One's direct room with somebody, opened. */
const writeTo = async (visitor: Visitor, name: string): Promise<void> => {
  const { page } = visitor
  await page.getByRole('searchbox').fill(name)
  await page.locator('tl-search-results').getByRole('button').filter({ hasText: name }).first().click()
  await page.getByRole('heading', { level: 1, name }).waitFor()
}

const ringing = (page: Page, caller: string) => page.getByRole('dialog', { name: `${caller} is calling` })
const button = (page: Pick<Page, 'getByRole'>, name: string) =>
  page.getByRole('button', { name, exact: true })

/** Every screen size and scheme of what a page shows now: no serious fault, nothing cut off at the side. */
const judge = async (visitor: Visitor, name: string): Promise<void> => {
  const { page } = visitor
  const before = page.viewportSize()
  for (const viewport of SCREENS) {
    await page.setViewportSize(viewport)
    for (const colorScheme of SCHEMES) {
      await page.emulateMedia({ colorScheme })
      if (SCREENSHOTS) {
        await page.screenshot({
          path: join(SCREENSHOTS, `ring-${name}-${viewport.width}-${colorScheme}.png`),
        })
      }
      const of = colorScheme === SCHEMES[0] ? 'everything' : 'colours'
      expect.soft(await faults(visitor, of), `${name}, ${viewport.width}, ${colorScheme}`).toEqual([])
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
      expect.soft(overflow, name).toBeLessThanOrEqual(0)
    }
  }
  if (before) await page.setViewportSize(before)
}

/** Another tab of the same person. */
const anotherTab = async ({ page, name }: Visitor): Promise<Page> => {
  const tab = await page.context().newPage()
  await tab.goto(`${server.url}/chat`)
  await tab.getByRole('button', { name: `Continue as ${name}` }).click()
  await tab.getByRole('navigation', { name: 'Rooms' }).waitFor()
  return tab
}

const see = async (visitor: Visitor, count: number): Promise<void> => {
  await vi.waitFor(async () => {
    const shown = await pictures(visitor)
    expect(shown.filter(({ frames, width }) => frames > 0 && width > 0)).toHaveLength(count)
  }, LONG)
}

test('a direct call: it rings on both tabs, one answers, one reads on, declined, cancelled, called back', async () => {
  const [ada, ben] = (await Promise.all(['Ada Lovelace', 'Ben Okafor'].map(arrive))) as [Visitor, Visitor]
  await writeTo(ada, 'Ben Okafor')
  await say(ada, 'May I call you?')
  await rowOf(ben, 'Ada Lovelace').waitFor()
  const tab = await anotherTab(ben)

  await button(ada.page, 'Video call').click()
  await ada.page.getByText('Calling: video call').waitFor()
  await Promise.all([ben.page, tab].map(page => ringing(page, 'Ada Lovelace').waitFor()))
  await expect.poll(() => tab.title()).toBe('Ada Lovelace is calling · Trunkline')
  await button(ringing(ben.page, 'Ada Lovelace'), 'Accept').click()
  await ringing(tab, 'Ada Lovelace').waitFor({ state: 'hidden' })
  await see(ada, 2)
  await see(ben, 2)

  // One reads on while the call goes on.
  await button(ben.page, 'Back to your messages').click()
  await enter(ben, 'Town square')
  const back = ben.page.getByRole('button', { name: /Back to the call: Ada Lovelace/ })
  await button(ben.page, 'Mute yourself').click()
  await button(ben.page, 'Unmute yourself').waitFor()
  await back.click()
  await see(ben, 2)
  await ben.page.getByRole('button', { name: /^Leave/ }).click()
  await ada.page.getByText('The call has ended').waitFor()
  await button(ada.page, 'Close').click()
  await ada.page.getByText(/^Call ended after/).waitFor()

  await button(ada.page, 'Voice call').click()
  await button(ringing(ben.page, 'Ada Lovelace'), 'Decline').click()
  await ada.page.getByText('Declined', { exact: true }).waitFor()
  await ringing(tab, 'Ada Lovelace').waitFor({ state: 'hidden' })
  await button(ada.page, 'Close').click()
  await ada.page.getByText('Your voice call was declined').waitFor()

  // Hung up before anybody answered.
  await button(ada.page, 'Voice call').click()
  await ringing(ben.page, 'Ada Lovelace').waitFor()
  await button(ada.page, 'Hang up').click()
  await ringing(ben.page, 'Ada Lovelace').waitFor({ state: 'hidden' })
  await rowOf(ben, 'Ada Lovelace').filter({ hasText: 'Missed voice call' }).locator('.badge').waitFor()
  await enter(ben, 'Ada Lovelace')
  await ben.page.getByText('Missed voice call from Ada Lovelace').waitFor()
  await vi.waitFor(
    async () => expect(await rowOf(ben, 'Ada Lovelace').locator('.badge').count()).toBe(0),
    WAIT,
  )
  await button(ben.page, 'Call back').click()
  await button(ringing(ada.page, 'Ben Okafor'), 'Message').click()
  await ben.page.getByText('Declined', { exact: true }).waitFor()
  await tab.close()
  await leave(ada, ben)
}, 300_000)

test('a group is rung: one comes, one declines; nobody answers in time; who calls, what was missed and all calls look right', async () => {
  const [cleo, dan, eva] = (await Promise.all(['Cleo Marsh', 'Dan Abel', 'Eva Stein'].map(arrive))) as [
    Visitor,
    Visitor,
    Visitor,
  ]
  await makeRoom(cleo, { kind: 'Group', title: 'Night shift', people: ['Dan Abel', 'Eva Stein'] })
  await button(cleo.page, 'Voice call').click()
  await ringing(dan.page, 'Cleo Marsh').getByText('Voice call in Night shift').waitFor()
  await button(ringing(dan.page, 'Cleo Marsh'), 'Accept').click()
  await button(ringing(eva.page, 'Cleo Marsh'), 'Decline').click()
  for (const visitor of [cleo, dan]) {
    await visitor.page.getByRole('button', { name: /^Leave/ }).waitFor()
  }
  // Who declined may still come.
  await enter(eva, 'Night shift')
  await eva.page.getByRole('button', { name: 'Join to the call, 2 in it' }).waitFor()
  await dan.page.getByRole('button', { name: /^Leave/ }).click()
  await cleo.page.getByRole('button', { name: /^Leave/ }).click()
  await cleo.page.getByText(/^Call ended after/).waitFor()

  const roomId = new URL(cleo.page.url()).pathname.split('/').at(-1) ?? ''
  const sender = await cleo.page.evaluate(
    () => JSON.parse(localStorage.getItem('trunkline.people') ?? '[]')[0].user.id as string,
  )
  const ring = (seconds: number) =>
    perform(server.url, 'ring:start', { roomId, media: 'video', seconds }, { sender })
  await ring(5)
  await ringing(dan.page, 'Cleo Marsh').waitFor()
  await ringing(dan.page, 'Cleo Marsh').waitFor({ state: 'hidden' })
  await rowOf(dan, 'Night shift').filter({ hasText: 'Missed video call' }).waitFor()

  const { body } = await ring(120)
  await ringing(dan.page, 'Cleo Marsh').waitFor()
  const mute = button(ringing(dan.page, 'Cleo Marsh'), 'Ring without a sound')
  await mute.click()
  await expect.poll(() => mute.getAttribute('aria-pressed')).toBe('true')
  await judge(dan, 'incoming')
  await perform(server.url, 'ring:cancel', { ringId: body.id }, { sender })
  await ringing(dan.page, 'Cleo Marsh').waitFor({ state: 'hidden' })
  await button(dan.page, 'Calls').click()
  const calls = dan.page.getByRole('navigation', { name: 'Calls' })
  await calls.getByText('Missed video call').first().waitFor()
  await calls.getByText('Incoming voice call').waitFor()
  await judge(dan, 'calls')
  await enter(eva, 'Night shift')
  await eva.page.getByText('Missed video call from Cleo Marsh').first().waitFor()
  await judge(eva, 'missed')
  await leave(cleo, dan, eva)
}, 400_000)
