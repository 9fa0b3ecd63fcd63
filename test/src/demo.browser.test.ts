import { createServer } from 'node:http'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { joinCall, launchBrowser, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

test('a wrong link opened in a browser shows a page, and problem+json to a program', async () => {
  const { page } = await visit(browser, `${server.url}/r/Ward%207%20%2F%20x`, 'Ada')
  await page.getByText('There is no such room at this address').waitFor()
  const answer = await page.goto(`${server.url}/nothere`)
  expect(answer?.status()).toBe(404)
  await page.getByText('There is no such room at this address').waitFor()
  expect((await rest(server.url, 'GET', '/nothere')).body).toMatchObject({ code: 'not_found' })
})

test('the front page says what a room will be called, and follows a pasted link', async () => {
  const { page, problems } = await visit(browser, server.url, 'Ada')
  const room = page.getByRole('textbox', { name: 'Room' })
  await room.fill('Ward 7 / ß')
  await page.getByText('/r/Ward-7').waitFor()
  await room.fill('///')
  await page.getByText('Letters and digits, please').waitFor()
  await room.fill(`${server.url}/r/ward-8?name=Ben`)
  await page.getByRole('button', { name: 'Open room' }).click()
  await page.waitForURL(/\/r\/ward-8$/)
  expect(problems).toEqual([])
})

test('a name leaves the address it came with, and this tab keeps it for a reload', async () => {
  const { page, problems } = await visit(browser, `${server.url}/r/named?name=Ada%20L&x=1`, 'Ada')
  const name = page.getByRole('textbox', { name: 'Your name' })
  await name.waitFor()
  await expect.poll(() => name.inputValue()).toBe('Ada L')
  expect(page.url()).toBe(`${server.url}/r/named?x=1`)
  await page.reload()
  await name.waitFor()
  await expect.poll(() => name.inputValue()).toBe('Ada L')
  expect(problems).toEqual([])
  await page.context().close()
})

test('a guest reads and writes without joining the call, and may join it after all', async () => {
  const visitor = await visit(browser, `${server.url}/r/only-chat`, 'Ada')
  const { page, problems } = visitor
  await page.getByRole('button', { name: 'Only chat' }).click()
  await page.getByRole('alert').filter({ hasText: 'Enter your name' }).waitFor()
  await page.getByRole('textbox', { name: 'Your name' }).fill('Ada')
  await page.getByRole('button', { name: 'Only chat' }).click()
  const box = page.getByRole('textbox', { name: 'Message' })
  await box.fill('I only read along')
  await box.press('Enter')
  await page.getByText('I only read along').waitFor()
  await page.getByText('Nobody is in the call').waitFor()
  // What asks the browser for its codecs is closed again; none carries anything.
  const states = await page.evaluate(() => window.peerConnections.map(it => it.connectionState))
  expect(states.filter(state => state !== 'closed')).toEqual([])
  await page.getByRole('button', { name: 'Go to the call' }).click()
  await joinCall(visitor)
  await page.getByRole('button', { name: /^Leave/ }).waitFor()
  await page.getByText('I only read along').waitFor()
  expect(problems).toEqual([])
  await page.context().close()
})

test('the SDK is a module that any page may load; a token leaves the address it came with', async () => {
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: 'sdk', kind: 'group' } })
  const token = await mintToken(server.url, 'dr-lee', {
    name: 'Dr Lee',
    rooms: [{ roomId: 'sdk', role: 'publisher' }],
  })
  const { page } = await visit(browser, `${server.url}/r/sdk#token=${token}`, 'Ada')
  await page.getByText('Dr Lee').first().waitFor()
  expect(page.url()).toBe(`${server.url}/r/sdk`)
  await page.reload()
  await page.getByText('Dr Lee').first().waitFor()
  // As text: the test runner would make an import of its own of it.
  const said = await page.evaluate(`(async () => {
    const { Trunkline } = await import('${server.url}/sdk.js')
    const client = new Trunkline({ url: '${server.url}', token: '${token}' })
    const room = await client.openRoom('sdk')
    const { data } = await room.send({ text: 'from a bare page' })
    await client.close()
    return data.parts[0].text
  })()`)
  expect(said).toBe('from a bare page')
  await page.context().close()
})

test("embedded in another origin's page, it names who an app names and hands out no link of ours", async () => {
  await rest(server.url, 'POST', '/v1/rooms', { body: { id: 'embedded', kind: 'group', title: 'Ward 7' } })
  await rest(server.url, 'POST', '/v1/rooms/embedded/messages', {
    body: { sender: 'lab', text: 'Results are in' },
  })
  const token = await mintToken(server.url, 'dr-lee', {
    name: 'Dr Lee',
    rooms: [{ roomId: 'embedded', role: 'publisher' }],
  })
  const host = createServer((_request, response) => {
    response.setHeader('Content-Type', 'text/html')
    response.end(
      `<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>An app</title>
      <script type="module" src="${server.url}/embed.js"></script>
      <trunkline-room room="embedded" token="${token}" style="height: 640px"></trunkline-room>`,
    )
  })
  await new Promise<void>(resolve => host.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void host.close())
  const { port } = host.address() as { port: number }
  const visitor = await visit(browser, `http://127.0.0.1:${port}/`, 'Dr Lee')
  await joinCall(visitor)
  await visitor.page.getByRole('button', { name: /^Leave/ }).waitFor()
  await visitor.page.getByText('Results are in').waitFor()
  await visitor.page.getByText('lab', { exact: true }).waitFor()
  expect(await visitor.page.getByRole('button', { name: 'Copy invite link' }).count()).toBe(0)
  expect(visitor.problems).toEqual([])
  await visitor.page.context().close()
})
