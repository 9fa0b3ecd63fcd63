import { type Call, type Participant, Rest, type Room, Trunkline } from '@trunkline/sdk'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startLine } from './support/line.ts'
import { perform } from './support/operations.ts'
import { commandOf, descendantsOf } from './support/processes-of.ts'
import { startServer } from './support/server.ts'
import { countFrames, installWebRtc, testCamera, testMic } from './webrtc.ts'

installWebRtc()

const WAIT = { timeout: 30_000, interval: 20 }

/** A guest with a client of the SDK. */
const connect = async (url: string, roomId: string, name: string): Promise<Trunkline> => {
  const { token } = await new Rest({ url }).createGuestToken(roomId, name)
  const client = new Trunkline({ url, token, device: { handlerName: 'Chrome111' } })
  onTestFinished(() => client.close())
  return client
}

const enter = async (url: string, roomId: string, name: string): Promise<Room> =>
  (await connect(url, roomId, name)).openRoom(roomId)

const named = (call: Call, name: string): Participant | undefined =>
  call.participants.find(participant => participant.name === name)

/** Who else is there, once its picture has come. */
const seen = (call: Call, name: string): Promise<Participant> =>
  vi.waitFor(() => {
    const participant = named(call, name)
    if (!participant?.track('camera')) throw new Error(`${name} is not to be seen`)
    return participant
  }, WAIT)

/** What a call says of others from now on. */
const record = (call: Call): string[] => {
  const said: string[] = []
  for (const name of ['participantJoined', 'participantLeft', 'trackAdded', 'trackRemoved'] as const) {
    const hear = (participant: Participant) => {
      if (!participant.isLocal) said.push(`${name} ${participant.name}`)
    }
    call.on(name, hear as never)
  }
  return said
}

test('a cut line: the other sees somebody who is away, and not a leave and a join; media never stop', async () => {
  const server = await startServer()
  const line = await startLine(Number(new URL(server.url).port), onTestFinished)
  const ann = await enter(`http://127.0.0.1:${line.port}`, 'cut', 'Ann')
  const bob = await enter(server.url, 'cut', 'Bob')
  const annsCall = await ann.joinCall({ camera: testCamera(), mic: testMic() })
  const bobsCall = await bob.joinCall({ camera: testCamera() })
  const annAtBobs = await seen(bobsCall, 'Ann')
  const bobAtAnns = await seen(annsCall, 'Bob')
  const annId = annAtBobs.id
  const said = { ann: record(annsCall), bob: record(bobsCall) }
  const shown = countFrames(annAtBobs.track('camera') as MediaStreamTrack)

  line.cut()
  await vi.waitFor(() => expect(annAtBobs.away).toBe(true), WAIT)
  expect(annsCall.state).toBe('reconnecting')
  const { frames } = shown
  await vi.waitFor(() => expect(shown.frames).toBeGreaterThan(frames + 5), WAIT)
  expect(named(bobsCall, 'Ann')).toBe(annAtBobs)
  // What happens meanwhile is made up for: on either side something is muted, turned on, turned off.
  await bobsCall.setMic(false).catch(() => undefined)
  await bobsCall.setCamera(false)
  await annsCall.setMic(false)

  line.mend()
  await vi.waitFor(() => expect(annAtBobs.away).toBe(false), WAIT)
  await vi.waitFor(() => expect(annsCall.state).toBe('joined'), WAIT)
  expect([named(bobsCall, 'Ann'), annAtBobs.id]).toEqual([annAtBobs, annId])
  expect(named(annsCall, 'Bob')).toBe(bobAtAnns)
  await vi.waitFor(() => {
    expect(annAtBobs.isOn('mic')).toBe(false)
    expect(bobAtAnns.isOn('camera')).toBe(false)
  }, WAIT)
  expect(said).toEqual({ ann: [], bob: [] })
}, 120_000)

test('a killed media worker: the same people, and pictures again', async () => {
  const server = await startServer({ env: { RTC_WORKERS: '2' } })
  const rooms = [await enter(server.url, 'worker', 'Ann'), await enter(server.url, 'worker', 'Bob')] as const
  const [annsCall, bobsCall] = [
    await rooms[0].joinCall({ camera: testCamera() }),
    await rooms[1].joinCall({ camera: testCamera() }),
  ]
  const [annAtBobs, bobAtAnns] = [await seen(bobsCall, 'Ann'), await seen(annsCall, 'Bob')]
  const ids = [annAtBobs.id, bobAtAnns.id]
  const startedAt = bobsCall.startedAt
  const said = [...[annsCall, bobsCall].map(record)]
  const before = annAtBobs.track('camera')
  const workers = descendantsOf(server.pid).filter(pid => commandOf(pid).includes('mediasoup-worker'))
  expect(workers).toHaveLength(2)
  const killed = performance.now()
  // One of them carries the call.
  for (const pid of workers) process.kill(pid, 'SIGKILL')
  const after = await vi.waitFor(() => {
    const track = annAtBobs.track('camera')
    if (!track || track === before) throw new Error('not back yet')
    return track
  }, WAIT)
  const shown = countFrames(after)
  await vi.waitFor(() => expect(shown.frames).toBeGreaterThan(0), WAIT)
  console.info(`picture again ${Math.round(performance.now() - killed)} ms after the death of the worker`)
  await vi.waitFor(() => expect([annsCall.state, bobsCall.state]).toEqual(['joined', 'joined']), WAIT)
  expect([annAtBobs.id, bobAtAnns.id]).toEqual(ids)
  expect([annAtBobs.away, bobAtAnns.away]).toEqual([false, false])
  expect(bobsCall.startedAt).toBe(startedAt)
  expect(said.flat().filter(what => !what.startsWith('trackAdded'))).toEqual([])
  const { body } = await perform(server.url, 'call:get', { roomId: 'worker' })
  expect(body.call.participants.map(({ id }: { id: string }) => id).sort()).toEqual([...ids].sort())
}, 120_000)

test('who is banned while away has left, cannot come back, and hears why', async () => {
  const server = await startServer()
  const line = await startLine(Number(new URL(server.url).port), onTestFinished)
  const ann = await enter(`http://127.0.0.1:${line.port}`, 'banned', 'Ann')
  const bob = await enter(server.url, 'banned', 'Bob')
  const annsCall = await ann.joinCall({ camera: testCamera() })
  const bobsCall = await bob.joinCall({ camera: testCamera() })
  const annAtBobs = await seen(bobsCall, 'Ann')
  line.cut()
  await vi.waitFor(() => expect(annAtBobs.away).toBe(true), WAIT)
  const userId = ann.me?.user.id ?? ''
  expect((await perform(server.url, 'member:ban', { roomId: 'banned', userId })).status).toBe(200)
  const banned = performance.now()
  await vi.waitFor(() => expect(bobsCall.participants).toHaveLength(1), WAIT)
  expect(performance.now() - banned).toBeLessThan(1_000)
  line.mend()
  await vi.waitFor(() => expect(annsCall.state).toBe('left'), WAIT)
  expect(bobsCall.participants).toHaveLength(1)
}, 120_000)

test('who closes the client leaves at once; who only prepared was never seen, and joins with what is prepared', async () => {
  const server = await startServer()
  const annsClient = await connect(server.url, 'closing', 'Ann')
  const ann = await annsClient.openRoom('closing')
  const bob = await enter(server.url, 'closing', 'Bob')
  const bobsCall = await bob.joinCall({ camera: testCamera() })
  await ann.prepareCall()
  expect(bobsCall.participants).toHaveLength(1)
  const annsCall = await ann.joinCall({ camera: testCamera() })
  const bobAtAnns = await seen(annsCall, 'Bob')
  const shown = countFrames(bobAtAnns.track('camera') as MediaStreamTrack)
  await vi.waitFor(() => expect(shown.frames).toBeGreaterThan(3), WAIT)
  await seen(bobsCall, 'Ann')
  const said = record(bobsCall)
  await annsClient.close()
  await vi.waitFor(() => expect(said).toContain('participantLeft Ann'), WAIT)
}, 120_000)

test('a call is prepared without its room, again by each connection, and joined while the room opens', async () => {
  const server = await startServer()
  const bob = await enter(server.url, 'warm', 'Bob')
  const bobsCall = await bob.joinCall({ camera: testCamera() })
  const line = await startLine(Number(new URL(server.url).port), onTestFinished)
  const client = await connect(`http://127.0.0.1:${line.port}`, 'warm', 'Ann')
  await client.prepareCall('warm')
  expect([client.isCallPrepared('warm'), client.keysOfPrepared('warm')]).toEqual([true, 'none'])
  await client.releaseCall('warm')
  expect([client.isCallPrepared('warm'), client.keysOfPrepared('warm')]).toEqual([false, undefined])
  await client.prepareCall('warm')

  line.cut()
  await vi.waitFor(() => expect(client.isCallPrepared('warm')).toBe(false), WAIT)
  line.mend()
  await vi.waitFor(() => expect(client.isCallPrepared('warm')).toBe(true), WAIT)
  // Of all of that nobody has seen anything.
  expect(bob.members.map(({ user }) => user.name)).toEqual(['Bob'])
  expect(bobsCall.participants).toHaveLength(1)
  await expect(client.prepareCall('nowhere')).rejects.toMatchObject({ code: 'room_not_found' })

  const room = client.room('warm')
  const joining = room.joinCall({ camera: testCamera() })
  // What was prepared is taken at once, and the room is not open yet.
  expect(room.state).toBe('opening')
  const annsCall = await joining
  expect([room.state, annsCall.local.name, annsCall.local.userId]).toEqual([
    'open',
    'Ann',
    room.me?.user.id ?? 'nobody',
  ])
  expect(client.isCallPrepared('warm')).toBe(false)
  const bobAtAnns = await seen(annsCall, 'Bob')
  const shown = countFrames(bobAtAnns.track('camera') as MediaStreamTrack)
  await vi.waitFor(() => expect(shown.frames).toBeGreaterThan(3), WAIT)
  await seen(bobsCall, 'Ann')
  expect(named(annsCall, 'Ann')?.isLocal).toBe(true)
  expect(annsCall.participants).toHaveLength(2)

  // In the call there is nothing to prepare.
  await client.prepareCall('warm')
  expect(client.isCallPrepared('warm')).toBe(false)
}, 120_000)
