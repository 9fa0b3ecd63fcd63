import { join } from 'node:path'
import AxeBuilder from '@axe-core/playwright'
import type { Browser } from 'playwright-core'
import { beforeAll, describe, expect, test } from 'vitest'
import { joinCall, launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startServer, type TestServer } from './support/server.ts'

const SCREENS = [
  { width: 390, height: 844 },
  { width: 1440, height: 900 },
]

/** Where to keep a picture of each screen, for people to look at; nowhere when unset. */
const SCREENSHOTS = process.env.TRUNKLINE_SCREENSHOTS

/** Serious and critical faults, as sentences. */
const faults = async ({ page }: Visitor): Promise<string[]> => {
  const { violations } = await new AxeBuilder({ page }).analyze()
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, help, nodes }) => `${id}: ${help} (${nodes.map(node => node.target.join(' ')).join(', ')})`)
}

describe('the demo has no serious fault of accessibility and no error in the console', () => {
  let server: TestServer
  let browser: Browser
  const register = cleanUpAfterAll()

  beforeAll(async () => {
    server = await startServer({ register })
    browser = await launchBrowser(register)
  })

  for (const viewport of SCREENS) {
    for (const colorScheme of ['light', 'dark'] as const) {
      test(`${viewport.width}x${viewport.height}, ${colorScheme}`, async () => {
        const address = `${server.url}/r/access-${viewport.width}-${colorScheme}`
        const visitor = await visit(browser, `${address}?name=Ada`, 'Ada', {
          viewport,
          colorScheme,
          // Colours are judged when they have arrived, not half way through a fade.
          reducedMotion: 'reduce',
        })
        const { page } = visitor
        const shoot = async (name: string) => {
          if (!SCREENSHOTS) return
          await page.screenshot({ path: join(SCREENSHOTS, `${name}-${viewport.width}-${colorScheme}.png`) })
        }
        await page.getByRole('button', { name: /^Join/ }).waitFor()
        await shoot('pre-join')
        expect(await faults(visitor), 'pre-join').toEqual([])

        await joinCall(visitor)
        await page.getByRole('button', { name: /^Leave/ }).waitFor()
        await shoot('call')
        expect(await faults(visitor), 'call').toEqual([])

        const box = page.getByRole('textbox', { name: 'Message' })
        // On a phone the chat is a sheet of its own.
        if (!(await box.isVisible())) await page.getByRole('button', { name: /chat/i }).first().click()
        await box.fill('Is bed 4 ready? See https://example.org/beds')
        await box.press('Enter')
        await page.getByText('Is bed 4 ready?').first().waitFor()
        await shoot('chat')
        expect(await faults(visitor), 'chat').toEqual([])

        // Nothing may be cut off at the side.
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth)
        expect(overflow).toBeLessThanOrEqual(0)

        await page.goto(server.url)
        await page.getByRole('button').first().waitFor()
        expect(await faults(visitor), 'landing').toEqual([])
        expect(visitor.problems).toEqual([])
        await page.context().close()
      })
    }
  }
})
