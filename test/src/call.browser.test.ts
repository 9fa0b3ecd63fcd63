import { expect, test, vi } from 'vitest'
import { joinCall, launchBrowser, pictures, sounds, type Visitor, visit } from './support/browser.ts'
import { rest } from './support/rest.ts'
import { restartServer, startServer } from './support/server.ts'

const WAIT = { timeout: 45_000, interval: 250 }

/** Waits until this many pictures move here: frames are decoded, and their pixels change. */
const expectMoving = async (visitor: Visitor, count: number) => {
  await vi.waitFor(async () => {
    const before = await pictures(visitor)
    await visitor.page.waitForTimeout(400)
    const after = await pictures(visitor)
    const moving = after.filter((now, i) => {
      const then = before[i]
      return then && now.width > 0 && now.frames > then.frames && now.print !== then.print
    })
    expect(after, visitor.name).toHaveLength(count)
    expect(moving, visitor.name).toHaveLength(count)
  }, WAIT)
}

/** Waits until this many remote sounds have energy that grows. */
const expectSounds = async (visitor: Visitor, count: number) => {
  await vi.waitFor(async () => {
    const before = await sounds(visitor)
    // The fake microphone beeps once a second.
    await visitor.page.waitForTimeout(1_500)
    const after = await sounds(visitor)
    const heard = [...after].filter(
      ([ssrc, energy]) => energy > (before.get(ssrc) ?? Number.POSITIVE_INFINITY),
    )
    expect(heard, visitor.name).toHaveLength(count)
  }, WAIT)
}

const say = async ({ page }: Visitor, text: string) => {
  const box = page.getByRole('textbox', { name: 'Message' })
  await box.fill(text)
  await box.press('Enter')
}

const expectText = ({ page, name }: Visitor, text: string) =>
  vi.waitFor(async () => expect(await page.getByText(text, { exact: true }).count(), name).toBe(1), WAIT)

test('three people hold a call and chat; a reload and a restart of the server take nothing from them', async () => {
  let server = await startServer()
  const browser = await launchBrowser()
  const names = ['Ada', 'Ben', 'Cleo']
  const visitors = await Promise.all(
    names.map(name =>
      visit(browser, `${server.url}/r/rounds?name=${name}`, name, { viewport: { width: 1100, height: 700 } }),
    ),
  )
  const [ada, ben] = visitors as [Visitor, Visitor, Visitor]
  const everybody = (check: (visitor: Visitor) => Promise<unknown>) => Promise.all(visitors.map(check))

  await Promise.all(visitors.map(joinCall))
  await everybody(visitor => expectMoving(visitor, 3))
  await everybody(visitor => expectSounds(visitor, 2))

  await say(ada, 'Bed 4 is ready')
  await everybody(visitor => expectText(visitor, 'Bed 4 is ready'))
  await say(ben, 'On my way')
  await everybody(visitor => expectText(visitor, 'On my way'))

  await ben.page.reload()
  await joinCall(ben)
  await expectText(ben, 'Bed 4 is ready')
  await expectText(ben, 'On my way')
  await everybody(visitor => expectMoving(visitor, 3))

  // In the middle of the call, and nobody touches anything.
  await server.stop('SIGKILL')
  server = await restartServer(server)
  await everybody(visitor => expectMoving(visitor, 3))
  await everybody(visitor => expectSounds(visitor, 2))
  await everybody(visitor => expectText(visitor, 'Bed 4 is ready'))
  await say(ada, 'Still here')
  await everybody(visitor => expectText(visitor, 'Still here'))

  for (const { name, problems } of visitors) {
    // While the server is away or starting, the browser itself reports each refused connection; not ours to silence.
    expect(
      problems.filter(
        problem =>
          !/ERR_CONNECTION_REFUSED|503 \(Service Unavailable\)|WebSocket connection to/.test(problem),
      ),
      name,
    ).toEqual([])
  }
}, 240_000)

test('who leaves is gone for the others at once, and so is who closes the tab', async () => {
  const server = await startServer()
  const browser = await launchBrowser()
  const visitors = await Promise.all(
    ['Ada', 'Ben', 'Cleo'].map(name => visit(browser, `${server.url}/r/leaving?name=${name}`, name)),
  )
  const [ada, ben, cleo] = visitors as [Visitor, Visitor, Visitor]
  // Looking at the lobby makes nobody a member.
  await ada.page.getByRole('button', { name: /^Join/ }).waitFor()
  const { body } = await rest(server.url, 'GET', '/v1/rooms/leaving/members')
  expect(body.data ?? []).toEqual([])
  await Promise.all(visitors.map(joinCall))
  await expectMoving(ada, 3)
  await ben.page.getByRole('button', { name: /^Leave/ }).click()
  await expectMoving(ada, 2)
  await cleo.page.close()
  await expectMoving(ada, 1)
  expect(ada.problems).toEqual([])
}, 120_000)
