import type { Browser } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { launchBrowser, type Visitor } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import {
  arrive as arriveAt,
  boxOf,
  cardOf,
  leave,
  makeRoom,
  messageOf,
  rowOf,
  say,
} from './support/messenger-page.ts'
import { startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  // Messaging alone: no calls, so no media worker.
  const env = { TRUNKLINE_DEMO: '1', TRUNKLINE_SECRET: 'a-secret-of-these-tests-alone' }
  server = await startServer({ register, services: ['signalling', 'media'], env })
  browser = await launchBrowser(register)
})

const arrive = (name: string): Promise<Visitor> => arriveAt(browser, server.url, name)

test('a channel: found and followed, read only until one is promoted, and closed at once by a ban', async () => {
  const [ada, ben] = (await Promise.all(['Ada Owner', 'Ben Reader'].map(name => arrive(name)))) as [
    Visitor,
    Visitor,
  ]
  await makeRoom(ada, { kind: 'Channel', title: 'Hospital news' })
  await say(ada, 'The new entrance opens')

  await ben.page.getByRole('button', { name: 'Discover channels' }).click()
  const discover = ben.page.getByRole('dialog', { name: 'Discover channels' })
  await discover
    .getByRole('listitem')
    .filter({ hasText: 'Hospital news' })
    .getByRole('button', { name: 'Follow' })
    .click()
  await messageOf(ben, 'The new entrance opens').waitFor()
  expect(await boxOf(ben).count()).toBe(0)

  const card = await cardOf(ada, 'Ben Reader')
  await card.getByRole('radio', { name: /^Publisher/ }).check()
  await boxOf(ben).waitFor()
  await say(ben, 'Which badge does it take?')
  await messageOf(ada, 'Which badge does it take?').waitFor()
  // One is not offered what one may not do.
  await ada.page.keyboard.press('Escape')
  const ofOwner = await cardOf(ben, 'Ada Owner')
  expect(await ofOwner.getByRole('radio').count()).toBe(0)
  expect(await ofOwner.getByRole('button', { name: /^(Ban|Remove)/ }).count()).toBe(0)
  await ben.page.keyboard.press('Escape')

  const again = await cardOf(ada, 'Ben Reader')
  await again.getByRole('button', { name: 'Ban from the room' }).click()
  await again.getByRole('combobox', { name: 'How long' }).selectOption({ label: 'For 1 hour' })
  await again.getByRole('textbox', { name: 'Reason' }).fill('asks too much')
  await ada.page.evaluate(() => {
    document.addEventListener('click', () => Object.assign(window, { bannedAt: Date.now() }), {
      capture: true,
    })
  })
  await ben.page.evaluate(() => {
    new MutationObserver(() => {
      if (document.body.textContent.includes('You are banned from this room')) {
        const known = (window as unknown as { closedAt?: number }).closedAt
        Object.assign(window, { closedAt: known ?? Date.now() })
      }
    }).observe(document.body, { subtree: true, childList: true, characterData: true })
  })
  await again.getByRole('button', { name: 'Ban Ben Reader' }).click()
  await ben.page.getByRole('alert').filter({ hasText: 'You are banned from this room.' }).waitFor()
  const bannedAt = await ada.page.evaluate(() => (window as unknown as { bannedAt: number }).bannedAt)
  const closedAt = await ben.page.evaluate(() => (window as unknown as { closedAt: number }).closedAt)
  expect(closedAt - bannedAt).toBeLessThan(1_000)
  await rowOf(ben, 'Hospital news').waitFor({ state: 'hidden' })

  const bans = ada.page.getByRole('list', { name: 'Banned' })
  await bans.getByText('asks too much').waitFor()
  await bans.getByRole('button', { name: 'Unban Ben Reader' }).click()
  await bans.waitFor({ state: 'hidden' })
  await leave(ada, ben)
})
