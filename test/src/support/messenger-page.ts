import type { Browser, Locator } from 'playwright-core'
import { expect } from 'vitest'
import { type Visitor, visit } from './browser.ts'

export const WAIT = { timeout: 15_000, interval: 50 }

/** Somebody who has signed in by a name, in a browser profile of their own. */
export const arrive = async (
  browser: Browser,
  url: string,
  name: string,
  path = '/chat',
): Promise<Visitor> => {
  const visitor = await visit(browser, `${url}${path}`, name, {
    viewport: { width: 1300, height: 800 },
    reducedMotion: 'reduce',
  })
  const { page } = visitor
  page.setDefaultTimeout(WAIT.timeout)
  await page.getByRole('textbox', { name: 'Your name' }).fill(name)
  await page.getByRole('button', { name: 'Start' }).click()
  await rowOf(visitor, 'Town square').waitFor()
  return visitor
}

export const rowOf = ({ page }: Visitor, title: string): Locator =>
  page.getByRole('navigation', { name: 'Rooms' }).getByRole('button').filter({ hasText: title })

export const enter = async (visitor: Visitor, title: string): Promise<void> => {
  await rowOf(visitor, title).click()
  await visitor.page.getByRole('heading', { level: 1, name: title }).waitFor()
}

export const boxOf = ({ page }: Visitor, name = 'Message'): Locator =>
  page.getByRole('textbox', { name, exact: true })

export const say = async (visitor: Visitor, text: string, box = 'Message'): Promise<void> => {
  await boxOf(visitor, box).fill(text)
  await boxOf(visitor, box).press('Enter')
}

/** The message in the room that says this, whatever else says it beside the room. */
export const messageOf = ({ page }: Visitor, text: string): Locator =>
  page.getByRole('region', { name: 'Messages', exact: true }).getByRole('article').filter({ hasText: text })

/** Makes a room by the dialog, with people found by name, and opens it. */
export const makeRoom = async (
  visitor: Visitor,
  { kind, title, people = [] }: { kind: 'Group' | 'Channel'; title: string; people?: string[] },
): Promise<void> => {
  const { page } = visitor
  await page.getByRole('button', { name: 'New room' }).click()
  const dialog = page.getByRole('dialog', { name: 'New room' })
  await dialog.getByRole('radio', { name: new RegExp(`^${kind}`) }).check()
  await dialog.getByRole('textbox', { name: 'Title' }).fill(title)
  for (const name of people) {
    await dialog.getByRole('textbox', { name: 'People' }).fill(name)
    await dialog.getByRole('button', { name, exact: true }).click()
  }
  await dialog.getByRole('button', { name: 'Create' }).click()
  await page.getByRole('heading', { level: 1, name: title }).waitFor()
}

/** Opens what is known of a member, from the open room's details. */
export const cardOf = async ({ page }: Visitor, name: string): Promise<Locator> => {
  const about = page.getByRole('complementary', { name: 'About this room' })
  if (!(await about.isVisible())) await page.getByRole('button', { name: 'About this room' }).click()
  await about.locator('tl-members').getByRole('button').filter({ hasText: name }).click()
  return page.getByRole('dialog', { name })
}

/** Nothing went wrong in their pages, and they go. */
export const leave = async (...visitors: Visitor[]): Promise<void> => {
  for (const { page, name, problems } of visitors) {
    expect(problems, name).toEqual([])
    await page.context().close()
  }
}
