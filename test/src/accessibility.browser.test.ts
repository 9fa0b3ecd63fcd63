import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { beforeAll, describe, type TestContext, test } from 'vitest'
import { faults } from './support/axe.ts'
import { joinCall, launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { demoPerson, livelyMessenger } from './support/lively-messenger.ts'
import { startServer, type TestServer } from './support/server.ts'

/** How a page is opened; whatever is looked at is then judged in either scheme. */
const SCREENS = [
  { width: 390, height: 844, colorScheme: 'dark' },
  { width: 1440, height: 900, colorScheme: 'light' },
] as const
const SCHEMES = ['light', 'dark'] as const

/** Where to keep a picture of each screen, for people to look at; nowhere when unset. */
const SCREENSHOTS = process.env.TRUNKLINE_SCREENSHOTS

/** In light and in dark: takes a picture for people, then judges, no serious fault, and nothing cut off at the side. */
const judge = async ({ expect }: TestContext, visitor: Visitor, name: string): Promise<void> => {
  const { page } = visitor
  for (const colorScheme of SCHEMES) {
    const of = colorScheme === SCHEMES[0] ? 'everything' : 'colours'
    await page.emulateMedia({ colorScheme })
    const suffix = `${page.viewportSize()?.width}-${colorScheme}`
    if (SCREENSHOTS) await page.screenshot({ path: join(SCREENSHOTS, `${name}-${suffix}.png`) })
    // All that is wrong, rather than the first of it.
    expect.soft(await faults(visitor, of), `${name}-${suffix}`).toEqual([])
    const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
    expect.soft(overflow, `${name}-${suffix}`).toBeLessThanOrEqual(0)
  }
}

/** Some twenty screens, each judged twice. */
const LIMIT = { timeout: 240_000 }

describe('the demo has no serious fault of accessibility and no error in the console', LIMIT, () => {
  let server: TestServer
  let browser: Browser
  const register = cleanUpAfterAll()

  beforeAll(async () => {
    server = await startServer({ register })
    browser = await launchBrowser(register)
  })

  // Two at a time: each page is judged by a process of its own.
  for (const { colorScheme, ...viewport } of SCREENS) {
    test.concurrent(`${viewport.width}x${viewport.height}`, async context => {
      const address = `${server.url}/r/access-${viewport.width}`
      const visitor = await visit(browser, `${address}?name=Ada`, 'Ada', {
        viewport,
        colorScheme,
        // Colours are judged when they have arrived, not half way through a fade.
        reducedMotion: 'reduce',
      })
      const { page } = visitor
      const look = (name: string) => judge(context, visitor, name)
      await page.getByRole('button', { name: /^Join/ }).waitFor()
      await look('pre-join')

      await joinCall(visitor)
      await page.getByRole('button', { name: /^Leave/ }).waitFor()
      await look('call')
      await page.getByRole('button', { name: /^Your connection/ }).click()
      await page.getByRole('heading', { name: 'Your connection' }).waitFor()
      await look('call-quality')
      await page.keyboard.press('Escape')

      const box = page.getByRole('textbox', { name: 'Message' })
      // On a phone the chat is a sheet of its own.
      if (!(await box.isVisible())) await page.getByRole('button', { name: /chat/i }).first().click()
      await box.fill('Is bed 4 ready? See https://example.org/beds')
      await box.press('Enter')
      await page.getByText('Is bed 4 ready?').first().waitFor()
      await look('chat')

      await page.goto(server.url)
      await page.getByRole('button').first().waitFor()
      await look('landing')
      context.expect(visitor.problems).toEqual([])
      await page.context().close()
    })

    test.concurrent(`messaging, ${viewport.width}x${viewport.height}`, async context => {
      const visitor = await visit(browser, `${server.url}/chat`, 'Mara Lind', {
        viewport,
        colorScheme,
        reducedMotion: 'reduce',
      })
      const { page } = visitor
      page.setDefaultTimeout(15_000)
      const look = (name: string) => judge(context, visitor, `messenger-${name}`)
      const isPhone = viewport.width < 760
      const dialog = async (name: string, open: () => Promise<void>) => {
        await open()
        await page.getByRole('dialog').waitFor()
        await look(name)
        await page.keyboard.press('Escape')
        await page.getByRole('dialog').waitFor({ state: 'hidden' })
      }
      const press = (name: string) => page.getByRole('button', { name, exact: true }).click()

      await page.getByRole('textbox', { name: 'Your name' }).fill('Mara Lind')
      await look('sign-in')
      await press('Start')
      const rooms = page.getByRole('navigation', { name: 'Rooms' })
      await rooms.getByRole('button', { name: /^Town square/ }).waitFor()
      await look('empty')

      // Somebody whose rooms tell something; the others have been there a moment ago.
      const mara = await demoPerson(server.url, 'Mara Lind')
      await livelyMessenger(server.url, mara)
      await page.evaluate(person => {
        localStorage.setItem('trunkline.people', JSON.stringify([person]))
        sessionStorage.setItem('trunkline.person', person.user.id)
      }, mara)
      await page.reload()
      await rooms.getByRole('button', { name: /^Jonas Weber/ }).waitFor()
      await look('list')
      await dialog('status', () =>
        page
          .getByRole('button', { name: /^Mara Lind/ })
          .first()
          .click(),
      )
      await dialog('discover', () => press('Discover channels'))
      await dialog('new', async () => {
        await press('New room')
        await page.getByRole('textbox', { name: 'People' }).fill('Jonas')
        await page.getByRole('button', { name: 'Jonas Weber', exact: true }).first().click()
      })
      const search = page.getByRole('searchbox')
      await search.fill('bed')
      await page.locator('tl-search-results').getByRole('button').first().waitFor()
      await look('search')
      await search.press('Escape')

      await rooms.getByRole('button', { name: /^Ward 7/ }).click()
      await page.getByText('On my way with her now').waitFor()
      await look('room')
      await page.getByRole('button', { name: '3 replies' }).click()
      await page.getByText('I cover the phone until twelve.').waitFor()
      await look('thread')
      await press(isPhone ? 'Back to the room' : 'Close thread')
      await press('About this room')
      const members = page.locator('tl-members')
      await members.getByRole('button', { name: /^Jonas Weber/ }).waitFor()
      await look('about')
      await dialog('member', () => members.getByRole('button', { name: /^Jonas Weber/ }).click())
      await dialog('ban', async () => {
        await members.getByRole('button', { name: /^Jonas Weber/ }).click()
        await press('Ban from the room')
      })
      await dialog('edit', () => press('Edit'))
      await dialog('add', () => press('Add people'))
      await dialog('question', () => press('Delete this room'))

      await page.goto(`${server.url}/chat/no-such-room`)
      await page.getByRole('heading', { name: 'You are not in this room' }).waitFor()
      await look('refused')
      await page.goto(`${server.url}/r/only-chat-${viewport.width}?name=Ada`)
      await press('Only chat')
      await page.getByRole('textbox', { name: 'Message' }).waitFor()
      await look('only-chat')
      context.expect(visitor.problems).toEqual([])
      await page.context().close()
    })
  }
})
