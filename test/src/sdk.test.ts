import { Rest, type Room, Trunkline } from '@trunkline/sdk'
import { expect, onTestFinished, test, vi } from 'vitest'
import { rest } from './support/rest.ts'
import { restartServer, startServer } from './support/server.ts'
import { countFrames, installWebRtc, testCamera, testMic } from './webrtc.ts'

installWebRtc()

const WAIT = { timeout: 30_000, interval: 50 }

/** A guest with a client of the SDK, in a room. */
const enter = async (url: string, roomId: string, name: string): Promise<Room> => {
  const { token } = await new Rest({ url }).createGuestToken(roomId, name)
  const client = new Trunkline({ url, token, device: { handlerName: 'Chrome111' } })
  onTestFinished(() => client.close())
  return client.openRoom(roomId)
}

const texts = (room: Room) =>
  room.events.flatMap(event =>
    event.type === 'message.created'
      ? event.data.parts.map(part => ('text' in part ? part.text : part.mime))
      : [],
  )

const seqs = (room: Room) => room.events.map(({ seq }) => seq)

test('messages, ticks, typing and presence between two clients', async () => {
  const server = await startServer()
  const ann = await enter(server.url, 'sdk', 'Ann')
  const bob = await enter(server.url, 'sdk', 'Bob')
  await vi.waitFor(
    () => expect(ann.members.map(({ user }) => user.name).sort()).toEqual(['Ann', 'Bob']),
    WAIT,
  )
  await vi.waitFor(() => expect(ann.presenceOf(bob.me?.user.id ?? '')).toBe('online'), WAIT)

  bob.setTyping(true)
  await vi.waitFor(() => expect(ann.typing.map(({ user }) => user.name)).toEqual(['Bob']), WAIT)
  await bob.send({ text: 'hello' })
  await vi.waitFor(() => expect(ann.typing).toEqual([]), WAIT)

  const sent = await ann.send({ text: 'hello yourself' })
  await vi.waitFor(() => expect(texts(bob)).toEqual(['hello', 'hello yourself']), WAIT)
  await vi.waitFor(() => expect(ann.stateOf(sent)).toBe('delivered'), WAIT)
  bob.markRead()
  await vi.waitFor(() => expect(ann.stateOf(sent)).toBe('read'), WAIT)

  const again = await ann.send({ text: 'once' }, { clientId: 'same-id' })
  const twice = await ann.send({ text: 'once' }, { clientId: 'same-id' })
  expect(twice.seq).toBe(again.seq)
})

test('what is written while the server is away arrives once, in order, and nothing is missed', async () => {
  let server = await startServer()
  const ann = await enter(server.url, 'away', 'Ann')
  const bob = await enter(server.url, 'away', 'Bob')
  await ann.send({ text: 'before' })
  await server.stop('SIGKILL')
  await vi.waitFor(() => expect(ann.state).toBe('reconnecting'), WAIT)
  const sending = ['one', 'two', 'three'].map(text => ann.send({ text }))
  expect(ann.pending.map(({ state }) => state)).toEqual(['sending', 'sending', 'sending'])
  server = await restartServer(server)
  await Promise.all(sending)
  await vi.waitFor(() => expect(texts(bob)).toEqual(['before', 'one', 'two', 'three']), WAIT)
  expect(texts(ann)).toEqual(texts(bob))
  const numbers = seqs(bob)
  expect(numbers).toEqual(numbers.map((_, index) => (numbers[0] ?? 0) + index))
  expect(ann.pending).toEqual([])
})

test('a long history comes page by page; a message that is refused says why and can be given up', async () => {
  const server = await startServer()
  const ann = await enter(server.url, 'long', 'Ann')
  const parts = (text: string) => ({ body: { sender: ann.me?.user.id, text } })
  for (let i = 1; i <= 70; i += 1) {
    const answer = await rest(server.url, 'POST', '/v1/rooms/long/messages', parts(`m${i}`))
    expect(answer.status).toBe(201)
  }
  const late = await enter(server.url, 'long', 'Late')
  expect(late.hasEarlier).toBe(true)
  while (late.hasEarlier) await late.loadEarlier(20)
  expect(texts(late)).toEqual(Array.from({ length: 70 }, (_, i) => `m${i + 1}`))
  expect(seqs(late)[0]).toBe(1)

  const refused = ann.send({ parts: [{ mime: 'NOT A MIME TYPE', text: 'x' }] })
  await expect(refused).rejects.toMatchObject({ code: 'invalid_request' })
  expect(ann.pending).toMatchObject([{ state: 'failed', error: { code: 'invalid_request' } }])
  ann.discard(ann.pending[0]?.clientId ?? '')
  expect(ann.pending).toEqual([])
  await ann.send({ text: 'goes on' })
})

test('a token that is not valid is refused with the reason, and so is a room one is not in', async () => {
  const server = await startServer()
  const stranger = new Trunkline({ url: server.url, token: 'x.y.z' })
  onTestFinished(() => stranger.close())
  await expect(stranger.connect()).rejects.toMatchObject({ code: 'token_malformed' })
  expect(stranger.state).toBe('refused')
  const { token } = await new Rest({ url: server.url }).createGuestToken('mine', 'Ann')
  const ann = new Trunkline({ url: server.url, token })
  onTestFinished(() => ann.close())
  await expect(ann.openRoom('somebody-elses')).rejects.toMatchObject({ code: 'room_not_found' })
})

test('a call between two clients in Node, which outlives its server', async () => {
  let server = await startServer()
  const [ann, bob] = await Promise.all([enter(server.url, 'call', 'Ann'), enter(server.url, 'call', 'Bob')])
  const annsCall = await ann.joinCall({ mic: testMic(), camera: testCamera() })
  const bobsCall = await bob.joinCall({ mic: testMic(), muted: true })
  const annAtBobs = await vi.waitFor(() => {
    const participant = bobsCall.participants.find(({ name }) => name === 'Ann')
    if (!participant?.track('camera') || !participant.track('mic')) throw new Error('no tracks yet')
    return participant
  }, WAIT)
  const before = countFrames(annAtBobs.track('camera') as MediaStreamTrack)
  await vi.waitFor(() => expect(before.frames).toBeGreaterThan(5), WAIT)

  // Mute and camera, as the other sees them.
  const bobAtAnns = () => annsCall.participants.find(({ name }) => name === 'Bob')
  await vi.waitFor(() => expect(bobAtAnns()?.has('mic')).toBe(true), WAIT)
  expect(bobAtAnns()?.isOn('mic')).toBe(false)
  await bobsCall.setMic(true)
  await vi.waitFor(() => expect(bobAtAnns()?.isOn('mic')).toBe(true), WAIT)
  await annsCall.setCamera(false)
  await vi.waitFor(() => expect(annAtBobs.isOn('camera')).toBe(false), WAIT)
  expect(annsCall.cameraOn).toBe(false)

  const states: string[] = []
  bobsCall.on('state', state => states.push(state))
  await server.stop('SIGKILL')
  server = await restartServer(server)
  await vi.waitFor(() => expect(bobsCall.state).toBe('joined'), WAIT)
  // Whoever is back first hears of the other's tracks a moment later.
  await vi.waitFor(() => {
    const participant = bobsCall.participants.find(({ name }) => name === 'Ann')
    if (!participant?.isOn('mic') || participant === annAtBobs) throw new Error('not back yet')
    expect(participant.track('mic')?.readyState).toBe('live')
  }, WAIT)
  expect(states[0]).toBe('reconnecting')
  expect(bobsCall.participants).toHaveLength(2)

  await annsCall.leave()
  await vi.waitFor(() => expect(bobsCall.participants.map(({ name }) => name)).toEqual(['Bob']), WAIT)
  expect(annsCall.state).toBe('left')
}, 120_000)
