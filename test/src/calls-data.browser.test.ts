import { expect, test, vi } from 'vitest'
import { joinCall, launchBrowser, type Visitor, visit } from './support/browser.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { startServer } from './support/server.ts'

const SOON = { timeout: 30_000, interval: 100 }

type View = {
  call: {
    state: string
    participants: unknown[]
    topic(
      name: string,
      options?: { lossy?: boolean },
    ): {
      send(value: unknown): Promise<boolean>
      on(name: 'message', listener: (from: { name: string }, value: unknown) => void): void
    }
  }
}
declare global {
  interface Window {
    /** Whose message, on which topic, and what. */
    told: [string, string, unknown][]
  }
}

const listen = ({ page }: Visitor) =>
  page.evaluate(() => {
    const { call } = document.querySelector('tl-call') as unknown as View
    window.told = []
    for (const name of ['board', 'pointer']) {
      call.topic(name, { lossy: name === 'pointer' }).on('message', (from, value) => {
        window.told.push([from.name, name, value instanceof Uint8Array ? [...value] : value])
      })
    }
  })

const send = ({ page }: Visitor, topic: string, ...values: unknown[]) =>
  page.evaluate(
    async ([topic, values]) => {
      const { call } = document.querySelector('tl-call') as unknown as View
      const sending = call.topic(topic as string, { lossy: topic === 'pointer' })
      for (const value of values as unknown[]) await sending.send(value)
    },
    [topic, values],
  )

const told = ({ page }: Visitor) => page.evaluate(() => window.told)
const inCall = ({ page }: Visitor, people: number) =>
  vi.waitFor(async () => {
    const seen = await page.evaluate(() => {
      const { call } = (document.querySelector('tl-call') ?? { call: undefined }) as unknown as View
      return call?.state === 'joined' ? call.participants.length : 0
    })
    expect(seen).toBe(people)
  }, SOON)

test('data go to everybody who listens, in order, to who comes later, and after the worker died', async () => {
  const server = await startServer()
  const browser = await launchBrowser()
  const come = (name: string) => visit(browser, `${server.url}/r/data?name=${name}`, name)
  const [ada, ben] = await Promise.all([come('Ada'), come('Ben')])
  for (const one of [ada, ben]) await joinCall(one)
  for (const one of [ada, ben]) await inCall(one, 2)
  for (const one of [ada, ben]) await listen(one)

  await send(ada, 'board', 'text', { x: 1, list: [true, null] }, 7)
  await send(ben, 'pointer', { x: 3 })
  await vi.waitFor(async () => {
    const board = ['text', { x: 1, list: [true, null] }, 7].map(value => ['Ada', 'board', value])
    expect(await told(ben)).toEqual(board)
    expect(await told(ada)).toEqual([['Ben', 'pointer', { x: 3 }]])
  }, SOON)

  // More than fits on the way at once.
  const many = await ada.page.evaluate(async () => {
    const { call } = document.querySelector('tl-call') as unknown as View
    const topic = call.topic('board')
    for (let n = 0; n < 1_000; n++) await topic.send({ n, filling: 'x'.repeat(4_000) })
    const tooLarge = await topic.send(new Uint8Array(70_000)).catch((error: Error) => error.message)
    await topic.send(new Uint8Array([1, 2, 3]))
    return tooLarge
  })
  expect(many).toMatch(/at most 65536 bytes/)
  await vi.waitFor(async () => {
    const numbers = await ben.page.evaluate(() =>
      window.told.map(([, , value]) => (value as { n?: number })?.n),
    )
    expect(numbers.slice(3)).toEqual([...Array(1_000).keys(), undefined])
    expect((await told(ben)).at(-1)).toEqual(['Ada', 'board', [1, 2, 3]])
  }, SOON)

  const cleo = await come('Cleo')
  await joinCall(cleo)
  for (const one of [ada, ben, cleo]) await inCall(one, 3)
  await listen(cleo)
  await vi.waitFor(async () => {
    await send(ada, 'board', 'for Cleo')
    expect(await told(cleo)).toContainEqual(['Ada', 'board', 'for Cleo'])
  }, SOON)

  const worker = descendantsOf(server.pid).find(pid => commandOf(pid).includes('mediasoup-worker'))
  process.kill(worker ?? 0, 'SIGKILL')
  await ada.page.waitForTimeout(500)
  for (const one of [ada, ben, cleo]) await inCall(one, 3)
  await vi.waitFor(async () => {
    await send(ben, 'board', 'after')
    expect(await told(ada)).toContainEqual(['Ben', 'board', 'after'])
    expect(await told(cleo)).toContainEqual(['Ben', 'board', 'after'])
  }, SOON)
  for (const { name, problems } of [ada, ben, cleo]) expect(problems, name).toEqual([])
}, 120_000)
