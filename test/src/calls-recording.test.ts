import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { moderatedCalls } from './support/moderated-calls.ts'
import { perform } from './support/operations.ts'
import { startServer } from './support/server.ts'

const register = cleanUpAfterAll()
let url: string

beforeAll(async () => {
  url = (await startServer({ register })).url
})

const { makeRoom, come } = moderatedCalls(() => url, 'recorded')

test('hosts start, pause and end a recording, everybody sees it, and the room hears what came of it', async () => {
  const roomId = await makeRoom()
  const [mona, paul] = [await come(roomId, 'mona'), await come(roomId, 'paul')]
  expect(await codeOf(paul.socket.request('recording:start', { roomId }))).toBe('forbidden')
  expect(await codeOf(mona.socket.request('recording:pause', { roomId, paused: true }))).toBe('not_found')

  const { recording } = await mona.socket.request('recording:start', { roomId })
  expect(recording).toEqual({
    id: expect.stringMatching(/^rec_/),
    startedAt: expect.any(String),
    paused: false,
  })
  expect(await codeOf(mona.socket.request('recording:start', { roomId }))).toBe('conflict')
  await expect.poll(() => paul.call()?.recording).toEqual(recording)
  await mona.socket.request('recording:pause', { roomId, paused: true })
  await expect.poll(() => paul.call()?.recording?.paused).toBe(true)
  // Who comes meanwhile reads it in the answer.
  const late = await come(roomId, 'paul')
  expect(late.joined?.call.recording).toEqual({ ...recording, paused: true })

  expect(await codeOf(paul.socket.request('recording:stop', { roomId }))).toBe('forbidden')
  await mona.socket.request('recording:stop', { roomId })
  await expect.poll(() => paul.call()?.recording).toBeUndefined()
  // Again is no error.
  await mona.socket.request('recording:stop', { roomId })
  const { event } = await mona.socket.hear('event:appended', ({ event }) => event.type === 'recording.failed')
  expect(event).toMatchObject({
    data: { recordingId: recording.id, reason: 'Nothing was said or shown while it was recorded.' },
  })
  const started = mona.socket
    .heard('event:appended')
    .filter(({ event }) => event.type === 'recording.started')
  expect(started).toMatchObject([{ event: { sender: 'mona', data: { recordingId: recording.id } } }])
})

test('a retry starts one recording, which ends with the call', async () => {
  const roomId = await makeRoom()
  const mona = await come(roomId, 'mona')
  const headers = { 'idempotency-key': 'once' }
  const ask = () =>
    perform(url, 'recording:start', { roomId, layout: 'speaker' }, { sender: 'mona', headers })
  const [first, second] = [await ask(), await ask()]
  expect([first.status, second.status]).toEqual([201, 201])
  expect(second.body).toEqual(first.body)
  await perform(url, 'call:end', { roomId })
  const { event } = await mona.socket.hear('event:appended', ({ event }) => event.type === 'recording.failed')
  expect(event.data).toMatchObject({ recordingId: first.body.recording.id })
})

test('an encrypted call is not recorded', async () => {
  const roomId = await makeRoom()
  const mona = await come(roomId, 'mona')
  const paul = await CallPerson.connect({ url, userId: 'paul', roomId }, onTestFinished)
  await paul.socket.request('room:open', { roomId })
  await paul.socket.request('call:join', { roomId, rtpCapabilities: {}, encryption: { keys: 'app' } })
  await expect(mona.socket.request('recording:start', { roomId })).rejects.toThrow(
    /^conflict: This call is encrypted end to end/,
  )
})

test('without a media service nothing is recorded, and it is said', async () => {
  const alone = await startServer({
    services: ['signalling', 'sfu'],
    env: { TRUNKLINE_SECRET: 'a-secret-for-two-services' },
  })
  const roomId = 'alone'
  await perform(alone.url, 'room:create', { id: roomId, kind: 'group', members: ['mona'] })
  await (await CallPerson.connect({ url: alone.url, userId: 'mona', roomId }, onTestFinished)).join()
  const { status, body } = await perform(alone.url, 'recording:start', { roomId }, { sender: 'mona' })
  expect([status, body.code]).toEqual([503, 'unavailable'])
  expect(body.detail).toMatch('nowhere to keep recordings')
})
