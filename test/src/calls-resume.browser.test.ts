import type { Call as SdkCall } from '@trunkline/sdk'
import { expect, onTestFinished, test, vi } from 'vitest'
import { joinCall, launchBrowser, pictures, type Visitor, visit } from './support/browser.ts'
import { startLine } from './support/line.ts'
import { startProcesses } from './support/processes.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { startServer } from './support/server.ts'

const WAIT = { timeout: 45_000, interval: 100 }

type Watched = { ids: string[]; said: string[]; away: boolean[]; frames: number[] }

declare global {
  interface Window {
    watched: Watched
    noted: unknown[]
  }
}

/** Waits until this many pictures move here. */
const expectMoving = ({ name, ...visitor }: Visitor, count: number) =>
  vi.waitFor(async () => {
    const before = await pictures({ name, ...visitor })
    await visitor.page.waitForTimeout(300)
    const after = await pictures({ name, ...visitor })
    const moving = after.filter((now, i) => now.width > 0 && now.print !== before[i]?.print)
    expect(moving, name).toHaveLength(count)
  }, WAIT)

/** From now on this page keeps what its call says of others, and when each picture of somebody was shown. */
const watch = ({ page }: Visitor, whom: string) =>
  page.evaluate(name => {
    type Person = { id: string; name: string; isLocal: boolean; away: boolean }
    type Call = { participants: Person[]; on(name: string, hear: (person: Person) => void): void }
    const { call } = document.querySelector('tl-room') as unknown as { call: Call }
    const person = () => call.participants.find(one => one.name === name)
    window.watched = { ids: [person()?.id ?? ''], said: [], away: [false], frames: [] }
    const { ids, said, away, frames } = window.watched
    for (const event of ['participantJoined', 'participantLeft', 'trackRemoved']) {
      call.on(event, ({ isLocal, name }) => {
        if (!isLocal) said.push(`${event} ${name}`)
      })
    }
    call.on('changed', () => {
      const now = person()
      if (ids.at(-1) !== now?.id) ids.push(now?.id ?? 'nobody')
      if (now && away.at(-1) !== now.away) away.push(now.away)
    })
    const video = document.querySelector(`video[aria-label="Video of ${name}"]`) as HTMLVideoElement
    const shown = () => {
      frames.push(performance.now())
      video.requestVideoFrameCallback(shown)
    }
    video.requestVideoFrameCallback(shown)
  }, whom)

const watched = ({ page }: Visitor): Promise<Watched> => page.evaluate(() => window.watched)

/** The longest time between two pictures, ms. */
const longestGap = ({ frames }: Watched): number =>
  Math.round(Math.max(...frames.slice(1).map((at, i) => at - (frames[i] ?? at))))

const returning = ({ page }: Visitor) => page.getByText('Reconnecting', { exact: true }).count()

/** Two people in a call, each at an address of their own, and Ben watches Ada. */
const startCall = async (addresses: [string, string], roomId: string) => {
  const browser = await launchBrowser()
  const [ada, ben] = (await Promise.all(
    ['Ada', 'Ben'].map((name, i) => visit(browser, `${addresses[i]}/r/${roomId}?name=${name}`, name)),
  )) as [Visitor, Visitor]
  await joinCall(ada)
  await joinCall(ben)
  await expectMoving(ada, 2)
  await expectMoving(ben, 2)
  await watch(ben, 'Ada')
  return { ada, ben }
}

test('a socket that is cut: a sign on a picture that goes on, and nobody leaves', async () => {
  const server = await startServer()
  const line = await startLine(Number(new URL(server.url).port), onTestFinished)
  const { ada, ben } = await startCall([`http://127.0.0.1:${line.port}`, server.url], 'cut')
  line.cut()
  await vi.waitFor(async () => expect(await returning(ben)).toBe(1), WAIT)
  const { frames } = await watched(ben)
  await vi.waitFor(
    async () => expect((await watched(ben)).frames.length).toBeGreaterThan(frames.length + 5),
    WAIT,
  )
  line.mend()
  await vi.waitFor(async () => expect(await returning(ben)).toBe(0), WAIT)
  await expectMoving(ada, 2)
  await expectMoving(ben, 2)
  const seen = await watched(ben)
  console.info(`a cut socket: longest time without a picture ${longestGap(seen)} ms`)
  expect(seen.said).toEqual([])
  expect(seen.ids).toHaveLength(1)
  expect(seen.away).toEqual([false, true, false])
}, 240_000)

test('a killed signalling node: the call goes on by the other one, with the same people', async () => {
  const { nodes } = await startProcesses(onTestFinished)
  const [a, b] = nodes
  const line = await startLine(Number(new URL(a.url).port), onTestFinished)
  const { ada, ben } = await startCall([`http://127.0.0.1:${line.port}`, b.url], 'node')
  line.lead(Number(new URL(b.url).port))
  await a.stop('SIGKILL')
  // As the last thing that shows that Ada's socket is at the other node.
  await vi.waitFor(async () => {
    const box = ada.page.getByRole('textbox', { name: 'Message' })
    await box.fill('at the other node')
    await box.press('Enter')
    expect(await ben.page.getByText('at the other node', { exact: true }).count()).toBeGreaterThan(0)
  }, WAIT)
  await expectMoving(ada, 2)
  await expectMoving(ben, 2)
  await vi.waitFor(async () => expect((await watched(ben)).away.at(-1)).toBe(false), WAIT)
  const seen = await watched(ben)
  console.info(`a killed node: longest time without a picture ${longestGap(seen)} ms`)
  expect(seen.said).toEqual([])
  expect(seen.ids).toHaveLength(1)
  // What is done now is heard: she is in the call at the other node.
  await ada.page.getByRole('button', { name: /^Leave/ }).click()
  await expectMoving(ben, 1)
}, 240_000)

test('a killed media worker: a frozen picture, then a moving one, of the same people', async () => {
  const server = await startServer({ env: { RTC_WORKERS: '2' } })
  const { ada, ben } = await startCall([server.url, server.url], 'worker')
  const workers = descendantsOf(server.pid).filter(pid => commandOf(pid).includes('mediasoup-worker'))
  expect(workers).toHaveLength(2)
  // One of the two carries the call; it may move to the other before that one dies, too.
  for (const pid of workers) process.kill(pid, 'SIGKILL')
  await vi.waitFor(async () => {
    const { away } = await watched(ben)
    expect([
      [false, true, false],
      [false, true, false, true, false],
    ]).toContainEqual(away)
  }, WAIT)
  await expectMoving(ben, 2)
  await expectMoving(ada, 2)
  const seen = await watched(ben)
  console.info(`a killed worker: longest time without a picture ${longestGap(seen)} ms`)
  expect(seen.said).toEqual([])
  expect(seen.ids).toHaveLength(1)
  await vi.waitFor(async () => expect(await returning(ben)).toBe(0), WAIT)
}, 240_000)

/** What a page does with the answer to joining takes less, ms. */
const IN_MS = 500

/**
 * From the next time it is loaded on, requests of this page are refused as `refuse` says, before the server hears them, and
 * notices of the server lost as `lose` says. What is refused before the page is in the call it is told of once it is in. What
 * the server said of tracks is said again while the page waits to resume. All of it may be that late.
 * Gives the way to tell the page something in the server's name.
 */
const standBetween = async (
  { page }: Visitor,
  refuse: (name: string) => boolean,
  lose: (notice: string) => boolean,
) => {
  let tell = (_text: string): void => {
    throw new Error('the page has no socket')
  }
  await page.routeWebSocket(/socket\.io/, route => {
    const origin = route.connectToServer()
    const added: string[] = []
    // By id of the request.
    let joining: string | undefined
    let isIn = false
    const refusals: string[] = []
    tell = text => route.send(text)
    route.onMessage(message => {
      const [, id, name] = /^42(\d+)\["([a-z:]+)"/.exec(String(message)) ?? []
      if (name === 'call:join') joining = id
      if (name === 'call:resume') for (const notice of added) route.send(notice)
      if (name === undefined || !refuse(name)) return origin.send(message)
      const error = { code: 'unavailable', message: 'Not now. Try again.', retryable: true }
      const refusal = `43${id}[${JSON.stringify({ ok: false, error })}]`
      if (isIn) route.send(refusal)
      else refusals.push(refusal)
    })
    origin.onMessage(message => {
      const [, answered] = /^43(\d+)\[/.exec(String(message)) ?? []
      if (answered !== undefined && answered === joining) {
        isIn = true
        setTimeout(() => {
          for (const refusal of refusals.splice(0)) route.send(refusal)
        }, IN_MS)
      }
      const [, notice] = /^42\["([a-z:]+)"/.exec(String(message)) ?? []
      if (notice === 'consumer:added') added.push(String(message))
      if (notice === undefined || !lose(notice)) route.send(message)
    })
  })
  return (name: string, data: object) => tell(`42${JSON.stringify([name, data])}`)
}

test('requests the server did not hear on the way into media are made up for, though the socket is there', async () => {
  const server = await startServer({ env: { RTC_WORKERS: '1' } })
  const browser = await launchBrowser()
  const [ada, ben] = (await Promise.all(
    ['Ada', 'Ben'].map(name => visit(browser, `${server.url}/r/missed?name=${name}`, name)),
  )) as [Visitor, Visitor]
  const unheard: string[] = []
  const refused: string[] = []
  const lost: string[] = []
  const tell = await standBetween(
    ada,
    name => {
      const at = unheard.indexOf(name)
      if (at === -1) return false
      refused.push(...unheard.splice(at, 1))
      return true
    },
    notice => {
      if (notice === 'data:added') lost.push(notice)
      return notice === 'data:added'
    },
  )
  await joinCall(ben)
  // Neither way can be connected, whether it is prepared in the lobby or made by joining.
  unheard.push('transport:connect', 'transport:connect', 'transport:connect')
  await ada.page.reload()
  await vi.waitFor(() => expect(refused).toContain('transport:connect'), WAIT)
  await joinCall(ada)
  await expectMoving(ada, 2)
  await expectMoving(ben, 2)

  // Who comes later is heard of by a notice, and asked for by a request.
  await ben.page.getByRole('button', { name: /^Leave/ }).click()
  await expectMoving(ada, 1)
  unheard.push('consumer:resume', 'consumer:resume')
  await ben.page.reload()
  await joinCall(ben)
  await expectMoving(ada, 2)

  // The transports that stand in for lost ones.
  unheard.splice(0)
  unheard.push('transport:connect', 'transport:connect')
  for (const pid of descendantsOf(server.pid))
    if (commandOf(pid).includes('mediasoup-worker')) process.kill(pid, 'SIGKILL')
  await vi.waitFor(() => expect(unheard).toEqual([]), WAIT)
  await expectMoving(ada, 2)
  await expectMoving(ben, 2)
  expect(refused.filter(name => name === 'transport:connect').length).toBeGreaterThanOrEqual(4)
  expect(refused).toContain('consumer:resume')

  // She hears that her media are lost, which they are not: she goes on hearing who comes.
  await watch(ben, 'Ada')
  const [participantId] = (await watched(ben)).ids
  tell('call:lost', { roomId: 'missed', participantId, reason: 'A mistake.' })
  await expectMoving(ada, 2)
  await ben.page.getByRole('button', { name: /^Leave/ }).click()
  await expectMoving(ada, 1)
  await ben.page.reload()
  await joinCall(ben)
  await expectMoving(ada, 2)

  // She does not hear that he begins to send data, until she resumes.
  await ada.page.evaluate(() => {
    const { call } = document.querySelector('tl-room') as unknown as { call: SdkCall }
    window.noted = []
    call.topic('notes').on('message', (_from, value) => window.noted.push(value))
  })
  const send = () =>
    ben.page.evaluate(() => {
      const { call } = document.querySelector('tl-room') as unknown as { call: SdkCall }
      return call.topic('notes').send('hello')
    })
  await send()
  await vi.waitFor(() => expect(lost).not.toEqual([]), WAIT)
  expect(await ada.page.evaluate(() => window.noted)).toEqual([])
  tell('call:lost', { roomId: 'missed', participantId, reason: 'A mistake.' })
  await vi.waitFor(async () => {
    await send()
    expect(await ada.page.evaluate(() => window.noted)).toContain('hello')
  }, WAIT)
}, 300_000)
