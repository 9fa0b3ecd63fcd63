import { LIMITS } from '@trunkline/protocol'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { moderatedCalls } from './support/moderated-calls.ts'
import { perform } from './support/operations.ts'
import { eventsOf, streamOutcomeOf } from './support/recorded.ts'
import { startServer, type TestServer } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let server: TestServer
let url: string

beforeAll(async () => {
  server = await startServer({ register, env: { LIVE_STREAMS: '1', LIVE_PRIVATE_TARGETS: '1' } })
  url = server.url
})

const { makeRoom, come } = moderatedCalls(() => url, 'live')
const PATIENCE_MS = 240_000
/** Its place is free again once its job is done. */
const isFree = (person: CallPerson, roomId: string) =>
  until(
    'there is room for another',
    () => person.socket.request('stream:start', { roomId, hls: true }),
    PATIENCE_MS,
  )

test('hosts start, pause and end a stream, everybody sees it, and one server has so many', {
  timeout: 400_000,
}, async () => {
  const roomId = await makeRoom()
  const [mona, paul] = [await come(roomId, 'mona'), await come(roomId, 'paul')]
  expect(await codeOf(paul.socket.request('stream:start', { roomId, hls: true }))).toBe('forbidden')
  expect(await codeOf(mona.socket.request('stream:pause', { roomId, paused: true }))).toBe('not_found')
  expect(await codeOf(mona.socket.request('stream:get', { roomId }))).toBe('not_found')
  expect(await codeOf(mona.socket.request('stream:start', { roomId }))).toBe('invalid_request')
  for (const rtmp of [
    'http://example.org/app/key',
    'rtmp://example.org/key',
    'file:///etc/passwd',
    'rtmp://a/b/c\n',
  ])
    expect(await codeOf(mona.socket.request('stream:start', { roomId, rtmp })), rtmp).toBe('invalid_request')

  const { stream, playlist } = await mona.socket.request('stream:start', { roomId, hls: true })
  expect(stream).toMatchObject({ paused: false, hls: true, rtmp: false })
  expect(await codeOf(mona.socket.request('stream:start', { roomId, hls: true }))).toBe('conflict')
  await expect.poll(() => paul.call()?.stream).toEqual(stream)
  // Where it can be watched is for hosts.
  expect(JSON.stringify(paul.call())).not.toContain('index.m3u8')
  expect(await codeOf(paul.socket.request('stream:get', { roomId }))).toBe('forbidden')
  expect(await mona.socket.request('stream:get', { roomId })).toEqual({ stream, playlist })
  expect((await fetch(`${url}${playlist?.replace(/.{3}\/index/, 'AAA/index')}`)).status).toBe(404)

  const other = await makeRoom()
  const host = await come(other, 'mona')
  await expect(host.socket.request('stream:start', { roomId: other, hls: true })).rejects.toThrow(
    /^limit_reached: This server streams 1 calls at once/,
  )
  await mona.socket.request('stream:pause', { roomId, paused: true })
  await expect.poll(() => paul.call()?.stream?.paused).toBe(true)
  // Who comes meanwhile reads it in the answer.
  expect((await come(roomId, 'paul')).joined?.call.stream).toEqual({ ...stream, paused: true })
  await mona.socket.request('stream:pause', { roomId, paused: false })
  await expect.poll(() => paul.call()?.stream?.paused).toBe(false)

  expect(await codeOf(paul.socket.request('stream:stop', { roomId }))).toBe('forbidden')
  await mona.socket.request('stream:stop', { roomId })
  await expect.poll(() => paul.call()?.stream).toBeUndefined()
  // Again is no error.
  await mona.socket.request('stream:stop', { roomId })
  expect(await streamOutcomeOf(url, roomId)).toMatchObject({
    type: 'stream.ended',
    data: { streamId: stream.id },
  })
  const started = (await eventsOf(url, roomId)).filter(({ type }) => type === 'stream.started')
  expect(started).toMatchObject([{ sender: 'mona', data: { streamId: stream.id } }])

  // It ends with its call.
  await isFree(host, other)
  await perform(url, 'call:end', { roomId: other })
  expect((await streamOutcomeOf(url, other)).type).toBe('stream.ended')
})

test('an encrypted call is not streamed', async () => {
  const roomId = await makeRoom()
  const mona = await come(roomId, 'mona')
  const paul = await CallPerson.connect({ url, userId: 'paul', roomId }, onTestFinished)
  await paul.socket.request('room:open', { roomId })
  await paul.socket.request('call:join', { roomId, rtpCapabilities: {}, encryption: { keys: 'app' } })
  await expect(mona.socket.request('stream:start', { roomId, hls: true })).rejects.toThrow(
    /^conflict: This call is encrypted end to end/,
  )
})

test("streams go nowhere inside of the operator's network unless allowed, and nowhere without a media service", async () => {
  const strict = await startServer()
  const roomId = 'strict'
  await perform(strict.url, 'room:create', { id: roomId, kind: 'group', members: ['mona'] })
  await (await CallPerson.connect({ url: strict.url, userId: 'mona', roomId }, onTestFinished)).join()
  const ask = (rtmp: string) => perform(strict.url, 'stream:start', { roomId, rtmp }, { sender: 'mona' })
  for (const host of [
    '127.0.0.1',
    'localhost',
    '10.0.0.1',
    '[::1]',
    '[::ffff:127.0.0.1]',
    '0x7f.1',
    '169.254.169.254',
  ]) {
    const { status, body } = await ask(`rtmp://${host}/live/key`)
    expect([host, status, body.code]).toEqual([host, 403, 'forbidden'])
  }
  const { status, body } = await ask('rtmp://nobody.invalid/live/key')
  expect([status, body.code]).toEqual([400, 'invalid_request'])
  expect((await ask(`rtmp://${'a'.repeat(LIMITS.urlChars)}/live/key`)).status).toBe(400)

  const alone = await startServer({
    services: ['signalling', 'sfu'],
    env: { TRUNKLINE_SECRET: 'a-secret-for-two-services' },
  })
  await perform(alone.url, 'room:create', { id: roomId, kind: 'group', members: ['mona'] })
  await (await CallPerson.connect({ url: alone.url, userId: 'mona', roomId }, onTestFinished)).join()
  const refused = await perform(alone.url, 'stream:start', { roomId, hls: true }, { sender: 'mona' })
  expect([refused.status, refused.body.code]).toEqual([503, 'unavailable'])
})
