import { readFileSync } from 'node:fs'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { faults } from './support/axe.ts'
import { joinCall, launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startServer, type TestServer } from './support/server.ts'
import { until as untilWithin } from './support/until.ts'

const WAIT_MS = 60_000
const PHONE = { width: 390, height: 844 }

const until = <T>(what: string, look: () => T | Promise<T>) => untilWithin(what, look, WAIT_MS)

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

const come = async (name: string, viewport?: { width: number; height: number }): Promise<Visitor> => {
  const options = { reducedMotion: 'reduce' as const, ...(viewport && { viewport }) }
  const visitor = await visit(browser, `${server.url}/r/board?name=${name}`, name, options)
  const { page } = visitor
  onTestFinished(() => page.context().close())
  page.setDefaultTimeout(WAIT_MS)
  await joinCall(visitor)
  await button(visitor, 'Leave call').waitFor()
  return visitor
}

const button = ({ page }: Visitor, name: string | RegExp) =>
  page.getByRole('button', { name, exact: typeof name === 'string' })
const choose = ({ page }: Visitor, tool: string) =>
  page.getByRole('toolbar', { name: 'Whiteboard' }).getByRole('radio', { name: tool, exact: true }).check()

/** Where something is on the board, in shares of it from the left and from the top. */
type At = readonly [x: number, y: number]

const point = async ({ page }: Visitor, [x, y]: At): Promise<void> => {
  const box = await page.locator('.board canvas').boundingBox()
  if (!box) throw new Error('there is no board')
  await page.mouse.move(box.x + x * box.width, box.y + y * box.height, { steps: 12 })
}

/** Draws a line with the mouse. */
const draw = async (visitor: Visitor, from: At, to: At): Promise<void> => {
  await point(visitor, from)
  await visitor.page.mouse.down()
  await point(visitor, to)
  await visitor.page.mouse.up()
}

/** Every pixel of the board as it is shown, as one number, and the share of them that has ink. */
const seen = ({ page }: Visitor): Promise<{ print: number; inked: number }> =>
  page.locator('.board canvas').evaluate(element => {
    const canvas = element as HTMLCanvasElement
    const { width, height } = canvas
    const pixels = canvas.getContext('2d')?.getImageData(0, 0, width, height).data ?? []
    let print = 0
    let inked = 0
    for (let n = 0; n < pixels.length; n++) {
      print = (Math.imul(print, 31) + (pixels[n] ?? 0)) | 0
      if (n % 4 === 3 && (pixels[n] ?? 0) > 0) inked += 1
    }
    return { print, inked: inked / (width * height) }
  })

/** The ink at a place, as `red,green,blue,opacity`. */
const inkAt = ({ page }: Visitor, [x, y]: At): Promise<string> =>
  page.locator('.board canvas').evaluate(
    (element, [x, y]) => {
      const canvas = element as HTMLCanvasElement
      const at = [Math.round(x * canvas.width), Math.round(y * canvas.height)] as const
      return String(canvas.getContext('2d')?.getImageData(at[0], at[1], 1, 1).data)
    },
    [x, y] as const,
  )

const BLACK = '25,27,26,255'
const BLUE = '31,95,192,255'
const GREEN = '23,115,74,255'
const NOTHING = '0,0,0,0'

/** Everybody has the same ink at each of these places. */
const allSee = (what: string, people: readonly Visitor[], places: readonly (readonly [At, string])[]) =>
  until(what, async () => {
    const wanted = places.map(([, ink]) => ink)
    for (const person of people) {
      const inks = await Promise.all(places.map(([at]) => inkAt(person, at)))
      expect(inks, person.name).toEqual(wanted)
    }
    return true
  })

/** All show the very same pixels; the boards have to be of one size. */
const alike = (what: string, people: readonly Visitor[]) =>
  until(what, async () => {
    const prints = (await Promise.all(people.map(seen))).map(({ print }) => print)
    return new Set(prints).size === 1
  })

test('two draw and see the same, who comes later too; undo, clear, save, and nonsense', async () => {
  const ada = await come('Ada')
  const ben = await come('Ben')
  await button(ada, 'Whiteboard').click()
  await ada.page.getByText('Draw here. Everybody in the call sees it.').waitFor()

  // A black line across, erased at a place, and a blue one down.
  await choose(ada, 'Thick')
  await draw(ada, [0.2, 0.3], [0.8, 0.3])
  // Who has the board closed is told.
  await button(ben, 'Whiteboard, somebody draws').click()
  await choose(ben, 'Blue')
  await choose(ben, 'Thick')
  await draw(ben, [0.5, 0.5], [0.5, 0.9])
  await choose(ben, 'Eraser')
  await draw(ben, [0.6, 0.2], [0.6, 0.4])
  const drawn: [At, string][] = [
    [[0.3, 0.3], BLACK],
    [[0.5, 0.7], BLUE],
    [[0.6, 0.3], NOTHING],
    [[0.9, 0.9], NOTHING],
  ]
  await allSee('both see all strokes', [ada, ben], drawn)
  await alike('both see the same pixels', [ada, ben])
  // The other's pointer, while it is on the board.
  await until('ada sees where ben points', async () => {
    await point(ben, [0.7, 0.7])
    await point(ben, [0.75, 0.7])
    return ada.page.locator('.board .pointer', { hasText: 'Ben' }).isVisible()
  })

  // On another screen, of another shape.
  const cleo = await come('Cleo', PHONE)
  await button(cleo, 'More, somebody draws on the whiteboard').click()
  await cleo.page.locator('.menu').getByText('Whiteboard', { exact: true }).click()
  await allSee('cleo has the board', [ada, ben, cleo], drawn)
  const shares = await Promise.all([ada, cleo].map(seen))
  expect(Math.abs((shares[0]?.inked ?? 0) - (shares[1]?.inked ?? 1))).toBeLessThan(0.005)
  for (const colorScheme of ['light', 'dark'] as const) {
    for (const visitor of [ada, cleo]) {
      await visitor.page.emulateMedia({ colorScheme })
      expect(await faults(visitor), `${visitor.name}, ${colorScheme}`).toEqual([])
    }
  }
  for (const { page } of [ada, cleo]) await page.emulateMedia({ colorScheme: 'light' })
  await choose(cleo, 'Thick')
  await draw(cleo, [0.1, 0.1], [0.1, 0.2])
  await allSee('all see what cleo drew', [ada, ben, cleo], [...drawn, [[0.1, 0.15], BLACK]])

  // Each takes back their own.
  await button(cleo, 'Undo my last stroke').click()
  await allSee("cleo's stroke is gone", [ada, ben, cleo], [...drawn, [[0.1, 0.15], NOTHING]])
  await until('cleo has nothing to take back', () => button(cleo, 'Undo my last stroke').isDisabled())
  await button(ben, 'Undo my last stroke').focus()
  await ben.page.keyboard.press('Control+z')
  await allSee('what was erased is back', [ada, ben, cleo], [[[0.6, 0.3], BLACK]])

  const [download] = await Promise.all([
    ada.page.waitForEvent('download'),
    button(ada, 'Save as a picture').click(),
  ])
  expect(download.suggestedFilename()).toBe('whiteboard.png')
  const picture = readFileSync(await download.path())
  expect(picture.subarray(1, 4).toString()).toBe('PNG')
  expect(picture.readUInt32BE(16)).toBe(2_000)

  // From a client that is no friend: nothing comes of it, nothing breaks.
  const before = await seen(ada)
  await ben.page.evaluate(async () => {
    type Told = {
      call: { topic(name: string, options?: object): { send(value: unknown): Promise<boolean> } }
    }
    const { call } = document.querySelector('tl-call') as unknown as Told
    const [board, pointers] = [call.topic('whiteboard'), call.topic('whiteboard.pointers', { lossy: true })]
    const stroke = { id: 'bad', by: 'somebody', at: 1, ink: 'red', width: 'thick', points: [5_000, 5_000] }
    for (const value of [
      null,
      'x'.repeat(60_000),
      new Uint8Array(60_000),
      [[]],
      { type: 'draw' },
      { type: 'draw', stroke },
      { type: 'draw', stroke: { ...stroke, by: undefined, points: Array(12_000).fill(1) } },
      { type: 'extend', id: '__proto__', from: 0, points: [1, 1] },
      { type: 'remove', ids: { length: 1e9 } },
      { type: 'board', question: null, strokes: 'all', removed: {} },
    ]) {
      await board.send(value)
      await pointers.send(value)
    }
  })
  await choose(ben, 'Green')
  await draw(ben, [0.9, 0.1], [0.9, 0.2])
  await allSee('what ben draws after it has come', [ada, cleo], [[[0.9, 0.15], GREEN]])
  await button(ben, 'Undo my last stroke').click()
  await until('ada sees what she saw', async () => (await seen(ada)).print === before.print)

  // Ada came first, and is host here.
  await until('ben may not clear it', () => button(ben, 'Clear the whiteboard').isDisabled())
  await button(ada, 'Clear the whiteboard').click()
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Clear', exact: true }).click()
  for (const visitor of [ada, ben, cleo]) {
    await until(`${visitor.name} has a blank board`, async () => (await seen(visitor)).inked === 0)
  }
  for (const { problems, name } of [ada, ben, cleo]) expect(problems, name).toEqual([])
}, 300_000)
