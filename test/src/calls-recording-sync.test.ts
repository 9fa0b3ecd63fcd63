import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { FLASH, type Take, takePicture, takeTone } from '../../media/src/testing/takes.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { flashesIn, playFilm, probePlayed, type Spot, tonesIn } from './support/played.ts'
import { downloadFilm, outcomeOf } from './support/recorded.ts'
import { mintToken } from './support/rest.ts'
import { RtpPeer } from './support/rtp-peer.ts'
import { startServer, type TestServer } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let server: TestServer

/** Who shows which colour and sounds like what, and how late after its capture it is sent, ms. */
const PEOPLE = {
  ada: { colour: '0xc80000', rgb: [200, 0, 0], hertz: 440, picture: 0, sound: 0, clock: 0 },
  // An encoder that takes its time, and a clock of its own.
  bob: { colour: '0x00a000', rgb: [0, 160, 0], hertz: 1_100, picture: 180, sound: 20, clock: 3_600_000 },
  cyd: { colour: '0x0000dc', rgb: [0, 0, 220], hertz: 2_500, picture: 60, sound: 120, clock: -86_400_000 },
} as const
type Name = keyof typeof PEOPLE
const NAMES = Object.keys(PEOPLE) as Name[]
const TAKE_SECONDS = FLASH.everyMs / 1_000
const takes = new Map<Name, { picture: Take; tone: Take }>()

beforeAll(async () => {
  server = await startServer({ register })
  for (const name of NAMES) {
    const { colour, hertz } = PEOPLE[name]
    const [picture, tone] = await Promise.all([
      takePicture(colour, TAKE_SECONDS),
      takeTone(hertz, TAKE_SECONDS),
    ])
    takes.set(name, { picture, tone })
  }
}, 240_000)

const roomId = 'known'
const come = async (name: Name, zero: number): Promise<RtpPeer> => {
  const { picture, tone } = takes.get(name) ?? {}
  if (!picture || !tone) throw new Error('there is nothing to send')
  const token = await mintToken(server.url, name, { name, rooms: [{ roomId, role: 'publisher' }] })
  const { picture: pictureMs, sound: soundMs, clock } = PEOPLE[name]
  const sending = [
    { take: tone, delayMs: soundMs },
    { take: picture, delayMs: pictureMs },
  ]
  const peer = await RtpPeer.publish({ url: server.url, roomId, token, sending, zero, clockOffMs: clock })
  onTestFinished(() => peer.leave())
  return peer
}

const [LEFT, RIGHT, TOP_LEFT, TOP_RIGHT, BELOW] = [
  { x: 0.25, y: 0.5 },
  { x: 0.75, y: 0.5 },
  { x: 0.25, y: 0.25 },
  { x: 0.75, y: 0.25 },
  { x: 0.5, y: 0.75 },
]

test('three people, one late and one leaving early: everyone in their place, sound and picture within 50 ms', {
  timeout: 400_000,
}, async () => {
  await perform(server.url, 'room:create', { id: roomId, kind: 'group', members: ['mona'] })
  await perform(server.url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  // All film the same: flashes at the same moments.
  const zero = performance.now()
  await come('ada', zero)
  const bob = await come('bob', zero)
  const { status, body } = await perform(server.url, 'recording:start', { roomId }, { sender: 'mona' })
  expect(status).toBe(201)
  const begins = Date.parse(body.recording.startedAt) - Date.now() + performance.now()
  const since = () => (performance.now() - begins) / 1_000
  const reach = (seconds: number) => until(`${seconds} s are recorded`, () => since() > seconds, 60_000)
  await reach(6)
  const coming = since()
  await come('cyd', zero)
  const came = since()
  await reach(came + 7)
  const leaving = since()
  await bob.leave()
  const left = since()
  await reach(left + 5)
  const ended = await perform(server.url, 'recording:stop', { roomId }, { sender: 'mona' })
  const stopped = since()
  expect(ended.status).toBe(200)

  const { type, data } = await outcomeOf(server.url, roomId)
  expect([type, data.problem]).toEqual(['recording.ready', undefined])
  const path = await downloadFilm(server.url, data.fileId, 'mona')
  const listed = await perform(server.url, 'file:list', { roomId }, { sender: 'mona' })
  expect(listed.body.data).toMatchObject([{ fileId: data.fileId, kind: 'video', sender: 'mona' }])
  const { seconds, streams } = await probePlayed(path)
  expect(streams).toEqual([
    { kind: 'video', codec: 'h264', width: 1280, height: 720 },
    { kind: 'audio', codec: 'aac' },
  ])
  expect(Math.abs(seconds - stopped)).toBeLessThan(1)

  const film = await playFilm(path)
  const looks = (name: Name, { x, y }: Spot, at: number): boolean => {
    const seen = film.pixels.at(Math.round(at * 25), x, y)
    return seen.every((value, n) => Math.abs(value - (PEOPLE[name].rgb[n] ?? 0)) < 70)
  }
  /** Whether somebody is there all the time, but for flashes. */
  const isThere = (name: Name, spot: Spot, from: number, to: number): boolean => {
    let white = 0
    for (let at = from; at < to; at += 0.04) {
      if (!looks(name, spot, at)) white += 0.04
    }
    const flashing = (FLASH.ms / FLASH.everyMs) * (to - from) + FLASH.ms / 1_000
    return white < flashing + 0.1
  }
  // Who comes needs a moment for the first picture.
  expect(isThere('ada', LEFT, 1, coming - 0.1)).toBe(true)
  expect(isThere('bob', RIGHT, 1, coming - 0.1)).toBe(true)
  expect(isThere('ada', TOP_LEFT, came + 2, leaving - 0.1)).toBe(true)
  expect(isThere('bob', TOP_RIGHT, came + 2, leaving - 0.1)).toBe(true)
  expect(isThere('cyd', BELOW, came + 2, leaving - 0.1)).toBe(true)
  expect(isThere('ada', LEFT, left + 0.5, stopped - 0.3)).toBe(true)
  expect(isThere('cyd', RIGHT, left + 0.5, stopped - 0.3)).toBe(true)
  expect(tonesIn(film, PEOPLE.cyd.hertz, 0, coming)).toEqual([])
  expect(tonesIn(film, PEOPLE.bob.hertz, left + 0.5, stopped)).toEqual([])

  const measured = [
    ['ada', LEFT, 1, coming - 0.2],
    ['bob', RIGHT, 1, coming - 0.2],
    ['ada', TOP_LEFT, came + 2, leaving - 0.2],
    ['bob', TOP_RIGHT, came + 2, leaving - 0.2],
    ['cyd', BELOW, came + 2, leaving - 0.2],
    ['ada', LEFT, left + 0.5, stopped - 0.3],
    ['cyd', RIGHT, left + 0.5, stopped - 0.3],
  ] as const
  const first = (zero - begins) / 1_000
  const offsets = measured.flatMap(([name, spot, from, to]) => {
    const tones = tonesIn(film, PEOPLE[name].hertz)
    const flashes = flashesIn(film, spot, from, to)
    expect(flashes.length, `${name} from ${from} to ${to}`).toBeGreaterThanOrEqual(1)
    return flashes.map(at => {
      const tone = tones.toSorted((a, b) => Math.abs(a - at) - Math.abs(b - at))[0] ?? Number.NaN
      const every = FLASH.everyMs / 1_000
      const captured = first + Math.round((at - first) / every) * every
      return { name, at, toneAfter: tone - at, afterCapture: at - captured }
    })
  })
  const shown = offsets.map(({ name, at, toneAfter, afterCapture }) =>
    [name, at.toFixed(2), (toneAfter * 1_000).toFixed(0), (afterCapture * 1_000).toFixed(0)].join(' '),
  )
  console.log(`who, flash at s, tone after flash ms, flash after capture ms:\n${shown.join('\n')}`)
  expect(offsets.filter(({ toneAfter }) => !(Math.abs(toneAfter) < 0.05))).toEqual([])
  // Everybody is at the same moment of the film who was at the same moment of the call.
  expect(offsets.filter(({ afterCapture }) => !(Math.abs(afterCapture) < 0.1))).toEqual([])
})
