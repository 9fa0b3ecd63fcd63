import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Take, takePicture, takeTone } from '../../media/src/testing/takes.ts'
import { CallPerson } from './support/call-people.ts'
import { perform } from './support/operations.ts'
import { playFilm, probePlayed, tonesIn } from './support/played.ts'
import { startProcesses } from './support/processes.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { streamOutcomeOf } from './support/recorded.ts'
import { mintToken } from './support/rest.ts'
import { RtpPeer } from './support/rtp-peer.ts'
import { restartServer, startServer } from './support/server.ts'
import { until } from './support/until.ts'

const HERTZ = 440
const RED = [200, 0, 0] as const
let sending: { take: Take }[]

beforeAll(async () => {
  sending = [{ take: await takeTone(HERTZ, 10) }, { take: await takePicture('0xc80000', 10) }]
}, 60_000)

const PATIENCE_MS = 240_000

const come = async (url: string, roomId: string): Promise<RtpPeer> => {
  const token = await mintToken(url, 'ada', { name: 'Ada', rooms: [{ roomId, role: 'publisher' }] })
  const peer = await RtpPeer.publish({ url, roomId, token, sending, zero: performance.now() })
  onTestFinished(() => peer.leave())
  return peer
}

/** A room with a call that Ada publishes in, streamed by Mona. */
const stream = async (url: string, roomId: string) => {
  await perform(url, 'room:create', { id: roomId, kind: 'group', members: ['mona'] })
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  await come(url, roomId)
  const mona = await CallPerson.connect({ url, userId: 'mona', roomId }, onTestFinished)
  await mona.join()
  const started = await mona.socket.request('stream:start', { roomId, hls: true })
  return { mona, path: started.playlist ?? '', id: started.stream.id }
}

const read = async (address: string): Promise<string> => {
  const response = await fetch(address)
  expect(response.status).toBe(200)
  return response.text()
}
/** The number of the latest segment. */
const latestIn = (playlist: string): number =>
  Number(/(\d+)\.ts\n(?:#EXT-X-ENDLIST\n)?$/.exec(playlist)?.[1] ?? -1)
const reaches = (address: string, segment: number) =>
  until(`segment ${segment} is there`, async () => latestIn(await read(address)) >= segment, PATIENCE_MS)
/** What is shown from now on shows Ada, and one hears her. */
const expectAda = async (address: string) => {
  const film = await playFilm(address, 8)
  const { frames } = film.pixels
  const red = Array.from({ length: frames }, (_, n) => film.pixels.at(n, 0.6, 0.5)).filter(seen =>
    seen.every((value, n) => Math.abs(value - (RED[n] ?? 0)) < 70),
  )
  expect(red.length).toBeGreaterThan(frames * 0.5)
  expect(tonesIn(film, HERTZ).length).toBeGreaterThanOrEqual(2)
}

test('a media process that is killed goes on with the stream after its start, and an SFU that is killed ends it', {
  timeout: 900_000,
}, async () => {
  const { nodes, media, sfu } = await startProcesses(onTestFinished)
  const [{ url }] = nodes
  const roomId = 'apart'
  const { path, mona, id } = await stream(url, roomId)
  // Through signalling, as apps have it.
  const address = `${url}${path}`
  await reaches(address, 4)
  await media.stop('SIGKILL')
  await restartServer(media, { services: ['media'] })
  const before = latestIn(await read(address))
  await reaches(address, before + 3)
  const after = await read(address)
  expect(after).toContain('#EXT-X-DISCONTINUITY\n')
  // All that time it was one stream of one call.
  expect(mona.call()?.stream?.id).toBe(id)
  await reaches(address, before + 12)
  await expectAda(address)

  await sfu.stop('SIGKILL')
  await restartServer(sfu, { services: ['sfu'] })
  const { type, data } = await streamOutcomeOf(url, roomId)
  expect([type, data]).toEqual([
    'stream.ended',
    {
      streamId: id,
      durationMs: expect.any(Number),
      problem: expect.stringMatching(/media server of the call was lost/),
    },
  ])
  expect(await read(address)).toContain('#EXT-X-ENDLIST')
})

test('a media worker that is killed costs the stream nothing but its tracks', {
  timeout: 600_000,
}, async () => {
  const server = await startServer()
  const roomId = 'worker'
  const { mona, path, id } = await stream(server.url, roomId)
  const address = `${server.url}${path}`
  await reaches(address, 3)
  const workers = descendantsOf(server.pid).filter(pid => commandOf(pid).includes('mediasoup-worker'))
  for (const worker of workers) process.kill(worker, 'SIGKILL')
  await until('Mona is told that her media are gone', () => mona.socket.heard('call:lost').length > 0)
  await mona.resume()
  expect(mona.joined?.call.stream?.id).toBe(id)
  // Whoever publishes again is seen again.
  await come(server.url, roomId)
  const killed = latestIn(await read(address))
  await reaches(address, killed + 14)
  await expectAda(address)
  await mona.socket.request('stream:stop', { roomId })
  const { type, data } = await streamOutcomeOf(server.url, roomId)
  expect([type, data.problem]).toEqual(['stream.ended', undefined])
  expect((await probePlayed(address)).streams.map(({ codec }) => codec)).toEqual(['h264', 'aac'])
})
