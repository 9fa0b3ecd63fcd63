import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Take, takePicture, takeTone } from '../../media/src/testing/takes.ts'
import { CallPerson } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { isWhite, playFilm, probePlayed, type Spot, tonesIn } from './support/played.ts'
import { eventsOf } from './support/recorded.ts'
import { mintToken, rest } from './support/rest.ts'
import { RtpPeer } from './support/rtp-peer.ts'
import { freePort, startServer, type TestServer, temporaryFolder } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let server: TestServer

/** Who shows which colour and sounds like what. */
const PEOPLE = {
  ada: { colour: '0xc80000', rgb: [200, 0, 0], hertz: 440 },
  bob: { colour: '0x00a000', rgb: [0, 160, 0], hertz: 1_100 },
} as const
type Name = keyof typeof PEOPLE
const TAKE_SECONDS = 10
const takes = new Map<Name, { picture: Take; tone: Take }>()
const KEY = 'a-key-nobody-is-told'

beforeAll(async () => {
  server = await startServer({ register, env: { LIVE_PRIVATE_TARGETS: '1' } })
  for (const [name, { colour, hertz }] of Object.entries(PEOPLE)) {
    const [picture, tone] = [await takePicture(colour, TAKE_SECONDS), await takeTone(hertz, TAKE_SECONDS)]
    takes.set(name as Name, { picture, tone })
  }
}, 120_000)

const makeRoom = (roomId: string) =>
  rest(server.url, 'POST', '/v1/rooms', {
    body: { id: roomId, kind: 'group', members: ['mona'], defaultRole: 'publisher' },
  })

const come = async (roomId: string, name: Name): Promise<RtpPeer> => {
  const { picture, tone } = takes.get(name) ?? {}
  if (!picture || !tone) throw new Error('there is nothing to send')
  const token = await mintToken(server.url, name, { name, rooms: [{ roomId, role: 'publisher' }] })
  const sending = [{ take: tone }, { take: picture }]
  const zero = performance.now()
  const peer = await RtpPeer.publish({ url: server.url, roomId, token, sending, zero })
  onTestFinished(() => peer.leave())
  return peer
}

/** A service that takes what is sent to it once, as a file. */
const listen = (port: number, path: string): Promise<unknown> => {
  const address = `rtmp://127.0.0.1:${port}/live/${KEY}`
  const child = spawn(
    'ffmpeg',
    ['-nostdin', '-v', 'error', '-listen', '1', '-f', 'flv', '-i', address, '-c', 'copy', path],
    { stdio: 'ignore' },
  )
  onTestFinished(() => void child.kill('SIGKILL'))
  return once(child, 'exit')
}

const isLike = (seen: readonly number[], colour: readonly number[]): boolean =>
  seen.every((value, n) => Math.abs(value - (colour[n] ?? 0)) < 70)

const [LEFT, RIGHT]: [Spot, Spot] = [
  { x: 0.3, y: 0.5 },
  { x: 0.8, y: 0.5 },
]
const PATIENCE_MS = 240_000

const playlistOf = async (path: string | undefined): Promise<string | undefined> => {
  const response = await fetch(`${server.url}${path}`)
  return response.status === 200 ? response.text() : undefined
}

test('a call is watched as HLS and taken by an RTMP service', { timeout: 600_000 }, async () => {
  const roomId = 'streamed'
  await makeRoom(roomId)
  const port = await freePort()
  const taken = join(temporaryFolder(), 'taken.flv')
  const listening = listen(port, taken)
  await Promise.all([come(roomId, 'ada'), come(roomId, 'bob')])
  const mona = await CallPerson.connect({ url: server.url, userId: 'mona', roomId }, onTestFinished)
  await mona.socket.request('room:open', { roomId })
  const { status, body } = await rest(server.url, 'POST', `/v1/rooms/${roomId}/call/stream`, {
    body: { sender: 'mona', hls: true, rtmp: `rtmp://127.0.0.1:${port}/live/${KEY}` },
  })
  expect([status, body]).toEqual([
    201,
    {
      stream: {
        id: expect.stringMatching(/^str_/),
        startedAt: expect.any(String),
        paused: false,
        hls: true,
        rtmp: true,
      },
      playlist: expect.stringMatching(/^\/live\/str_[0-9a-f]+\/[\w-]{43}\/index\.m3u8$/),
    },
  ])
  // Everybody in the call is told before anything leaves it.
  await until('the call says so', () => mona.call()?.stream)
  expect(mona.call()?.stream).toEqual(body.stream)
  expect(Date.now()).toBeLessThan(Date.parse(body.stream.startedAt))
  await mona.socket.hear('stream:changed', ({ rtmp }) => rtmp === 'live', PATIENCE_MS)
  const live = await until(
    'there are some segments',
    async () => {
      const text = await playlistOf(body.playlist)
      return (text?.match(/\.ts/g)?.length ?? 0) >= 5 ? text : undefined
    },
    PATIENCE_MS,
  )
  expect(live).not.toContain('#EXT-X-ENDLIST')
  expect((await rest(server.url, 'DELETE', `/v1/rooms/${roomId}/call/stream`)).status).toBe(200)
  await until('the call says that it is over', () => mona.call() && !mona.call()?.stream)
  const over = await until(
    'the playlist says that it is over',
    async () => {
      const text = await playlistOf(body.playlist)
      return text?.includes('#EXT-X-ENDLIST') ? text : undefined
    },
    PATIENCE_MS,
  )
  expect(over.match(/#EXT-X-DISCONTINUITY\n/g)).toBeNull()
  const ended = await until(
    'the room has been told',
    async () => (await eventsOf(server.url, roomId)).find(({ type }) => type === 'stream.ended'),
    PATIENCE_MS,
  )
  const { id: streamId } = body.stream
  expect(ended.data).toEqual({ streamId, durationMs: expect.any(Number) })
  await listening

  for (const path of [`${server.url}${body.playlist}`, taken]) {
    const { streams, seconds } = await probePlayed(path)
    expect(streams, path).toEqual([
      { kind: 'video', codec: 'h264', width: 1280, height: 720 },
      { kind: 'audio', codec: 'aac' },
    ])
    expect(seconds, path).toBeGreaterThan(7)
    const film = await playFilm(path)
    const { frames } = film.pixels
    const sees = (name: Name, { x, y }: Spot) =>
      Array.from({ length: frames }, (_, n) => n).filter(n =>
        isLike(film.pixels.at(n, x, y), PEOPLE[name].rgb),
      )
    const [ada, bob] = [sees('ada', LEFT).length, sees('bob', RIGHT).length]
    // But for the flashes, and what came before the first picture.
    expect(ada, path).toBeGreaterThan(frames * 0.5)
    expect(bob, path).toBeGreaterThan(frames * 0.5)
    const white = Array.from({ length: frames }, (_, n) => n).filter(n =>
      isWhite(film.pixels.at(n, LEFT.x, LEFT.y)),
    )
    expect(white.length, path).toBeGreaterThan(5)
    for (const { hertz } of Object.values(PEOPLE))
      expect(tonesIn(film, hertz).length).toBeGreaterThanOrEqual(2)
  }
  // Where it went is nobody's business.
  expect(server.log()).not.toContain(KEY)
  expect(JSON.stringify(await eventsOf(server.url, roomId))).not.toContain(KEY)
})
