import { expect, test } from 'vitest'
import { joinCall, launchBrowser, pictures, visit } from './support/browser.ts'
import { perform } from './support/operations.ts'
import { rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const WAIT_MS = 60_000

test('a guest waits in the lobby of a room that it does not see, and is in the call once a host has let it in', async () => {
  const { url } = await startServer()
  const roomId = 'ward-7'
  await perform(url, 'room:create', {
    id: roomId,
    kind: 'group',
    title: 'Ward seven',
    guests: true,
    lobby: true,
    members: ['mona'],
  })
  await rest(url, 'POST', `/v1/rooms/${roomId}/messages`, { body: { sender: 'mona', text: 'Said before' } })
  const guest = await visit(await launchBrowser(), `${url}/r/${roomId}?name=Paul`, 'Paul')
  const { page } = guest
  page.setDefaultTimeout(WAIT_MS)
  await joinCall(guest)
  await page.getByText('Waiting for a host to let you in').waitFor()
  expect(await page.locator('body').textContent()).not.toMatch(/Ward seven|Said before|mona/)
  const knocks = await until('the knock is there', async () => {
    const { body } = await perform(url, 'call:waiting', { roomId })
    return body.data.length > 0 && body.data
  })
  expect(knocks).toMatchObject([{ name: 'Paul' }])
  expect((await perform(url, 'call:admit', { roomId })).status).toBe(200)
  await page.getByRole('button', { name: 'Leave call' }).waitFor()
  await until(
    'Paul sees himself',
    async () => (await pictures(guest)).some(({ width }) => width > 0),
    WAIT_MS,
  )
  await page.getByText('Ward seven').first().waitFor()
  // The refusals of a room that was not open yet are no faults.
  expect(guest.problems).toEqual([])
}, 240_000)
