import { execFile, spawn } from 'node:child_process'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Browser } from 'playwright-core'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { launchBrowser, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { playFilm, probePlayed, toneIn } from './support/played.ts'
import { mintToken, rest } from './support/rest.ts'
import { freePort, startServer, type TestServer, temporaryFolder } from './support/server.ts'

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  server = await startServer({ register, env: { LIVE_PRIVATE_TARGETS: '1' } })
  browser = await launchBrowser(register)
})

/** Who shows which colour and sounds like what. */
const LOOKS = {
  ada: { colour: [200, 0, 0], hertz: 440 },
  bob: { colour: [0, 160, 0], hertz: 1_100 },
} as const
type Name = keyof typeof LOOKS

/** As text, because the test runner would make an import of its own of it: joins with a picture of one colour and a tone. */
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
    const audio = new AudioContext()
    const out = audio.createMediaStreamDestination()
    const tone = new OscillatorNode(audio, { frequency: ${LOOKS[name].hertz} })
    tone.connect(new GainNode(audio, { gain: 0.3 })).connect(out)
    tone.start()
    await audio.resume()
    const [camera] = canvas.captureStream(0).getVideoTracks()
    setInterval(() => {
      context.fillStyle = 'rgb(${LOOKS[name].colour.join(',')})'
      context.fillRect(0, 0, 640, 360)
      context.fillStyle = 'rgb(40,40,40)'
      context.fillRect(Math.random() * 20, 0, 8, 8)
      camera.requestFrame()
    }, 50)
    window.told = []
    window.call = await room.joinCall({
      mic: out.stream.getAudioTracks()[0],
      camera,
      videoCodec: '${videoCodec}',
      music: true,
    })
    const look = () => told.push({ at: Date.now(), stream: call.moderation.stream })
    look()
    call.moderation.on('changed', look)
  })()`

const enter = async (roomId: string, name: Name, videoCodec: string): Promise<Visitor> => {
  const token = await mintToken(server.url, `${name}-${roomId}`, {
    name,
    rooms: [{ roomId, role: name === 'ada' ? 'moderator' : 'publisher' }],
  })
  const visitor = await visit(browser, server.url, name, { viewport: { width: 400, height: 300 } })
  await visitor.page.evaluate(joining(server.url, token, roomId, name, videoCodec))
  return visitor
}

const makeRoom = (roomId: string) =>
  rest(server.url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'group', defaultRole: 'publisher' } })

type Told = { at: number; stream?: { id: string; startedAt: string; paused: boolean } }
const toldTo = ({ page }: Visitor): Promise<Told[]> => page.evaluate('told')

const isLike = (seen: readonly number[], colour: readonly number[]): boolean =>
  seen.every((value, n) => Math.abs(value - (colour[n] ?? 0)) < 70)

const TEN_MINUTES = 600_000
const WAIT = { timeout: 90_000, interval: 500 }

test('a call is watched as HLS and taken by an RTMP service', { timeout: TEN_MINUTES }, async () => {
  const roomId = 'streamed'
  await makeRoom(roomId)
  const folder = temporaryFolder()
  const port = await freePort()
  const taken = join(folder, 'taken.flv')
  const listener = spawn(
    'ffmpeg',
    ['-v', 'error', '-listen', '1', '-f', 'flv', '-i', `rtmp://127.0.0.1:${port}/live/secret-key`, '-c', 'copy', taken],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  )
  onTestFinished(() => void listener.kill('SIGKILL'))
  const ada = await enter(roomId, 'ada', 'vp8')
  const bob = await enter(roomId, 'bob', 'h264')
  const before = Date.now()
  const { stream, playlist } = await ada.page.evaluate<{ stream: { id: string }; playlist: string }>(
    `call.moderation.startStream({ hls: true, rtmp: 'rtmp://127.0.0.1:${port}/live/secret-key' })`,
  )
  console.log(stream, playlist)
  const address = `${server.url}${playlist}`
  const text = await vi.waitFor(async () => {
    const response = await fetch(address)
    expect(response.status).toBe(200)
    return response.text()
  }, WAIT)
  console.log(Date.now() - before, 'ms', text)
  await new Promise(resolve => setTimeout(resolve, 15_000))
  console.log(await (await fetch(address)).text())
  await promisify(execFile)('ffmpeg', ['-v', 'error', '-i', address, '-t', '6', '-c', 'copy', join(folder, 'seen.ts')])
  console.log(await probePlayed(join(folder, 'seen.ts')))
  await ada.page.evaluate('call.moderation.stopStream()')
  await vi.waitFor(async () => {
    expect(await (await fetch(address)).text()).toContain('#EXT-X-ENDLIST')
  }, WAIT)
  await new Promise(resolve => setTimeout(resolve, 8_000))
  console.log(await probePlayed(taken))
  const film = await playFilm(taken)
  console.log(film.pixels.frames, film.pixels.at(50, 0.25, 0.5), film.pixels.at(50, 0.75, 0.5), toneIn(film.sound, 440, 2, 1), toneIn(film.sound, 1100, 2, 1))
  console.log(server.log().slice(-3000))
})
