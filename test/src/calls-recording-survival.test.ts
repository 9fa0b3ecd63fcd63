import { execFileSync } from 'node:child_process'
import { mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Take, takePicture, takeTone } from '../../media/src/testing/takes.ts'
import { CallPerson } from './support/call-people.ts'
import { startDatabase } from './support/database.ts'
import { putDatabase } from './support/database-template.ts'
import { perform } from './support/operations.ts'
import { flashesIn, playFilm, probePlayed, tonesIn } from './support/played.ts'
import { startProcesses } from './support/processes.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { downloadFilm, eventsOf, outcomeOf } from './support/recorded.ts'
import { startRedis } from './support/redis.ts'
import { mintToken } from './support/rest.ts'
import { RtpPeer } from './support/rtp-peer.ts'
import { restartServer, startServer, temporaryFolder } from './support/server.ts'
import { until } from './support/until.ts'

const HERTZ = 440
const WHOLE = { x: 0.5, y: 0.5 }
const SECRET = 'the-secret-these-processes-share'
let picture: Take
let tone: Take

beforeAll(async () => {
  const made = [takePicture('0xc80000', 2, { bitrate: '800k', size: '640x360' }), takeTone(HERTZ, 2)] as const
  ;[picture, tone] = await Promise.all(made)
}, 240_000)

/** A room with a call that Ada's stream is in, recorded by Mona. */
const record = async (url: string, roomId: string) => {
  await perform(url, 'room:create', { id: roomId, kind: 'group', members: ['mona', 'paul'] })
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  const token = await mintToken(url, 'ada', { name: 'Ada', rooms: [{ roomId, role: 'publisher' }] })
  const zero = performance.now()
  const peer = await RtpPeer.publish({
    url,
    roomId,
    token,
    sending: [{ take: tone }, { take: picture }],
    zero,
  })
  onTestFinished(() => peer.leave())
  const mona = await CallPerson.connect({ url, userId: 'mona', roomId }, onTestFinished)
  await mona.join()
  const { recording } = await mona.socket.request('recording:start', { roomId })
  const begins = Date.parse(recording.startedAt)
  const since = () => (Date.now() - begins) / 1_000
  const reach = (seconds: number) => until(`${seconds} s are recorded`, () => since() > seconds, 60_000)
  return { peer, mona, recording, since, reach }
}

/** What is in a film from its beginning to a second of it: a flash and a tone every two. */
const expectTold = async (path: string, to: number) => {
  const film = await playFilm(path)
  const [flashes, tones] = [flashesIn(film, WHOLE, 0, to), tonesIn(film, HERTZ, 0, to)]
  expect(flashes.length).toBeGreaterThanOrEqual(Math.floor((to - 1.5) / 2))
  expect(tones.length).toBeGreaterThanOrEqual(Math.floor((to - 1.5) / 2))
}

test('every service in a process of its own: what the SFU takes becomes a film of media, and the room hears how far it is', {
  timeout: 400_000,
}, async () => {
  const { nodes, media } = await startProcesses(onTestFinished)
  const [a, b] = nodes
  const roomId = 'apart'
  const { mona, recording, reach, since } = await record(a.url, roomId)
  // Whoever is at the other node sees it as well.
  const paul = await CallPerson.connect({ url: b.url, userId: 'paul', roomId }, onTestFinished)
  await paul.join()
  expect(paul.joined?.call.recording?.id).toBe(recording.id)
  await reach(8)
  await mona.socket.request('recording:stop', { roomId })
  const stopped = since()
  const { type, data } = await outcomeOf(b.url, roomId)
  expect([type, data.problem]).toEqual(['recording.ready', undefined])
  const path = await downloadFilm(a.url, data.fileId, 'mona', media.url)
  expect(Math.abs((await probePlayed(path)).seconds - stopped)).toBeLessThan(1)
  await expectTold(path, stopped)
  for (const person of [mona, paul]) {
    const progress = person.socket.heard('recording:progress').map(({ progress }) => progress)
    expect(progress.length).toBeGreaterThan(0)
    expect(progress.filter(value => value < 0 || value > 1)).toEqual([])
    expect(progress).toEqual(progress.toSorted((x, y) => x - y))
  }
})

test('an SFU that is killed: what it had taken becomes a film, which says why it is short', {
  timeout: 400_000,
}, async () => {
  const { nodes, media, sfu } = await startProcesses(onTestFinished)
  const [a] = nodes
  const roomId = 'killed'
  const { reach, since } = await record(a.url, roomId)
  await reach(9)
  await sfu.stop('SIGKILL')
  const killed = since()
  await restartServer(sfu, { services: ['sfu'] })
  const { type, data } = await outcomeOf(a.url, roomId)
  expect(type).toBe('recording.ready')
  expect(data.problem).toMatch(/media server/)
  const path = await downloadFilm(a.url, data.fileId, 'mona', media.url)
  const { seconds } = await probePlayed(path)
  // A part is two seconds long.
  expect(seconds).toBeGreaterThan(killed - 3)
  expect(seconds).toBeLessThan(killed + 0.5)
  await expectTold(path, killed - 3)
})

test('of several SFUs the one that records is killed: its film is made while the call goes on elsewhere', {
  timeout: 400_000,
}, async () => {
  const { url: DATABASE_URL } = await startDatabase(onTestFinished)
  const redis = await startRedis(onTestFinished)
  const shared = { TRUNKLINE_SECRET: SECRET, REDIS_URL: redis.url }
  const node = await startServer({
    services: ['signalling', 'media'],
    env: { ...shared, DATABASE_URL },
  })
  const sfuEnv = { ...shared, RTC_WORKERS: '1', MEDIA_URL: node.url }
  const sfus = [await startServer({ services: ['sfu'], env: sfuEnv })]
  const roomId = 'several'
  const recorded = await until('the SFU is known', () => record(node.url, roomId), 30_000)
  const { mona, reach, since } = recorded
  // The only one by now: the next is who goes on.
  sfus.push(await startServer({ services: ['sfu'], env: sfuEnv }))
  await reach(9)
  await sfus[0]?.stop('SIGKILL')
  const killed = since()
  await until('Mona is told that her media are gone', () => mona.socket.heard('call:lost').length > 0, 60_000)
  await mona.resume()
  expect(mona.joined?.call.recording).toBeUndefined()
  const { type, data } = await outcomeOf(node.url, roomId)
  expect(type).toBe('recording.ready')
  expect(data.problem).toMatch(/media server/)
  const path = await downloadFilm(node.url, data.fileId, 'mona')
  expect((await probePlayed(path)).seconds).toBeGreaterThan(killed - 3)
  // And the call can be recorded anew.
  expect((await mona.socket.request('recording:start', { roomId })).recording.paused).toBe(false)
})

test('a worker that is killed costs the recording nothing but its tracks', { timeout: 400_000 }, async () => {
  const server = await startServer()
  const roomId = 'worker'
  const { mona, reach, recording, since } = await record(server.url, roomId)
  await reach(7)
  const workers = descendantsOf(server.pid).filter(pid => commandOf(pid).includes('mediasoup-worker'))
  for (const worker of workers) process.kill(worker, 'SIGKILL')
  const killed = since()
  await until('Mona is told that her media are gone', () => mona.socket.heard('call:lost').length > 0)
  await mona.resume()
  expect(mona.joined?.call.recording?.id).toBe(recording.id)
  await mona.socket.request('recording:stop', { roomId })
  const { type, data } = await outcomeOf(server.url, roomId)
  expect([type, data.problem]).toEqual(['recording.ready', undefined])
  const path = await downloadFilm(server.url, data.fileId, 'mona')
  expect((await probePlayed(path)).seconds).toBeGreaterThan(killed - 0.5)
  await expectTold(path, killed)
})

/** A file system of so many bytes at a folder, which fills up. */
const mountSmall = (folder: string, bytes: number): void => {
  mkdirSync(folder, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${bytes},mode=700`, 'tmpfs', folder])
  // Lazily: whoever still reads from it keeps it until they are done.
  onTestFinished(() => void execFileSync('umount', ['-l', folder]))
}

test('a disk that is full ends the recording in a sentence, and nothing else; its film is made once there is space', {
  timeout: 400_000,
}, async () => {
  const dataFolder = temporaryFolder()
  await putDatabase(dataFolder)
  const files = join(dataFolder, 'files')
  mountSmall(files, 24 * 1024 * 1024)
  const server = await startServer({ dataFolder })
  const roomId = 'full'
  // Room for some seconds.
  const ballast = join(files, 'ballast')
  const { bavail, bsize } = statfsSync(files)
  writeFileSync(ballast, Buffer.alloc(bavail * bsize - 700 * 1024))
  const { mona, peer, since, recording } = await record(server.url, roomId)
  const ended = await mona.socket.hear('recording:ended', () => true, 60_000)
  const endedAt = since()
  expect(ended).toEqual({
    roomId,
    recordingId: recording.id,
    problem: 'There is no space left on the server to keep files.',
  })
  await until('nothing is recorded any more', () => mona.call() && !mona.call()?.recording)
  // The call and the rest of the server go on.
  expect(
    mona
      .call()
      ?.participants.map(({ userId }) => userId)
      .sort(),
  ).toEqual(['ada', 'mona'])
  const said = await mona.socket.request('message:send', { roomId, clientId: 'still', text: 'Still here' })
  expect(said.event.type).toBe('message.created')
  await peer.leave()
  // It waits, however often it is tried.
  await until('it was tried', () => /no space/i.test(server.log()), 120_000)
  expect((await eventsOf(server.url, roomId)).filter(({ type }) => /ready|failed/.test(type))).toEqual([])

  rmSync(ballast)
  const { type, data } = await outcomeOf(server.url, roomId)
  expect([type, data.problem]).toEqual(['recording.ready', ended.problem])
  const path = await downloadFilm(server.url, data.fileId, 'mona')
  const { seconds } = await probePlayed(path)
  expect(seconds).toBeGreaterThan(1)
  expect(seconds).toBeLessThan(endedAt + 0.5)
  await expectTold(path, seconds - 1)
})
