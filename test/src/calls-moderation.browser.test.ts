import type { Browser } from 'playwright-core'
import { beforeAll, expect, test } from 'vitest'
import { faults } from './support/axe.ts'
import { joinCall, launchBrowser, pictures, type Visitor } from './support/browser.ts'
import { button, choose, heard, isInCall, visitCall } from './support/call-page.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { startServer, type TestServer } from './support/server.ts'
import { until as untilWithin } from './support/until.ts'

/** Three people with pictures on two cores that do other things as well, and a look at each page by axe. */
const LIMIT_MS = 360_000
const WAIT_MS = 60_000

const until = <T>(what: string, look: () => T | Promise<T>) => untilWithin(what, look, WAIT_MS)

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

const makeRoom = async (roomId: string, members: string[], settings: object = {}): Promise<void> => {
  const { url } = server
  await perform(url, 'room:create', { id: roomId, kind: 'group', title: 'Ward 7', members, ...settings })
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
}

const come = (roomId: string, userId: string, name: string): Promise<Visitor> =>
  visitCall(browser, { url: server.url, roomId, userId, name })

const says = ({ page }: Visitor, text: string | RegExp) => page.getByText(text).first().waitFor()
/** What stands in the header while breakouts are open, with the time that is left. */
const sign = (visitor: Visitor, text: string) =>
  until(`${visitor.name} reads ${text}`, async () => {
    const read = await visitor.page.locator('tl-breakout-sign').textContent()
    return new RegExp(`^\\s*${text}\\s*\\d+:\\d\\d\\s*$`).test(read ?? '')
  })

test(
  'a host lets in from the lobby, mutes, makes listeners, removes, locks and ends',
  async () => {
    const roomId = 'lobby'
    await makeRoom(roomId, ['mona', 'paul', 'nina'], { lobby: true })
    const mona = await come(roomId, 'mona', 'Mona')
    await joinCall(mona)
    await isInCall(mona)

    // Two wait, with their own picture and nothing of the call.
    const [paul, nina] = await Promise.all([come(roomId, 'paul', 'Paul'), come(roomId, 'nina', 'Nina')])
    for (const visitor of [paul, nina]) {
      await joinCall(visitor)
      await says(visitor, 'Waiting for a host to let you in')
      await until('the own picture runs', async () =>
        (await pictures(visitor)).some(({ width }) => width > 0),
      )
    }
    expect(await paul.page.locator('.lobby form').textContent()).not.toContain('Mona')
    expect(await faults(paul)).toEqual([])
    await button(mona, 'Admit Paul').waitFor()
    await button(mona, 'Deny Nina').waitFor()
    expect(await faults(mona)).toEqual([])
    await button(mona, 'Deny Nina').click()
    await says(nina, 'The host did not let you in')
    expect(await faults(nina)).toEqual([])
    await button(mona, 'Admit Paul').click()
    await isInCall(paul)
    await until('both see both', async () => {
      const seen = await Promise.all([mona, paul].map(pictures))
      return seen.every(list => list.filter(({ width }) => width > 0).length === 2)
    })
    await button(nina, 'Knock again').click()
    await button(mona, 'Admit Nina').click()
    await isInCall(nina)

    // A hand goes up, and is seen on the tile and in the list.
    await button(nina, 'Raise hand').click()
    await mona.page.locator('tl-tile .hand').waitFor()
    await button(mona, /^Members/).click()
    await mona.page.locator('.people .hand').waitFor()
    expect(await faults(mona)).toEqual([])

    await choose(mona, 'What to do with Paul', 'Mute')
    await heard(paul, 'You were muted by Mona')
    await button(paul, 'Unmute microphone').click()
    await button(paul, 'Mute microphone').waitFor()

    await choose(mona, 'What to do with Paul', 'Make listener')
    await heard(paul, 'You are a listener now')
    await until('mona sees no picture of paul', async () => {
      const shown = await pictures(mona)
      return shown.filter(({ width }) => width > 0).length === 2
    })
    await until('paul may not unmute', () => button(paul, 'Unmute microphone').isDisabled())
    await choose(mona, 'What to do with Paul', 'Let speak')
    await heard(paul, 'You may speak now')
    await button(paul, 'Turn camera on').click()
    await button(paul, 'Turn camera off').waitFor()

    await choose(mona, 'What to do with Nina', 'Remove from call')
    await mona.page.getByRole('button', { name: 'Remove', exact: true }).click()
    await says(nina, 'You were removed from the call')
    expect(await faults(nina)).toEqual([])

    await choose(mona, 'Host controls', 'Lock call')
    await heard(mona, 'Nobody new comes in')
    await button(nina, 'Join again').click()
    await joinCall(nina)
    await says(nina, 'Waiting for a host to let you in')
    await button(nina, 'Cancel').click()
    await until('nobody waits', async () => (await mona.page.locator('tl-waiting li').count()) === 0)

    await choose(mona, 'Host controls', 'End call for everybody')
    await mona.page.getByRole('button', { name: 'End call', exact: true }).click()
    await says(paul, 'The call has ended')
    await says(mona, 'The call has ended')
    for (const { problems } of [mona, paul, nina]) expect(problems).toEqual([])
  },
  LIMIT_MS,
)

test(
  'breakouts take people along with their pictures, and bring them back',
  async () => {
    const roomId = 'tables'
    await makeRoom(roomId, ['mona', 'paul', 'nina'])
    const [mona, paul, nina] = await Promise.all([
      come(roomId, 'mona', 'Mona'),
      come(roomId, 'paul', 'Paul'),
      come(roomId, 'nina', 'Nina'),
    ])
    const enter = async (visitor: Visitor) => {
      await joinCall(visitor)
      await isInCall(visitor)
    }
    await Promise.all([mona, paul, nina].map(enter))
    const own = ({ page }: Visitor) =>
      page.evaluate(() => {
        const video = document.querySelector<HTMLVideoElement>('.mirrored video')
        return (video?.srcObject as MediaStream | undefined)?.getVideoTracks()[0]?.id
      })
    const before = await own(paul)
    expect(before).toBeTruthy()

    await choose(mona, 'Host controls', 'Breakout rooms')
    expect(await faults(mona)).toEqual([])
    await mona.page.getByRole('button', { name: 'Open 2 rooms' }).click()
    await sign(paul, 'Breakout')
    await sign(nina, 'Breakout')
    await sign(mona, 'Breakouts')
    await until('paul is alone in his room', () => paul.page.getByText('Nobody else is here yet').isVisible())
    // The very same camera: nobody was asked again, and no light went out.
    expect(await own(paul)).toBe(before)
    expect(await faults(paul)).toEqual([])

    // A host goes to see one of them, and comes back.
    await choose(mona, 'Host controls', 'Breakout rooms')
    expect(await faults(mona)).toEqual([])
    await button(mona, 'Go there: Room 1').click()
    await sign(mona, 'Breakout')
    await until(
      'two are in the room',
      async () => (await pictures(mona)).filter(({ width }) => width > 0).length === 2,
    )
    // Who is sent elsewhere goes there.
    await choose(mona, 'Host controls', 'Breakout rooms')
    const rooms = mona.page.getByRole('combobox', { name: 'Room of Nina' })
    await rooms.selectOption({ label: 'Room 1' })
    await mona.page.getByRole('combobox', { name: 'Room of Paul' }).selectOption({ label: 'Room 1' })
    await until(
      'three are in the room',
      async () => (await pictures(mona)).filter(({ width }) => width > 0).length === 3,
    )
    await mona.page.getByRole('button', { name: 'Close all rooms' }).click()
    for (const visitor of [mona, paul, nina]) {
      await until(`${visitor.name} is back`, async () => {
        const title = await visitor.page.locator('.call h1').textContent()
        const shown = (await pictures(visitor)).filter(({ width }) => width > 0)
        return title === 'Ward 7' && shown.length === 3
      })
    }
    expect(await own(paul)).toBe(before)
    for (const { problems } of [mona, paul, nina]) expect(problems).toEqual([])
  },
  LIMIT_MS,
)
