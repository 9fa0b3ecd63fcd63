import type { Browser, Page } from 'playwright-core'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { faults } from './support/axe.ts'
import { joinCall, launchBrowser, pictures, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startServer, type TestServer } from './support/server.ts'

const WAIT = { timeout: 60_000, interval: 250 }

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

const arrive = async (name: string, viewport = { width: 1000, height: 700 }): Promise<Visitor> => {
  const visitor = await visit(browser, `${server.url}/r/private?name=${name}`, name, {
    reducedMotion: 'reduce',
    viewport,
  })
  onTestFinished(() => visitor.page.context().close())
  visitor.page.setDefaultTimeout(WAIT.timeout)
  return visitor
}
const come = async (visitor: Visitor): Promise<Visitor> => {
  await joinCall(visitor)
  await visitor.page.getByRole('button', { name: 'Leave call' }).waitFor()
  return visitor
}
const theSwitch = (page: Page) => page.getByRole('switch', { name: /^End-to-end encryption/ })
const sign = (page: Page) => page.getByRole('button', { name: /encrypted end to end/i })

const numberShown = async (page: Page): Promise<string> => {
  await sign(page).click()
  const number = (await page.getByLabel('Safety number', { exact: true }).textContent())?.replaceAll(
    /\s+/g,
    ' ',
  )
  return number?.trim() ?? ''
}

test('a call is encrypted by a switch in the lobby; who comes later does as those in it, and all see one number', async () => {
  const ada = await arrive('Ada')
  expect(await faults(ada)).toEqual([])
  await theSwitch(ada.page).check()
  await come(ada)
  // By the link, having chosen nothing.
  const ben = await come(await arrive('Ben', { width: 390, height: 844 }))
  for (const { page } of [ada, ben]) await sign(page).waitFor()
  await vi.waitFor(async () => {
    for (const visitor of [ada, ben]) {
      const shown = (await pictures(visitor)).filter(({ frames, width }) => frames > 0 && width > 0)
      expect(shown.length).toBe(2)
    }
  }, WAIT)
  const number = await numberShown(ada.page)
  expect(number).toMatch(/^(\d{5} ){5}\d{5}$/)
  expect(await numberShown(ben.page)).toBe(number)
  for (const visitor of [ada, ben]) expect(await faults(visitor)).toEqual([])
  await ada.page.getByText('Not seen before').waitFor()
  await ada.page.getByRole('button', { name: 'We all see this number' }).click()
  await ada.page.getByText('Compared', { exact: true }).waitFor()
  for (const { page } of [ada, ben]) await page.keyboard.press('Escape')

  // Who will have it otherwise is told what comes of it, before and after.
  const cleo = await arrive('Cleo')
  await theSwitch(cleo.page).check()
  await theSwitch(cleo.page).uncheck()
  await come(cleo)
  await cleo.page.getByText('Not encrypted', { exact: true }).waitFor()
  const told = /^Ada encrypts this call end to end, and you do not/
  await cleo.page.getByText(told).first().waitFor()
  await ada.page
    .getByText(/^Cleo is in this call without encryption/)
    .first()
    .waitFor()
  await ada.page.getByRole('button', { name: 'Partly encrypted end to end: not by everybody' }).waitFor()
  for (const visitor of [ada, cleo]) expect(await faults(visitor)).toEqual([])
  for (const { name, problems } of [ada, ben, cleo]) expect(problems, name).toEqual([])
}, 180_000)
