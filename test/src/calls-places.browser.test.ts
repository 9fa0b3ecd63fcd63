import { expect, test, vi } from 'vitest'
import { joinCall, launchBrowser, pictures, sounds, type Visitor, visit } from './support/browser.ts'
import { rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const WAIT = { timeout: 45_000, interval: 250 }

/** Each at a worker of their own. */
const SPREAD = { RTC_WORKERS: '3', RTC_WORKER_STREAMS: '1' }

type Person = { id: string; name: string; isLocal: boolean }
type View = {
  participants: Person[]
  on(name: string, hear: (person: Person) => void): void
  topic(name: string): {
    send(value: unknown): Promise<boolean>
    on(name: 'message', listener: (from: { name: string }, value: unknown) => void): void
  }
}

declare global {
  interface Window {
    placesSaid: string[]
    placesTold: [string, unknown][]
  }
}

/** Waits until this many pictures move here. */
const expectMoving = (visitor: Visitor, count: number) =>
  vi.waitFor(async () => {
    const before = await pictures(visitor)
    await visitor.page.waitForTimeout(400)
    const after = await pictures(visitor)
    const moving = after.filter(
      (now, i) =>
        now.width > 0 && now.frames > (before[i]?.frames ?? now.frames) && now.print !== before[i]?.print,
    )
    expect(moving, visitor.name).toHaveLength(count)
  }, WAIT)

/** Waits until this many remote sounds have energy that grows. */
const expectSounds = (visitor: Visitor, count: number) =>
  vi.waitFor(async () => {
    const before = await sounds(visitor)
    // The fake microphone beeps once a second.
    await visitor.page.waitForTimeout(1_500)
    const heard = [...(await sounds(visitor))].filter(
      ([ssrc, energy]) => energy > (before.get(ssrc) ?? Number.POSITIVE_INFINITY),
    )
    expect(heard, visitor.name).toHaveLength(count)
  }, WAIT)

/** From now on this page keeps who comes and goes in its call, and what is said on a topic. */
const listen = ({ page }: Visitor) =>
  page.evaluate(() => {
    const { call } = document.querySelector('tl-room') as unknown as { call: View }
    window.placesSaid = []
    window.placesTold = []
    for (const name of ['participantJoined', 'participantLeft'])
      call.on(name, person => void window.placesSaid.push(`${name} ${person.name}`))
    call.topic('board').on('message', (from, value) => void window.placesTold.push([from.name, value]))
  })

const send = ({ page }: Visitor, value: unknown) =>
  page.evaluate(async value => {
    const { call } = document.querySelector('tl-room') as unknown as { call: View }
    await call.topic('board').send(value)
  }, value)

const told = ({ page }: Visitor) => page.evaluate(() => window.placesTold)
const said = ({ page }: Visitor) => page.evaluate(() => window.placesSaid)
const ids = ({ page }: Visitor) =>
  page.evaluate(() => {
    const { call } = document.querySelector('tl-room') as unknown as { call: View }
    return call.participants.map(({ id }) => id).sort()
  })

type Worker = { pid: number; participants: number }
const workersOf = async ({ url }: TestServer): Promise<Worker[]> => {
  const { body } = await rest(url, 'GET', '/v1/sfu')
  return body.nodes?.[0]?.workers ?? body.workers
}

test('three people on three workers see, hear and write to each other, also when one of the workers dies or is drained', async () => {
  const server = await startServer({ env: SPREAD })
  const browser = await launchBrowser()
  const visitors = (await Promise.all(
    ['Ada', 'Ben', 'Cleo'].map(name => visit(browser, `${server.url}/r/places?name=${name}`, name)),
  )) as [Visitor, Visitor, Visitor]
  const [ada, ben, cleo] = visitors
  const everybody = <T>(ask: (visitor: Visitor) => Promise<T>) => Promise.all(visitors.map(ask))
  for (const visitor of visitors) await joinCall(visitor)
  for (const visitor of visitors) await expectMoving(visitor, 3)
  for (const visitor of visitors) await expectSounds(visitor, 2)
  expect((await workersOf(server)).map(({ participants }) => participants)).toEqual([1, 1, 1])

  await everybody(listen)
  const before = await everybody(ids)
  await send(ada, 'to both')
  await vi.waitFor(async () => {
    for (const other of [ben, cleo]) expect(await told(other)).toEqual([['Ada', 'to both']])
  }, WAIT)

  const [dying] = await workersOf(server)
  process.kill(dying?.pid ?? Number.NaN, 'SIGKILL')
  await vi.waitFor(async () => {
    const workers = await workersOf(server)
    expect(workers.reduce((sum, { participants }) => sum + participants, 0)).toBe(3)
    expect(workers.map(({ pid }) => pid)).not.toContain(dying?.pid)
  }, WAIT)
  for (const visitor of visitors) await expectMoving(visitor, 3)
  for (const visitor of visitors) await expectSounds(visitor, 2)
  await vi.waitFor(async () => {
    await send(ben, 'after')
    for (const other of [ada, cleo]) expect(await told(other)).toContainEqual(['Ben', 'after'])
  }, WAIT)

  const drained = (await workersOf(server)).find(({ participants }) => participants > 0)
  await rest(server.url, 'POST', '/v1/sfu/drain', { body: { pid: drained?.pid } })
  await vi.waitFor(async () => {
    const workers = await workersOf(server)
    expect(workers.map(({ pid }) => pid)).not.toContain(drained?.pid)
    expect(workers.reduce((sum, { participants }) => sum + participants, 0)).toBe(3)
  }, WAIT)
  for (const visitor of visitors) await expectMoving(visitor, 3)

  // The same people all along, and nobody came or went.
  expect(await everybody(ids)).toEqual(before)
  for (const visitor of visitors) {
    expect(await said(visitor), visitor.name).toEqual([])
    expect(visitor.problems, visitor.name).toEqual([])
  }
}, 240_000)
