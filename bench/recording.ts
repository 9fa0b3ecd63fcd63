/**
 * What it costs to record a call, beside a headless Chromium that is in the same call and records what it sees and hears, as
 * recorders elsewhere do. Three people publish pictures of 640x360 and sound from real ICE, DTLS and SRTP peers (node-datachannel).
 * CPU is that of all processes: taking is what recording adds to a call that goes on anyway; the film is made afterwards.
 *
 *     npm run bench recording [seconds per measurement, 30 by default, which takes six minutes in all]
 */
import { loadavg } from 'node:os'
import { setTimeout as pause } from 'node:timers/promises'
import { chromium, type Page } from 'playwright-core'
import { takePicture, takeTone } from '../media/src/testing/takes.ts'
import { CHROMIUM, FLAGS } from '../test/src/support/chromium.ts'
import { commandOf, descendantsOf } from '../test/src/support/processes-of.ts'
import { RtpPeer } from '../test/src/support/rtp-peer.ts'
import { cpuOf, cpuOfEnded } from './cpu.ts'
import { startServer } from './server.ts'

const SECONDS = Number(process.argv[2] ?? 30)
const ROUNDS = 3
const SETTLE_SECONDS = 2
const PEOPLE = 3
const TRACKS = 2 * PEOPLE

const row = (cells: readonly string[]) => console.log(`| ${cells.join(' | ')} |`)
const note = (text: string) => process.stderr.write(`  · ${text}\n`)
const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0)

const server = await startServer({ RTC_PORT: '0', TURN_PORT: '0', RTC_WORKERS: '1' }, [])
const browserServer = await chromium.launchServer({
  executablePath: CHROMIUM,
  headless: true,
  args: [...FLAGS],
})
const browser = await chromium.connect(browserServer.wsEndpoint())
const browserPid = browserServer.process().pid ?? 0

const isWorker = (pid: number) => commandOf(pid).includes('mediasoup-worker')
/** CPU time so far: of the server's own process (SFU, signalling and media), of its workers, and of the whole browser. */
const used = () => {
  const children = descendantsOf(server.pid)
  return {
    process: cpuOf(server.pid),
    workers: sum(children.filter(isWorker).map(cpuOf)),
    browser: sum([browserPid, ...descendantsOf(browserPid)].map(cpuOf)),
  }
}
type Used = ReturnType<typeof used>

/** What was used in a second, while nothing else changed. */
const measure = async (what: string): Promise<Used> => {
  note(what)
  await pause(SETTLE_SECONDS * 1_000)
  const [before, start] = [used(), performance.now()]
  await pause(SECONDS * 1_000)
  const [after, seconds] = [used(), (performance.now() - start) / 1_000]
  const per = (name: keyof Used) => (after[name] - before[name]) / seconds
  return { process: per('process'), workers: per('workers'), browser: per('browser') }
}

note('making what people show and say')
const takes = await Promise.all([
  takePicture('0xc80000', 2, { size: '640x360', bitrate: '600k' }),
  takeTone(440, 2),
])
const rooms = ['bench-1', 'bench-2']
for (const roomId of rooms) {
  await server.post('/v1/rooms', { id: roomId, kind: 'group', members: ['mona'] })
  const zero = performance.now()
  for (let n = 0; n < PEOPLE; n++) {
    const userId = `peer-${n}`
    const rights = { userId, name: `Peer ${n}`, rooms: [{ roomId, role: 'publisher' }] }
    const { token } = await server.post('/v1/tokens', rights)
    const sending = takes.map(take => ({ take }))
    await RtpPeer.publish({ url: server.url, roomId, token, sending, zero })
  }
}

const recordings = (roomId: string) => `/v1/rooms/${roomId}/call/recording`
const start = async (roomId: string) => server.post(recordings(roomId), { sender: 'mona' })
const stop = async (roomId: string): Promise<void> => {
  const headers = { authorization: `Bearer ${server.apiKey}` }
  const answer = await fetch(`${server.url}${recordings(roomId)}`, { method: 'DELETE', headers })
  if (!answer.ok) throw new Error(`a recording was not stopped: ${await answer.text()}`)
}
type Over = { type: string; data: { recordingId: string; durationMs: number; reason?: string } }
/** Waits for the film; resolves with its length, s. */
const filmOf = async (roomId: string, recordingId: string): Promise<number> => {
  for (;;) {
    const { data } = (await server.get(`/v1/rooms/${roomId}/events?limit=200`)) as { data: Over[] }
    const over = data.find(
      ({ type, data }) => /^recording\.(ready|failed)$/.test(type) && data.recordingId === recordingId,
    )
    if (over?.type === 'recording.ready') return over.data.durationMs / 1_000
    if (over) throw new Error(`there is no film: ${over.data.reason}`)
    await pause(500)
  }
}

/** In the page: joins, draws everybody into one picture as they come, mixes all voices, and records both. */
const recordInPage = async ([url, token, roomId]: [string, string, string]) => {
  const { Trunkline } = await import(`${url}/sdk.js`)
  const client = new Trunkline({ url, token })
  const room = await client.openRoom(roomId)
  const call = await room.joinCall({})
  const canvas = Object.assign(document.createElement('canvas'), { width: 1280, height: 720 })
  const context = canvas.getContext('2d', { alpha: false }) as CanvasRenderingContext2D
  const audio = new AudioContext()
  await audio.resume()
  const mixed = audio.createMediaStreamDestination()
  const videos = new Map<MediaStreamTrack, HTMLVideoElement>()
  const heard = new Set<MediaStreamTrack>()
  type Person = {
    isLocal: boolean
    track(source: string): MediaStreamTrack | undefined
  }
  let drawn = 0
  const draw = () => {
    drawn++
    const others = (call.participants as Person[]).filter(({ isLocal }) => !isLocal)
    others.forEach((person, n) => {
      const [camera, mic] = [person.track('camera'), person.track('mic')]
      if (camera && !videos.has(camera)) {
        call.prefer(person, 'camera', 360)
        const video = Object.assign(document.createElement('video'), { muted: true, autoplay: true })
        video.srcObject = new MediaStream([camera])
        void video.play()
        videos.set(camera, video)
      }
      if (mic && !heard.has(mic)) {
        heard.add(mic)
        // Chromium decodes sound from elsewhere only when an element plays it as well.
        const element = Object.assign(document.createElement('audio'), { muted: true, autoplay: true })
        element.srcObject = new MediaStream([mic])
        void element.play()
        audio.createMediaStreamSource(new MediaStream([mic])).connect(mixed)
      }
      const video = camera && videos.get(camera)
      if (video) context.drawImage(video, (n % 2) * 640, Math.floor(n / 2) * 360, 640, 360)
    })
  }
  const timer = setInterval(draw, 40)
  const stream = new MediaStream([...canvas.captureStream(25).getTracks(), ...mixed.stream.getTracks()])
  const recorder = new MediaRecorder(stream, {
    mimeType: 'video/webm;codecs=vp8,opus',
    videoBitsPerSecond: 2_500_000,
  })
  let bytes = 0
  recorder.ondataavailable = ({ data }) => {
    bytes += data.size
  }
  recorder.start(1_000)
  Object.assign(window, {
    recorded: () => ({
      bytes,
      drawn,
      sizes: [...videos.values()].map(({ videoWidth }) => videoWidth),
      voices: heard.size,
    }),
    leave: async () => {
      clearInterval(timer)
      recorder.stop()
      await call.leave()
      await audio.close()
    },
  })
}

type Recorded = { bytes: number; drawn: number; sizes: number[]; voices: number }
const browse = async (roomId: string): Promise<Page> => {
  const rights = { userId: 'recorder', name: 'Recorder', rooms: [{ roomId, role: 'publisher' }] }
  const { token } = await server.post('/v1/tokens', rights)
  const context = await browser.newContext({ viewport: { width: 1280, height: 720 } })
  const page = await context.newPage()
  await page.goto(server.url)
  await page.evaluate(recordInPage, [server.url, token, roomId] as [string, string, string])
  await page.waitForFunction(
    people =>
      (window as unknown as { recorded(): Recorded }).recorded().sizes.filter(Boolean).length === people,
    PEOPLE,
  )
  return page
}

const lacks = (after: Used, before: Used, names: readonly (keyof Used)[]) =>
  sum(names.map(name => after[name] - before[name]))
const taking: { process: number; workers: number }[][] = [[], []]
const browsing: number[] = []
const films: number[] = []
/** What Chromium recorded in a second: of a machine too busy it is less than it should be. */
const drawn: number[] = []

for (let round = 1; round <= ROUNDS; round++) {
  const idle = await measure(`round ${round}: two calls, nothing recorded`)
  const ids: string[] = []
  for (const [n, roomId] of rooms.entries()) {
    ids.push((await start(roomId)).recording.id)
    const busy = await measure(`round ${round}: ${n + 1} recorded`)
    const one = (name: 'process' | 'workers') => (busy[name] - idle[name]) / (n + 1)
    taking[n]?.push({ process: one('process'), workers: one('workers') })
  }
  note(`round ${round}: films`)
  const ended = cpuOfEnded(server.pid)
  const quiet = cpuOf(server.pid)
  const begun = performance.now()
  for (const roomId of rooms) await stop(roomId)
  const lengths = await Promise.all(rooms.map((roomId, n) => filmOf(roomId, ids[n] ?? '')))
  const waited = (performance.now() - begun) / 1_000
  const made = cpuOfEnded(server.pid) - ended + cpuOf(server.pid) - quiet - waited * idle.process
  films.push(made / sum(lengths))

  const page = await browse(rooms[0] ?? '')
  const look = () => page.evaluate(() => (window as unknown as { recorded(): Recorded }).recorded())
  const { drawn: begunAt } = await look()
  const busy = await measure(`round ${round}: Chromium records one`)
  browsing.push(busy.browser + lacks(busy, idle, ['process', 'workers']))
  const recorded = await look()
  if (recorded.sizes.some(width => width < 640) || recorded.voices < PEOPLE)
    throw new Error(`Chromium did not record everybody: ${JSON.stringify(recorded)}`)
  drawn.push((recorded.drawn - begunAt) / (SECONDS + SETTLE_SECONDS))
  await page.evaluate(() => (window as unknown as { leave(): Promise<void> }).leave())
  await page.context().close()
}

const chromiumCost = middle(browsing)
const filmCost = middle(films)
console.log(
  `${PEOPLE} people with picture (640x360, 25 a second, 600 kbit/s) and sound, ${TRACKS} tracks; median of ${ROUNDS} rounds of ${SECONDS} s. Load average ${loadavg()[0]?.toFixed(1)}.\n`,
)
row([
  'CPU seconds',
  'a recorded minute',
  'of it workers',
  'a minute of one track',
  'at once on a core',
  'of Chromium',
])
row(Array(6).fill('---'))
const line = (name: string, perSecond: number, workers?: number) =>
  row([
    name,
    (perSecond * 60).toFixed(2),
    workers === undefined ? '' : (workers * 60).toFixed(2),
    ((perSecond * 60) / TRACKS).toFixed(3),
    (1 / perSecond).toFixed(1),
    (perSecond / chromiumCost).toFixed(3),
  ])
for (const [n, costs] of taking.entries()) {
  const all = costs.map(cost => cost.process + cost.workers)
  line(n === 0 ? 'taking one' : 'taking two, each', middle(all), middle(costs.map(({ workers }) => workers)))
}
line('the film, afterwards', filmCost)
line('taking and film', middle(taking[1]?.map(cost => cost.process + cost.workers) ?? []) + filmCost)
line('Chromium in the call, VP8 of 1280x720', chromiumCost)
console.log(`\nChromium drew ${middle(drawn).toFixed(1)} pictures a second; the film has 25.`)
await browser.close()
await browserServer.close()
await server.stop()
process.exit(0)
