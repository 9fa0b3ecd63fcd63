import { LIMITS } from '@trunkline/protocol'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { type Film, flashesIn, playFilm, probePlayed, type Spot, tonesIn } from './support/played.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { downloadFilm, eventsOf, outcomeOf } from './support/recorded.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register })
  browser = await launchBrowser(register)
})

const WAIT = { timeout: 60_000, interval: 250 }

/** Who shows which colour and sounds like what. */
const LOOKS = {
  ada: { colour: [200, 0, 0], hertz: 440 },
  bob: { colour: [0, 160, 0], hertz: 1_100 },
  cyd: { colour: [0, 0, 220], hertz: 2_500 },
} as const
type Name = keyof typeof LOOKS

/**
 * As text, because the test runner would make an import of its own of it: joins with a picture of one colour and a tone. Every
 * two seconds the picture turns white for 200 ms, and the tone is heard for as long.
 */
const joining = (
  url: string,
  token: string,
  roomId: string,
  name: Name,
  videoCodec: string,
): string => `(async () => {
    const { Trunkline } = await import('${url}/sdk.js')
    const client = new Trunkline({ url: '${url}', token: '${token}' })
    const room = await client.openRoom('${roomId}')
    const canvas = Object.assign(document.createElement('canvas'), { width: 640, height: 360 })
    const context = canvas.getContext('2d')
    const audio = new AudioContext({ latencyHint: 0.01 })
    const out = audio.createMediaStreamDestination()
    const gain = new GainNode(audio, { gain: 0 })
    const tone = new OscillatorNode(audio, { frequency: ${LOOKS[name].hertz} })
    tone.connect(gain).connect(out)
    tone.start()
    await audio.resume()
    const [camera] = canvas.captureStream(0).getVideoTracks()
    setInterval(() => {
      const isOn = Date.now() % 2000 < 200
      context.fillStyle = isOn ? '#fff' : 'rgb(${LOOKS[name].colour.join(',')})'
      context.fillRect(0, 0, 640, 360)
      // Something moves, so that frames come at a steady rate.
      context.fillStyle = 'rgb(40,40,40)'
      context.fillRect(Math.random() * 20, 0, 8, 8)
      gain.gain.setValueAtTime(isOn ? 0.5 : 0, audio.currentTime)
      camera.requestFrame()
    }, 40)
    window.told = []
    window.call = await room.joinCall({
      mic: out.stream.getAudioTracks()[0],
      camera,
      videoCodec: '${videoCodec}',
      music: true,
    })
    window.states = []
    call.on('state', state => states.push(state))
    const look = () => told.push({ at: Date.now(), recording: call.moderation.recording })
    look()
    call.moderation.on('changed', look)
  })()`

const enter = async (roomId: string, name: Name, videoCodec = 'vp8'): Promise<Visitor> => {
  const token = await mintToken(server.url, `${name}-${roomId}`, {
    name,
    rooms: [{ roomId, role: name === 'ada' ? 'moderator' : 'publisher' }],
  })
  const visitor = await visit(browser, server.url, name, { viewport: { width: 400, height: 300 } })
  await visitor.page.evaluate(joining(server.url, token, roomId, name, videoCodec))
  return visitor
}

type Told = { at: number; recording?: { id: string; startedAt: string; paused: boolean } }
const toldTo = ({ page }: Visitor): Promise<Told[]> => page.evaluate('told')

/** What became of a room's recording, and the types of all there is in its log. */
const outcome = async (roomId: string) => {
  const { type, data } = await outcomeOf(server.url, roomId)
  expect(type).toBe('recording.ready')
  return { data, types: (await eventsOf(server.url, roomId)).map(event => event.type) }
}
const download = (fileId: unknown, userId: string) => downloadFilm(server.url, fileId, userId)

const isLike = (seen: readonly number[], colour: readonly number[]): boolean =>
  seen.every((value, n) => Math.abs(value - (colour[n] ?? 0)) < 70)

/** The middle of a tile. */
const LEFT = { x: 0.25, y: 0.5 }
const RIGHT = { x: 0.75, y: 0.5 }
const [TOP_LEFT, TOP_RIGHT, BELOW] = [
  { x: 0.25, y: 0.25 },
  { x: 0.75, y: 0.25 },
  { x: 0.5, y: 0.75 },
]

/** Of a time of the film in seconds: whether somebody was seen there, but for the flashes. */
const sees = (film: Film, name: Name, { x, y }: Spot, from: number, to: number): boolean => {
  for (let frame = Math.ceil(from * 25); frame < to * 25; frame++)
    if (isLike(film.pixels.at(frame, x, y), LOOKS[name].colour)) return true
  return false
}
/** When somebody's tone began. */
const tones = (film: Film, name: Name, from: number, to: number): number[] =>
  tonesIn(film, LOOKS[name].hertz, from, to)

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

const TEN_MINUTES = 600_000

test('three people, one late and one leaving early, are in the film where they were', {
  timeout: TEN_MINUTES,
}, async () => {
  const roomId = 'recorded'
  await rest(server.url, 'POST', '/v1/rooms', {
    body: { id: roomId, kind: 'group', defaultRole: 'publisher' },
  })
  const ada = await enter(roomId, 'ada', 'vp8')
  const bob = await enter(roomId, 'bob', 'h264')
  const before = Date.now()
  await ada.page.evaluate('call.moderation.startRecording()')
  // Everybody is told before the first packet is kept.
  for (const visitor of [ada, bob]) {
    const first = await vi.waitFor(async () => {
      const found = (await toldTo(visitor)).find(({ recording }) => recording)
      expect(found).toBeDefined()
      return found as Told
    }, WAIT)
    expect(first.at, visitor.name).toBeGreaterThanOrEqual(before)
    expect(first.at, visitor.name).toBeLessThan(Date.parse(first.recording?.startedAt ?? ''))
  }
  const startedAt = Date.parse((await toldTo(ada)).at(-1)?.recording?.startedAt ?? '')
  const since = () => (Date.now() - startedAt) / 1_000
  await expect.poll(since, { timeout: 20_000 }).toBeGreaterThan(5)
  const coming = since()
  const cyd = await enter(roomId, 'cyd', 'vp9')
  const came = since()
  // Who comes late is told with the answer to the join.
  expect((await toldTo(cyd))[0]?.recording?.id).toMatch(/^rec_/)
  await expect.poll(since, { timeout: 20_000 }).toBeGreaterThan(came + 6)
  const leaving = since()
  await bob.page.evaluate('call.leave()')
  const left = since()
  await expect.poll(since, { timeout: 20_000 }).toBeGreaterThan(left + 5)
  await ada.page.evaluate('call.moderation.stopRecording()')
  const stopped = since()
  await expect.poll(async () => (await toldTo(cyd)).at(-1)?.recording).toBeUndefined()

  const { data, types } = await outcome(roomId)
  expect(types).toContain('recording.started')
  expect(data.problem).toBeUndefined()
  const path = await download(data.fileId, `ada-${roomId}`)
  const { seconds, streams } = await probePlayed(path)
  expect(streams).toEqual([
    { kind: 'video', codec: 'h264', width: 1280, height: 720 },
    { kind: 'audio', codec: 'aac' },
  ])
  // From the first packet to the moment it was stopped.
  expect(seconds).toBeGreaterThan(stopped - 1.5)
  expect(seconds).toBeLessThan(stopped + 0.5)

  const seen = await playFilm(path)
  // What a page does is seen a moment later than it is asked for, and its first picture may take a while.
  expect(sees(seen, 'ada', LEFT, 1, coming)).toBe(true)
  expect(sees(seen, 'bob', RIGHT, 1, coming)).toBe(true)
  expect(sees(seen, 'ada', TOP_LEFT, came + 3, leaving)).toBe(true)
  expect(sees(seen, 'bob', TOP_RIGHT, came + 3, leaving)).toBe(true)
  expect(sees(seen, 'cyd', BELOW, came + 3, leaving)).toBe(true)
  expect(sees(seen, 'cyd', BELOW, 0, coming)).toBe(false)
  expect(sees(seen, 'ada', LEFT, left + 2, stopped - 0.5)).toBe(true)
  expect(sees(seen, 'cyd', RIGHT, left + 2, stopped - 0.5)).toBe(true)
  expect(sees(seen, 'bob', TOP_RIGHT, left + 2, stopped)).toBe(false)

  expect(tones(seen, 'ada', 0, stopped).length).toBeGreaterThanOrEqual(5)
  expect(tones(seen, 'bob', 0, leaving).length).toBeGreaterThanOrEqual(3)
  expect(tones(seen, 'bob', left + 1, stopped)).toEqual([])
  expect(tones(seen, 'cyd', 0, coming)).toEqual([])
  expect(tones(seen, 'cyd', came + 1, stopped).length).toBeGreaterThanOrEqual(3)

  // A page on a busy machine plays its tone that much later than it draws, before anything is sent: calls-recording-sync.test.ts
  // holds what comes after that to 50 ms.
  const apart = (name: Name, spot: Spot, from: number, to: number): number[] => {
    const heard = tones(seen, name, from - 1, to)
    // The last flash may be cut off from its tone.
    return flashesIn(seen, spot, from, to).flatMap(at =>
      heard.map(tone => tone - at).filter(gap => Math.abs(gap) < 1),
    )
  }
  // Each of them where they were for longest.
  for (const [name, gaps] of [
    ['ada', [...apart('ada', LEFT, 1, coming), ...apart('ada', TOP_LEFT, came + 2, leaving)]],
    ['bob', [...apart('bob', RIGHT, 1, coming), ...apart('bob', TOP_RIGHT, came + 2, leaving)]],
    ['cyd', [...apart('cyd', BELOW, came + 2, leaving), ...apart('cyd', RIGHT, left + 2, stopped)]],
  ] as const) {
    expect(gaps.length, name).toBeGreaterThanOrEqual(1)
    expect(Math.abs(middle(gaps)), name).toBeLessThan(0.25)
  }
})

test('what was kept before a media worker was killed is in the film with what came after, and pauses are not', {
  timeout: TEN_MINUTES,
}, async () => {
  const roomId = 'interrupted'
  await rest(server.url, 'POST', '/v1/rooms', {
    body: { id: roomId, kind: 'group', defaultRole: 'publisher' },
  })
  // In the codec that takes most to record: layers upon layers.
  const ada = await enter(roomId, 'ada', 'av1')
  await ada.page.evaluate("call.moderation.startRecording('speaker')")
  const recording = await vi.waitFor(async () => {
    const found = (await toldTo(ada)).at(-1)?.recording
    expect(found).toBeDefined()
    return found as NonNullable<Told['recording']>
  }, WAIT)
  let zero = Date.parse(recording.startedAt)
  const since = () => (Date.now() - zero) / 1_000
  await expect.poll(since, { timeout: 20_000 }).toBeGreaterThan(5)
  const workers = descendantsOf(server.pid).filter(pid => commandOf(pid).includes('mediasoup-worker'))
  for (const worker of workers) process.kill(worker, 'SIGKILL')
  const killed = since()
  await expect
    .poll(() => ada.page.evaluate<string[]>('states'), { timeout: 30_000 })
    .toEqual(['reconnecting', 'joined'])
  const back = since()
  await expect.poll(since, { timeout: 20_000 }).toBeGreaterThan(back + 5)
  // It is the same recording.
  expect((await toldTo(ada)).at(-1)?.recording?.id).toBe(recording.id)
  await ada.page.evaluate('call.moderation.pauseRecording()')
  const pausedAt = since()
  await expect.poll(async () => (await toldTo(ada)).at(-1)?.recording?.paused).toBe(true)
  await expect.poll(since, { timeout: 20_000 }).toBeGreaterThan(pausedAt + 6)
  await ada.page.evaluate('call.moderation.pauseRecording(false)')
  zero += (since() - pausedAt) * 1_000
  await expect.poll(since, { timeout: 20_000 }).toBeGreaterThan(pausedAt + 4)
  await ada.page.evaluate('call.leave()')
  const stopped = since()

  // Nobody stopped it: it ended with the call.
  const { data } = await outcome(roomId)
  const path = await download(data.fileId, `ada-${roomId}`)
  const { seconds } = await probePlayed(path)
  expect(Math.abs(seconds - stopped)).toBeLessThan(LIMITS.emptyCallGraceMs / 1_000 + 1)
  const seen = await playFilm(path)
  const whole = { x: 0.5, y: 0.5 }
  for (const [from, to] of [
    [1, killed],
    [back + 2, pausedAt],
    [pausedAt + 1, stopped],
  ] as const) {
    expect(sees(seen, 'ada', whole, from, to)).toBe(true)
    expect(tones(seen, 'ada', from, to).length).toBeGreaterThanOrEqual(1)
  }
})
