import {
  type Call,
  LIMITS,
  type Participant,
  Rest,
  type Room,
  Trunkline,
  type TrunklineError,
} from '@trunkline/sdk'
import { expect, onTestFinished, test, vi } from 'vitest'
import { startLine } from './support/line.ts'
import { startProcesses } from './support/processes.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { countFrames, installWebRtc, testCamera } from './webrtc.ts'

installWebRtc()

const WAIT = { timeout: 30_000, interval: 20 }

const open = async (
  url: string,
  roomId: string,
  token: { token: string } | { getToken: () => Promise<string> },
) => {
  const client = new Trunkline({ url, ...token, device: { handlerName: 'Chrome111' } })
  onTestFinished(() => client.close())
  return { client, room: await client.openRoom(roomId) }
}

const createRoom = (url: string, id: string, members: string[]) =>
  rest(url, 'POST', '/v1/rooms', { body: { id, kind: 'group', members } })

const seen = (call: Call, userId: string): Promise<Participant> =>
  vi.waitFor(() => {
    const participant = call.participants.find(one => one.userId === userId)
    if (!participant?.track('camera')) throw new Error(`${userId} is not to be seen`)
    return participant
  }, WAIT)

const expectFrames = async (participant: Participant): Promise<void> => {
  const shown = countFrames(participant.track('camera') as MediaStreamTrack)
  await vi.waitFor(() => expect(shown.frames).toBeGreaterThan(5), WAIT)
}

/** What a call says of others who come and go, and whom the server listed meanwhile. */
const record = (room: Room, call: Call) => {
  const said: string[] = []
  for (const name of ['participantJoined', 'participantLeft'] as const) {
    call.on(name, participant => void said.push(`${name} ${participant.userId}`))
  }
  const listed = new Set<string>()
  room.on('call', info => {
    for (const { id } of info?.participants ?? []) listed.add(id)
  })
  return { said, listed }
}

test('a signalling node that is told to end: who was at it is at the other, and nobody has left', async () => {
  const { nodes } = await startProcesses(onTestFinished)
  const [a, b] = nodes
  await createRoom(a.url, 'ward', ['ann', 'bob'])
  const line = await startLine(Number(new URL(a.url).port), onTestFinished)
  const ann = await open(`http://127.0.0.1:${line.port}`, 'ward', { token: await mintToken(a.url, 'ann') })
  const bob = await open(b.url, 'ward', { token: await mintToken(b.url, 'bob') })
  const annsCall = await ann.room.joinCall({ camera: testCamera() })
  const bobsCall = await bob.room.joinCall({ camera: testCamera() })
  const [annAtBobs, bobAtAnns] = [await seen(bobsCall, 'ann'), await seen(annsCall, 'bob')]
  const ids = [annAtBobs.id, bobAtAnns.id]
  const records = [record(ann.room, annsCall), record(bob.room, bobsCall)]

  // As a load balancer does with a node that is being taken out.
  line.lead(Number(new URL(b.url).port))
  expect(await a.stop('SIGTERM')).toBe(0)
  await vi.waitFor(() => expect(annsCall.state).toBe('joined'), WAIT)
  const { seq } = await ann.room.send({ text: 'at the other node' })
  await vi.waitFor(() => expect(bob.room.messages.map(message => message.seq)).toContain(seq), WAIT)
  await vi.waitFor(() => expect([annAtBobs.away, bobAtAnns.away]).toEqual([false, false]), WAIT)
  await expectFrames(annAtBobs)
  await expectFrames(bobAtAnns)
  // What is done from now on arrives, both ways.
  await annsCall.setCamera(false)
  await vi.waitFor(() => expect(annAtBobs.isOn('camera')).toBe(false), WAIT)
  for (const { said, listed } of records) {
    expect(said).toEqual([])
    for (const id of listed) expect(ids).toContain(id)
  }
  // Nor is it in the log that anything ended.
  const { body } = await rest(b.url, 'GET', '/v1/rooms/ward/events')
  const calls = body.data
    .map(({ type }: { type: string }) => type)
    .filter((type: string) => type.startsWith('call.'))
  expect(calls).toEqual(['call.started'])
}, 180_000)

test('a token that expires during a call: with a new one nobody leaves, without one the person has, and hears why', async () => {
  const server = await startServer()
  const { url } = server
  await createRoom(url, 'ward', ['ann', 'bob', 'cat'])
  const short = (userId: string) => mintToken(url, userId, { ttlSeconds: LIMITS.tokenSecondsMin })
  let asked = 0
  const ann = await open(url, 'ward', {
    getToken: () => {
      asked++
      // As an app's server does: a short one each time it is asked.
      return asked === 1 ? short('ann') : mintToken(url, 'ann')
    },
  })
  const bob = await open(url, 'ward', { token: await mintToken(url, 'bob') })
  const cat = await open(url, 'ward', { token: await short('cat') })
  const [annsCall, bobsCall, catsCall] = [
    await ann.room.joinCall({ camera: testCamera() }),
    await bob.room.joinCall({ camera: testCamera() }),
    await cat.room.joinCall({ camera: testCamera() }),
  ]
  const failures: TrunklineError[] = []
  catsCall.on('failed', error => void failures.push(error))
  const [annAtBobs, catAtBobs] = [await seen(bobsCall, 'ann'), await seen(bobsCall, 'cat')]
  const annId = annAtBobs.id
  const { said } = record(bob.room, bobsCall)
  expect(asked).toBe(1)

  // Cat has no other: cut off once it has expired, refused with it, out of the call and told so.
  await vi.waitFor(() => expect(catsCall.state).toBe('left'), WAIT)
  expect(failures.map(({ code }) => code)).toEqual(['token_expired'])
  expect([cat.client.state, cat.client.error?.code]).toEqual(['refused', 'token_expired'])
  expect(cat.room.error?.code).toBe('token_expired')
  // The others see it as the loss it could still turn out to be, then as a leave.
  await vi.waitFor(() => expect(catAtBobs.away).toBe(true), WAIT)

  // Ann was cut off, too, asked for another, and is who she was.
  await vi.waitFor(() => expect(asked).toBeGreaterThan(1), WAIT)
  await vi.waitFor(() => expect(annsCall.state).toBe('joined'), WAIT)
  await vi.waitFor(() => expect([annAtBobs.id, annAtBobs.away]).toEqual([annId, false]), WAIT)
  await expectFrames(annAtBobs)
  await vi.waitFor(() => expect(said).toEqual(['participantLeft cat']), {
    ...WAIT,
    timeout: LIMITS.resumeMs + 10_000,
  })
  expect(bobsCall.participants).toHaveLength(2)
}, 180_000)

test('a guest at the door: the room opens, and the call is joined, once a host has let it in', async () => {
  const { url } = await startServer()
  await rest(url, 'POST', '/v1/rooms', {
    body: { id: 'ward', kind: 'group', title: 'Ward 7', guests: true, lobby: true, members: ['ann'] },
  })
  await rest(url, 'PATCH', '/v1/rooms/ward/members/ann', { body: { role: 'moderator' } })
  const ann = await open(url, 'ward', { token: await mintToken(url, 'ann') })
  const annsCall = await ann.room.joinCall({ camera: testCamera() })
  const { token } = await new Rest({ url }).createGuestToken('ward', 'Paul')
  const client = new Trunkline({ url, token, device: { handlerName: 'Chrome111' } })
  onTestFinished(() => client.close())
  await expect(client.openRoom('ward')).rejects.toMatchObject({ code: 'knock_first' })
  const room = client.room('ward')
  await expect(room.joinCall({ camera: testCamera() })).rejects.toMatchObject({ code: 'knock_first' })
  expect([room.state, room.info, room.messages]).toEqual(['refused', undefined, []])

  const knocking = room.knock()
  const joined = new Promise<Call>((resolve, reject) => {
    knocking.on('changed', () => void room.joinCall({ camera: testCamera() }).then(resolve, reject))
  })
  await vi.waitFor(() => expect(annsCall.moderation.waiting).toMatchObject([{ name: 'Paul' }]), WAIT)
  await annsCall.moderation.admit(...annsCall.moderation.waiting.map(({ knockId }) => knockId))
  const paulsCall = await joined
  expect([room.state, room.info?.title]).toEqual(['open', 'Ward 7'])
  await expectFrames(await seen(paulsCall, 'ann'))
}, 120_000)
