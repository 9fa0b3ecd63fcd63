import type { Browser, Locator } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import {
  arrive as arriveAt,
  boxOf,
  cardOf,
  enter,
  leave,
  makeRoom,
  messageOf,
  rowOf,
  say,
  WAIT,
} from './support/messenger-page.ts'
import { restartServer, startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  // Messaging alone: no calls, so no media worker.
  const env = { TRUNKLINE_DEMO: '1', TRUNKLINE_SECRET: 'a-secret-of-these-tests-alone' }
  server = await startServer({ register, services: ['signalling', 'media'], env })
  browser = await launchBrowser(register)
})

const arrive = (name: string, path?: string): Promise<Visitor> => arriveAt(browser, server.url, name, path)

const badgeOf = (visitor: Visitor, title: string): Locator => rowOf(visitor, title).locator('.badge')

const toolOf = async (visitor: Visitor, text: string, tool: string): Promise<void> => {
  await messageOf(visitor, text).locator('.bubble').hover()
  await messageOf(visitor, text).getByRole('button', { name: tool, exact: true }).click()
}

const fromMenu = async (visitor: Visitor, text: string, item: string): Promise<void> => {
  await toolOf(visitor, text, 'More')
  await visitor.page.getByRole('menuitem', { name: item, exact: true }).click()
}

test('three people talk: unread and mentions, ticks, typing, threads, reactions, edits, deletions, search', async () => {
  const [ada, ben, cleo] = (await Promise.all(
    ['Ada Lovelace', 'Ben Okafor', 'Cleo Marsh'].map(name => arrive(name)),
  )) as [Visitor, Visitor, Visitor]
  await makeRoom(ada, { kind: 'Group', title: 'Ward 7', people: ['Ben Okafor', 'Cleo Marsh'] })
  await rowOf(ben, 'Ward 7').waitFor()
  await say(ada, 'Is bed 4 ready?')

  // Unread, in the list and in the title of the page, until it is looked at; ticks follow.
  await vi.waitFor(async () => expect(await badgeOf(ben, 'Ward 7').textContent()).toMatch(/^1/), WAIT)
  await vi.waitFor(async () => expect(await ben.page.title()).toBe('(1) Messages · Trunkline'), WAIT)
  await messageOf(ada, 'Is bed 4 ready?').getByRole('img', { name: 'Delivered' }).waitFor()
  await enter(ben, 'Ward 7')
  await messageOf(ben, 'Is bed 4 ready?').waitFor()
  await vi.waitFor(async () => expect(await badgeOf(ben, 'Ward 7').count()).toBe(0), WAIT)
  await vi.waitFor(async () => expect(await ben.page.title()).toBe('Messages · Trunkline'), WAIT)
  await enter(cleo, 'Ward 7')
  await messageOf(ada, 'Is bed 4 ready?').getByRole('img', { name: 'Read' }).waitFor()

  await boxOf(ben).pressSequentially('In ten min')
  await ada.page.getByText('Ben Okafor is typing').waitFor()
  await boxOf(ben).fill('')
  await ada.page.getByText('Ben Okafor is typing').waitFor({ state: 'hidden' })

  // A thread.
  await toolOf(ben, 'Is bed 4 ready?', 'Reply in a thread')
  await say(ben, 'It is being cleaned', 'Message in the thread')
  await messageOf(ada, 'Is bed 4 ready?').getByText('1 reply').click()
  const thread = ada.page.getByRole('region', { name: 'Messages of the thread' })
  await thread.getByText('It is being cleaned').waitFor()
  expect(await messageOf(ada, 'It is being cleaned').count()).toBe(0)
  await ada.page.keyboard.press('Escape')
  await thread.waitFor({ state: 'hidden' })

  // A reaction.
  await toolOf(cleo, 'Is bed 4 ready?', 'React')
  await cleo.page
    .getByRole('menuitem', { name: '👍' })
    .or(cleo.page.getByRole('menuitemradio', { name: '👍' }))
    .click()
  await messageOf(ada, 'Is bed 4 ready?')
    .getByRole('button', { name: /^👍 1: Cleo/ })
    .waitFor()

  // One of those that are offered on asking.
  await fromMenu(cleo, 'Is bed 4 ready?', 'More reactions')
  await cleo.page
    .getByRole('menuitem', { name: '🚀' })
    .or(cleo.page.getByRole('menuitemradio', { name: '🚀' }))
    .click()
  await messageOf(ada, 'Is bed 4 ready?')
    .getByRole('button', { name: /^🚀 1: Cleo/ })
    .waitFor()

  // An edit, and a deletion.
  await fromMenu(ada, 'Is bed 4 ready?', 'Edit')
  await say(ada, 'Is bed 5 ready?')
  await messageOf(ben, 'Is bed 5 ready?').getByText('edited').waitFor()
  await say(ben, 'Who said that')
  await messageOf(cleo, 'Who said that').waitFor()
  await fromMenu(ben, 'Who said that', 'Delete')
  await ben.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click()
  await messageOf(cleo, 'This message was deleted').waitFor()
  expect(await messageOf(cleo, 'Who said that').count()).toBe(0)

  // A mention, of somebody who is elsewhere.
  await enter(cleo, 'Town square')
  await boxOf(ada).pressSequentially('Thank you @Cle')
  await ada.page.getByRole('option', { name: 'Cleo Marsh' }).click()
  await boxOf(ada).press('Enter')
  await rowOf(cleo, 'Ward 7').locator('.badge.mention').waitFor()

  // Found, and gone to.
  await cleo.page.getByRole('searchbox').fill('bed 5')
  await cleo.page.locator('tl-search-results').getByRole('button').filter({ hasText: 'ready?' }).click()
  await cleo.page.getByRole('heading', { level: 1, name: 'Ward 7' }).waitFor()
  await messageOf(cleo, 'Is bed 5 ready?').waitFor()
  await vi.waitFor(async () => expect(await badgeOf(cleo, 'Ward 7').count()).toBe(0), WAIT)

  await leave(ada, ben, cleo)
})

test('how somebody is there: by a dot and in words, away while not looked at, and gone', async () => {
  const [ada, ben] = (await Promise.all(['Ada Present', 'Ben Busy'].map(name => arrive(name)))) as [
    Visitor,
    Visitor,
  ]
  await ada.page.getByRole('searchbox').fill('Ben Busy')
  await ada.page.locator('tl-search-results').getByRole('button').filter({ hasText: 'Ben Busy' }).click()
  await ada.page.getByRole('heading', { level: 1, name: 'Ben Busy' }).waitFor()
  const dot = (status: string) => rowOf(ada, 'Ben Busy').locator(`.dot.${status}`)
  await dot('online').waitFor()

  const look = (hidden: boolean) =>
    ben.page.evaluate(isHidden => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => isHidden })
      document.dispatchEvent(new Event('visibilitychange'))
    }, hidden)
  await look(true)
  await dot('away').waitFor()
  await look(false)
  await dot('online').waitFor()

  // In words, by the keyboard alone; the focus comes back to where it was.
  const me = ben.page.getByRole('button', { name: /^Ben Busy/ }).first()
  await me.focus()
  await ben.page.keyboard.press('Enter')
  const dialog = ben.page.getByRole('dialog', { name: 'How you are there' })
  await dialog.getByRole('radio', { name: /^Do not disturb/ }).check()
  await dialog.getByRole('textbox', { name: 'In words' }).fill('In theatre until noon')
  await ben.page.keyboard.press('Enter')
  await dialog.waitFor({ state: 'hidden' })
  expect(await me.evaluate(element => element === document.activeElement)).toBe(true)
  await dot('dnd').waitFor()
  await ada.page.getByText('Do not disturb · In theatre until noon').first().waitFor()
  // Not looking does not take back what was said.
  await look(true)
  await look(false)
  await ben.page.reload()
  await ben.page.getByText('Do not disturb · In theatre until noon').first().waitFor()
  await dot('dnd').waitFor()

  await leave(ben)
  await dot('offline').waitFor()
  await ada.page.getByText(/Last seen at/).waitFor()
  await leave(ada)
})

test('invitations, requests, blocking and the end of a room', async () => {
  const [ada, ben] = (await Promise.all(['Ada Host', 'Ben Guest'].map(name => arrive(name)))) as [
    Visitor,
    Visitor,
  ]
  await makeRoom(ada, { kind: 'Group', title: 'Research club' })
  await ada.page.getByRole('button', { name: 'About this room' }).click()
  await ada.page.getByRole('button', { name: 'Add people' }).click()
  const add = ada.page.getByRole('dialog', { name: 'Add people' })
  await add.getByRole('textbox', { name: 'People' }).fill('Ben Guest')
  await add.getByRole('button', { name: 'Ben Guest', exact: true }).click()
  await add.getByRole('button', { name: 'Invite' }).click()
  await ada.page.getByRole('list', { name: 'Not in yet' }).getByText('Ben Guest').waitFor()
  await ben.page
    .getByRole('list', { name: 'Invitations and requests' })
    .getByRole('button', { name: 'Accept' })
    .click()
  await boxOf(ben).waitFor()

  await ada.page.getByRole('button', { name: 'Edit', exact: true }).click()
  const edit = ada.page.getByRole('dialog', { name: 'Edit this room' })
  await edit.getByRole('textbox', { name: 'Title' }).fill('Reading club')
  await edit.getByRole('combobox', { name: 'Messages' }).selectOption({ label: 'Kept for 30 days' })
  await edit.getByRole('button', { name: 'Save' }).click()
  await ben.page.getByRole('heading', { level: 1, name: 'Reading club' }).waitFor()

  const card = await cardOf(ben, 'Ada Host')
  await card.getByRole('button', { name: 'Block' }).click()
  await card.getByRole('button', { name: 'Unblock' }).click()
  await card.getByRole('button', { name: 'Block' }).waitFor()
  await ben.page.keyboard.press('Escape')

  const about = ada.page.getByRole('complementary', { name: 'About this room' })
  await about.getByRole('button', { name: 'Archive this room' }).click()
  await boxOf(ben).waitFor({ state: 'hidden' })
  await about.getByRole('button', { name: 'Restore this room' }).click()
  await boxOf(ben).waitFor()
  await about.getByRole('button', { name: 'Delete this room' }).click()
  await ada.page
    .getByRole('dialog', { name: 'Delete this room?' })
    .getByRole('button', { name: 'Delete' })
    .click()
  await ben.page.getByText('This room was deleted.').waitFor()
  await leave(ada, ben)
})

test('a server that refuses to be a demo says so, and a room nobody is in has a way back', async () => {
  const ada = await arrive('Ada Lost', '/chat/no-such-room')
  await ada.page.getByRole('heading', { name: 'You are not in this room' }).waitFor()
  await ada.page.getByRole('button', { name: 'Back to your rooms' }).click()
  await ada.page.getByRole('heading', { name: 'Your messages' }).waitFor()
  await leave(ada)

  const env = { TRUNKLINE_DEMO: '0', TRUNKLINE_SECRET: 'a-secret-of-these-tests-alone' }
  const strict = await startServer({ services: ['signalling', 'media'], env })
  const { page } = await visit(browser, strict.url, 'Ada')
  // The front page offers nothing that would be refused, and says how one comes in.
  await page.getByText('Rooms here are opened by an app').waitFor()
  expect(await page.getByRole('button').count()).toBe(0)
  expect(await page.getByRole('link', { name: 'Try messaging' }).count()).toBe(0)
  await page.goto(`${strict.url}/chat`)
  await page.getByRole('textbox', { name: 'Your name' }).fill('Ada')
  await page.getByRole('button', { name: 'Start' }).click()
  await page.getByRole('alert').filter({ hasText: 'This server runs no demo' }).waitFor()
  await page.context().close()
})

test('a server that is killed and started again loses nothing, and nobody has to click', async () => {
  const [ada, ben] = (await Promise.all(['Ada Steady', 'Ben Steady'].map(name => arrive(name)))) as [
    Visitor,
    Visitor,
  ]
  await makeRoom(ada, { kind: 'Group', title: 'Night shift', people: ['Ben Steady'] })
  await enter(ben, 'Night shift')
  await say(ada, 'before')
  await messageOf(ben, 'before').waitFor()

  await server.stop('SIGKILL')
  await ben.page.getByText('Reconnecting').first().waitFor()
  await say(ada, 'written meanwhile')
  await messageOf(ada, 'written meanwhile').getByRole('img', { name: 'Sending' }).waitFor()
  server = await restartServer(server, { register, services: ['signalling', 'media'] })

  await messageOf(ben, 'written meanwhile').waitFor()
  await messageOf(ada, 'written meanwhile').getByRole('img', { name: 'Read' }).waitFor()
  await ben.page.getByText('Reconnecting').first().waitFor({ state: 'hidden' })
  await say(ben, 'after')
  await messageOf(ada, 'after').waitFor()
  await vi.waitFor(
    async () => expect(await rowOf(ada, 'Night shift').textContent()).toContain('Ben Steady: after'),
    WAIT,
  )
  // A page that lost its server says so in the console, and rightly.
  for (const { page } of [ada, ben]) await page.context().close()
})
