import type { Browser, Page } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { faults } from './support/axe.ts'
import { launchBrowser, pictures, type Visitor } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { arrive as arriveAt, enter, leave, makeRoom, rowOf } from './support/messenger-page.ts'
import { perform } from './support/operations.ts'
import { startServer, type TestServer } from './support/server.ts'
import { until as untilWithin } from './support/until.ts'

const WAIT_MS = 60_000
const SCREENS = [
  { width: 390, height: 844 },
  { width: 1300, height: 800 },
]

const until = <T>(what: string, look: () => T | Promise<T>) => untilWithin(what, look, WAIT_MS)

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register, env: { TRUNKLINE_DEMO: '1' } })
  browser = await launchBrowser(register)
}, 90_000)

const arrive = async (name: string): Promise<Visitor> => {
  const visitor = await arriveAt(browser, server.url, name)
  visitor.page.setDefaultTimeout(WAIT_MS)
  return visitor
}

const button = ({ page }: { page: Page }, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' })

/** How many pictures run. */
const running = async (visitor: Visitor): Promise<number> =>
  (await pictures(visitor)).filter(({ width }) => width > 0).length

const waitsAtTheDoor = async (visitor: Visitor): Promise<void> => {
  await visitor.page.getByText('Waiting for a host to let you in').waitFor()
  await until(`${visitor.name} sees a picture of their own`, async () => (await running(visitor)) === 1)
}

/** Opens how one is there, with the switch for call waiting. */
const ownSettings = async ({ page, name }: Visitor) => {
  await page
    .getByRole('button', { name: new RegExp(`^${name}`) })
    .first()
    .click()
  return page.getByRole('switch', { name: /^Call waiting/ })
}

test('in the messenger one waits at the door of a call, is turned away, let in, or goes again', async () => {
  const [mona, paul, nina] = (await Promise.all(['Mona Reis', 'Paul Wolf', 'Nina Falk'].map(arrive))) as [
    Visitor,
    Visitor,
    Visitor,
  ]
  await makeRoom(mona, { kind: 'Group', title: 'Ward 7', people: ['Paul Wolf', 'Nina Falk'] })
  const roomId = new URL(mona.page.url()).pathname.split('/').at(-1) ?? ''
  await perform(server.url, 'room:update', { roomId, lobby: true })

  // Who answers a ring waits as well.
  await button(mona, 'Video call').click()
  await button(paul, 'Accept').click()
  await waitsAtTheDoor(paul)
  await button(nina, 'Decline').click()
  for (const viewport of SCREENS) {
    await paul.page.setViewportSize(viewport)
    for (const [colorScheme, of] of [
      ['light', 'everything'],
      ['dark', 'colours'],
    ] as const) {
      await paul.page.emulateMedia({ colorScheme })
      expect.soft(await faults(paul, of), `${viewport.width}, ${colorScheme}`).toEqual([])
    }
  }
  await button(mona, 'Deny Paul Wolf').click()
  await paul.page.getByText('The host did not let you in').waitFor()
  expect(await faults(paul)).toEqual([])
  await button(paul, 'Knock again').click()
  await waitsAtTheDoor(paul)
  await button(mona, 'Admit Paul Wolf').click()
  await button(paul, 'Leave call').waitFor()
  for (const visitor of [mona, paul]) {
    await until(`${visitor.name} sees both`, async () => (await running(visitor)) === 2)
  }

  // Into a call that is under way, seen from the room; nobody is rung for it.
  await enter(nina, 'Ward 7')
  await button(nina, 'Ask to join the call').click()
  await waitsAtTheDoor(nina)
  await button(mona, 'Admit Nina Falk').waitFor()
  expect(await mona.page.getByRole('dialog', { name: /is calling$/ }).count()).toBe(0)
  await button(nina, 'Cancel').click()
  await nina.page.getByRole('textbox', { name: 'Message', exact: true }).waitFor()
  await until('nobody waits', async () => (await mona.page.locator('tl-waiting li').count()) === 0)

  const setting = await ownSettings(nina)
  expect(await setting.isChecked()).toBe(false)
  await setting.check()
  expect(await faults(nina)).toEqual([])
  await button(nina, 'Save').click()
  await nina.page.getByRole('dialog').waitFor({ state: 'hidden' })
  await nina.page.reload()
  await rowOf(nina, 'Ward 7').waitFor()
  await until('the switch is as it was left', async () => {
    const on = await (await ownSettings(nina)).isChecked()
    await nina.page.keyboard.press('Escape')
    return on
  })
  await leave(mona, paul, nina)
}, 300_000)
