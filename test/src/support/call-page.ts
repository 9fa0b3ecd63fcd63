import type { Browser, BrowserContextOptions, Locator } from 'playwright-core'
import { onTestFinished } from 'vitest'
import { type Visitor, visit } from './browser.ts'
import { mintToken } from './rest.ts'
import { until } from './until.ts'

/** Two browsers and more on two cores that do other things as well. */
const WAIT_MS = 60_000

/** Somebody before a call of the demo, for the length of a test. What is said to them passes by: {@link heard} knows it still. */
export const visitCall = async (
  browser: Browser,
  options: { url: string; roomId: string; userId: string; name: string } & BrowserContextOptions,
): Promise<Visitor> => {
  const { url, roomId, userId, name, ...context } = options
  const token = await mintToken(url, userId, { name })
  const visitor = await visit(browser, `${url}/r/${roomId}#token=${token}`, name, context)
  const { page } = visitor
  onTestFinished(() => page.context().close())
  page.setDefaultTimeout(WAIT_MS)
  await page.evaluate(() => {
    const said: string[] = []
    Object.assign(window, { said })
    new MutationObserver(() => {
      const text = document.querySelector('tl-toast')?.textContent.trim()
      if (text) said.push(text)
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  return visitor
}

export const button = ({ page }: Visitor, name: string | RegExp): Locator =>
  page.getByRole('button', { name })

/** @throws Error with what the page says instead */
export const isInCall = async (visitor: Visitor): Promise<void> => {
  try {
    await button(visitor, 'Leave call').waitFor()
  } catch (cause) {
    const shown = await visitor.page.locator('body').ariaSnapshot()
    throw new Error(`${visitor.name} is not in the call, but sees:\n${shown}`, { cause })
  }
}

/** Waits until a sentence that begins so was said, now or before. */
export const heard = (visitor: Visitor, text: string): Promise<unknown> =>
  until(
    `${visitor.name} hears: ${text}`,
    () =>
      visitor.page.evaluate(
        wanted => (window as unknown as { said: string[] }).said.some(it => it.startsWith(wanted)),
        text,
      ),
    WAIT_MS,
  )

/** Chooses from the menu of a button. */
export const choose = async (visitor: Visitor, of: string, item: string): Promise<void> => {
  await button(visitor, of).click()
  await visitor.page.locator('.menu').getByText(item, { exact: true }).click()
}
