import type { Locator } from 'playwright-core'
import { expect, test } from 'vitest'
import { faults } from './support/axe.ts'
import { startBot } from './support/bot.ts'
import { launchBrowser } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { arrive, boxOf, enter, leave, messageOf, WAIT } from './support/messenger-page.ts'
import { rest } from './support/rest.ts'
import { startServer } from './support/server.ts'

const register = cleanUpAfterAll()

const areaOf = async (element: Locator) => {
  const area = await element.boundingBox()
  if (!area) throw new Error('it is not shown')
  return area
}

/** Somebody who looks at `outer` sees all of `inner`, as it is once it has come to rest. */
const expectWithin = (inner: Locator, outer: Locator) =>
  expect
    .poll(async () => {
      const [a, b] = await Promise.all([areaOf(inner), areaOf(outer)])
      const isWithin =
        a.x >= b.x - 1 &&
        a.y >= b.y - 1 &&
        a.x + a.width <= b.x + b.width + 1 &&
        a.y + a.height <= b.y + b.height + 1
      return isWithin || { inner: a, outer: b }
    }, WAIT)
    .toBe(true)

test('commands with what may follow, buttons, forms, and what one alone is shown', async () => {
  const env = { TRUNKLINE_DEMO: '1', TRUNKLINE_SECRET: 'a-secret-of-these-tests-alone' }
  const { url } = await startServer({ register, services: ['signalling'], env })
  const browser = await launchBrowser(register)
  const weather = await startBot(url, { id: 'weather', name: 'Weather', hears: 'nothing' }, register)
  const place = { kind: 'text', name: 'place', required: true, completes: true }
  const commands = [
    { name: 'weather', description: 'How warm it is', arguments: [place] },
    { name: 'week', description: 'The days to come' },
  ]
  await rest(url, 'PUT', '/v1/bots/weather/commands', { body: { commands } })
  let degrees = 7
  let reasons = 'Because of the sea'
  const report = () => ({
    text: `Oslo: ${degrees} °C`,
    controls: [
      { type: 'button', id: 'again', label: 'Again', style: 'primary' },
      { type: 'button', id: 'why', label: 'Why' },
      {
        type: 'form',
        id: 'book',
        label: 'Book a day',
        fields: [
          { kind: 'date', name: 'day', label: 'Day', required: true },
          { kind: 'choice', name: 'meal', label: 'Meal', choices: [{ value: 'fish', label: 'Fish' }] },
        ],
      },
    ],
  })
  weather.answer = asked => {
    if (asked.type === 'command.complete') return { choices: [{ value: 'Oslo', label: 'Oslo, Norway' }] }
    if (asked.type === 'command.run')
      return asked.data.name === 'weather' ? report() : { status: 500, body: '' }
    if (asked.type === 'button.pressed' && asked.data.buttonId === 'why')
      return { text: reasons, ephemeral: true }
    return asked.type === 'form.submitted'
      ? { update: { text: `Booked: ${JSON.stringify(asked.data.values)}` } }
      : { update: report() }
  }

  const ada = await arrive(browser, url, 'Ada Reader')
  const body = { userIds: ['weather'], role: 'publisher' }
  expect((await rest(url, 'POST', '/v1/rooms/town-square/members', { body })).status).toBe(200)
  await enter(ada, 'Town square')
  const box = boxOf(ada)
  const offered = ada.page.getByRole('listbox', { name: 'Commands' })
  await box.pressSequentially('/we')
  const week = offered.getByRole('option', { name: '/week' })
  await week.waitFor()
  // What it does stands below its name.
  const [name, about] = await Promise.all([areaOf(week.locator('strong')), areaOf(week.locator('small'))])
  expect(about.x).toBeCloseTo(name.x, 0)
  expect(about.y).toBeGreaterThanOrEqual(name.y + name.height - 1)
  await box.press('Enter')
  expect(await box.inputValue()).toBe('/weather ')
  await box.pressSequentially('Os')
  await offered.getByRole('option', { name: 'Oslo, Norway' }).click()
  expect(await box.inputValue()).toBe('/weather Oslo ')
  await box.press('Enter')
  const report7 = messageOf(ada, 'Oslo: 7 °C')
  await report7.waitFor()
  await expect.poll(() => box.inputValue()).toBe('')

  degrees = -3
  await report7.getByRole('button', { name: 'Again' }).click()
  const message = messageOf(ada, 'Oslo: -3 °C')
  await message.getByRole('button', { name: 'Why' }).click()
  const alone = ada.page.getByRole('log', { name: 'Only you see this' })
  await alone.getByText('Because of the sea').waitFor()
  await expectWithin(alone.getByRole('article'), alone)
  await message.getByRole('button', { name: 'Book a day' }).click()
  const form = message.getByRole('form', { name: 'Book a day' })
  await form.getByRole('button', { name: 'Send' }).click()
  await form.getByRole('alert').filter({ hasText: 'Day is missing.' }).waitFor()
  expect(await faults(ada)).toEqual([])
  await form.getByLabel('Day').fill('2026-11-24')
  await form.getByLabel('Meal').selectOption('Fish')
  await form.getByRole('button', { name: 'Send' }).click()
  await messageOf(ada, 'Booked: {"day":"2026-11-24","meal":"fish"}').waitFor()
  expect(await messageOf(ada, 'Booked').getByRole('button', { name: 'Book a day' }).count()).toBe(0)

  // On a small screen, the latest is read whatever stands above it, and the box leaves the messages their room.
  await ada.page.setViewportSize({ width: 390, height: 700 })
  degrees = 12
  await box.fill('/weather Oslo')
  await box.press('Escape')
  await box.press('Enter')
  const third = messageOf(ada, 'Oslo: 12 °C')
  for (const word of ['wind', 'clouds', 'mountains', 'season']) {
    reasons = `Because of the ${word}.\n`.repeat(4)
    await third.getByRole('button', { name: 'Why' }).click()
    const latest = alone.getByRole('article').filter({ hasText: word })
    await latest.waitFor()
    await expectWithin(latest, alone)
    await expectWithin(latest.getByRole('button', { name: 'Put away' }), alone)
  }
  expect((await areaOf(alone)).height).toBeLessThanOrEqual(280)
  await expectWithin(third.getByRole('button', { name: 'Why' }), third)
  await third.getByRole('button', { name: 'Book a day' }).click()
  await expectWithin(third.getByRole('form', { name: 'Book a day' }), third)
  for (let left = 5; left > 0; left -= 1) {
    await expect.poll(() => alone.getByRole('article').count(), WAIT).toBe(left)
    await alone.getByRole('button', { name: 'Put away' }).last().click()
  }
  await alone.waitFor({ state: 'hidden' })
  await ada.page.setViewportSize({ width: 1300, height: 800 })

  // What went wrong is said, and what was written stays.
  await box.fill('/week')
  await box.press('Escape')
  await box.press('Enter')
  await ada.page.getByRole('alert').filter({ hasText: 'Weather gave no answer. It answered 500' }).waitFor()
  expect(await box.inputValue()).toBe('/week')
  // What is nobody's command is said as it stands.
  await box.fill('/usr/bin is full')
  await box.press('Enter')
  await messageOf(ada, '/usr/bin is full').waitFor()

  // Nobody takes it for a person who is away.
  expect(await messageOf(ada, 'Booked').getByRole('heading').textContent()).toBe('Weather Bot')
  await box.fill('@Wea')
  await ada.page.getByRole('option', { name: 'Weather Bot' }).waitFor()
  await box.fill('')
  await ada.page.getByRole('button', { name: 'About this room' }).click()
  const row = ada.page.locator('tl-members').getByRole('button').filter({ hasText: 'Weather' })
  await row.getByText('Bot', { exact: true }).waitFor()
  expect(await row.getByText('Offline').count()).toBe(0)
  expect(await faults(ada)).toEqual([])
  await leave(ada)
})
