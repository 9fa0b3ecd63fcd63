import { expect, test } from 'vitest'
import { joinCall, launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import {
  bringOthers,
  type JoinTimes,
  joinTable,
  measureJoin,
  OTHERS,
  visitLobby,
} from './support/join-times.ts'
import { rest } from './support/rest.ts'
import { rounds } from './support/rounds.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
const ROOM = 'join'

test('who joins sees everybody, every time; how long that took is printed', async () => {
  const server = await startServer({ register })
  const browser = await launchBrowser(register)
  await bringOthers(server.url, ROOM)
  const page = await visitLobby(browser, server.url, ROOM, 'Me')
  const first = await measureJoin(page)
  const again: JoinTimes[] = []
  for (let n = 0; n < rounds(12); n++) {
    await page.reload()
    again.push(await measureJoin(page))
  }
  console.log(joinTable({ 'of who comes for the first time': [first], 'of who is known': again }))
  for (const { clicked, asked, answered, seen } of [first, ...again]) {
    expect(clicked).toBeLessThanOrEqual(asked)
    expect(asked).toBeLessThan(answered)
    expect(seen).toHaveLength(OTHERS)
  }
}, 300_000)

const WAIT_MS = 60_000

/** How the page's connections are, apart from those it made to see what the browser can do. */
const connections = ({ page }: Visitor): Promise<string[]> =>
  page.evaluate(() =>
    window.peerConnections.map(({ connectionState }) => connectionState).filter(state => state !== 'closed'),
  )

test('in the lobby both transports are connected before anybody else is there, and joining connects nothing', async () => {
  const server = await startServer({ register })
  const browser = await launchBrowser(register)
  const address = `${server.url}/r/warm?name=Ada`
  const ada = await visit(browser, address, 'Ada')
  const { page } = ada
  page.setDefaultTimeout(WAIT_MS)
  await joinCall(ada)
  await page.getByRole('button', { name: 'Leave call' }).waitFor()
  const asked: string[] = []
  page.on('websocket', socket =>
    socket.on('framesent', ({ payload }) => {
      const name = /^42\d+\["([^"]+)"/.exec(String(payload))?.[1]
      if (name) asked.push(name)
    }),
  )
  await page.reload()
  await expect.poll(() => connections(ada), { timeout: WAIT_MS }).toEqual(['connected', 'connected'])
  expect(asked.filter(name => name === 'transport:connect')).toHaveLength(2)
  expect(asked.filter(name => /^(data|producer):/.test(name))).toEqual([])
  const sent = await page.evaluate(async () => {
    const reports = await Promise.all(window.peerConnections.map(connection => connection.getStats()))
    return reports.flatMap(report => [...report.values()]).filter(({ type }) => type === 'outbound-rtp')
  })
  expect(sent).toEqual([])

  asked.length = 0
  await joinCall(ada)
  await until(
    'her picture and sound are taken',
    () => asked.filter(name => name === 'producer:create').length === 2,
    WAIT_MS,
  )
  const ben = await visit(browser, `${server.url}/r/warm?name=Ben`, 'Ben')
  await joinCall(ben)
  for (const one of [ada, ben]) {
    await until(
      `${one.name} sees the other`,
      () =>
        one.page.evaluate(
          () =>
            [...document.querySelectorAll('video')].filter(({ videoWidth }) => videoWidth > 0).length === 2,
        ),
      WAIT_MS,
    )
  }
  expect(asked).toContain('consumer:resume')
  expect(asked).not.toContain('transport:connect')
  expect(ada.problems).toEqual([])
}, 240_000)

/** What a page sends to and hears from the server, in order: `room:open`, and `room:open answered`. */
const traffic = ({ page }: Visitor): string[] => {
  const said: string[] = []
  const names = new Map<string, string>()
  page.on('websocket', socket => {
    socket.on('framesent', ({ payload }) => {
      const [, id = '', name = ''] = /^42(\d+)\["([^"]+)"/.exec(String(payload)) ?? []
      if (!name) return
      names.set(id, name)
      said.push(name)
    })
    socket.on('framereceived', ({ payload }) => {
      const name = names.get(/^43(\d+)\[/.exec(String(payload))?.[1] ?? '')
      if (name) said.push(`${name} answered`)
    })
  })
  return said
}

test('who comes for the first time is connected in the lobby, as nobody, and asks for room and call at once', async () => {
  const server = await startServer({ register })
  const browser = await launchBrowser(register)
  const address = `${server.url}/r/first-time`
  const ben = await visit(browser, `${address}?name=Ben`, 'Ben')
  ben.page.setDefaultTimeout(WAIT_MS)
  await joinCall(ben)
  await ben.page.getByRole('button', { name: 'Leave call' }).waitFor()
  await until(
    'his picture and sound are taken',
    async () => {
      const { body } = await rest(server.url, 'GET', '/v1/rooms/first-time/call')
      return body.call?.participants[0]?.tracks.length === 2
    },
    WAIT_MS,
  )
  const inRoom = async (): Promise<[names: string[], lastSeq: number]> => {
    const members = await rest(server.url, 'GET', '/v1/rooms/first-time/members')
    const room = await rest(server.url, 'GET', '/v1/rooms/first-time')
    return [members.body.data.map(({ user }: { user: { name: string } }) => user.name), room.body.lastSeq]
  }
  const before = await inRoom()

  const ada = await visit(browser, 'about:blank', 'Ada')
  const { page } = ada
  page.setDefaultTimeout(WAIT_MS)
  const said = traffic(ada)
  const guests: string[] = []
  page.on('response', response => {
    if (!response.url().endsWith('/v1/guest-tokens')) return
    void response.json().then(({ user }) => guests.push(user.id))
  })
  await page.goto(address)
  const name = page.getByRole('textbox', { name: 'Your name' })
  for (const typed of ['Ad', 'Ada']) {
    said.length = 0
    await name.fill(typed)
    await until(
      `what ${typed} has is connected`,
      () => said.filter(one => one === 'transport:connect answered').length === 2,
      WAIT_MS,
    )
  }
  await expect.poll(() => connections(ada), { timeout: WAIT_MS }).toEqual(['connected', 'connected'])
  // The same one, whatever is typed.
  expect(guests).toHaveLength(2)
  expect(new Set(guests).size).toBe(1)
  expect(said).not.toContain('room:open')
  expect(await inRoom()).toEqual(before)
  expect(await ben.page.getByLabel('Video of Ada').count()).toBe(0)

  said.length = 0
  await joinCall(ada)
  await until(
    'Ada sees Ben',
    () =>
      page
        .getByLabel('Video of Ben')
        .evaluateAll(videos => videos.some(video => (video as HTMLVideoElement).videoWidth > 0)),
    WAIT_MS,
  )
  expect(said.slice(0, 2)).toEqual(['room:open', 'call:join'])
  for (const one of ['call:prepare', 'call:capabilities', 'transport:connect'])
    expect(said).not.toContain(one)
  expect(guests).toHaveLength(2)
  await until(
    'Ben sees Ada',
    () =>
      ben.page
        .getByLabel('Video of Ada')
        .evaluateAll(videos => videos.some(video => (video as HTMLVideoElement).videoWidth > 0)),
    WAIT_MS,
  )
  expect(await inRoom()).toEqual([['Ben', 'Ada'], before[1] + 1])
  expect([...ada.problems, ...ben.problems]).toEqual([])
}, 240_000)

test('the call is drawn while the server answers; who is refused is back in the lobby, with camera and microphone', async () => {
  const server = await startServer({ register })
  const browser = await launchBrowser(register)
  const address = `${server.url}/r/drawn?name=`
  const [ada, ben] = [
    await visit(browser, `${address}Ada`, 'Ada'),
    await visit(browser, `${address}Ben`, 'Ben'),
  ]
  const { page } = ada
  for (const one of [ada, ben]) {
    one.page.setDefaultTimeout(WAIT_MS)
    await joinCall(one)
    await one.page.getByRole('button', { name: 'Leave call' }).waitFor()
  }
  // What the server says to the next request to join waits for the test.
  const answers: ((refuse: boolean) => void)[] = []
  await page.routeWebSocket(/socket\.io/, route => {
    const origin = route.connectToServer()
    const asked = new Set<string>()
    route.onMessage(message => {
      const id = /^42(\d+)\["call:join"/.exec(String(message))?.[1]
      if (id !== undefined) asked.add(id)
      origin.send(message)
    })
    origin.onMessage(message => {
      const id = /^43(\d+)\[/.exec(String(message))?.[1]
      if (id === undefined || !asked.has(id)) return route.send(message)
      const refusal = { ok: false, error: { code: 'limit_reached', message: 'The house is full.' } }
      answers.push(refuse => route.send(refuse ? `43${id}[${JSON.stringify(refusal)}]` : message))
    })
  })
  for (const refuse of [true, false]) {
    answers.length = 0
    if (refuse) await page.reload()
    await expect.poll(() => connections(ada), { timeout: WAIT_MS }).toEqual(['connected', 'connected'])
    await page.getByText('is in the call').waitFor()
    await joinCall(ada)
    await until('the server has answered', () => answers.length === 1, WAIT_MS)
    // Nothing of the answer is here, and Ben's place is.
    await page.getByRole('button', { name: 'Leave call' }).waitFor()
    await page.getByLabel('Video of Ben').waitFor()
    answers[0]?.(refuse)
    if (!refuse) break
    await page.getByRole('alert').getByText('The house is full.').waitFor()
    await until(
      'one sees oneself in the lobby',
      () => page.locator('tl-preview video').evaluate(video => (video as HTMLVideoElement).videoWidth > 0),
      WAIT_MS,
    )
  }
  await until(
    'Ada sees Ben',
    () => page.getByLabel('Video of Ben').evaluate(video => (video as HTMLVideoElement).videoWidth > 0),
    WAIT_MS,
  )
  expect(ada.problems).toEqual([])
}, 240_000)
