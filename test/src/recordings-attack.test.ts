import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { LIMITS } from '@trunkline/protocol'
import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Take, takeTone } from '../../media/src/testing/takes.ts'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { perform } from './support/operations.ts'
import { eventsOf, outcomeOf } from './support/recorded.ts'
import { mintToken } from './support/rest.ts'
import { RtpPeer } from './support/rtp-peer.ts'
import { startServer, type TestServer } from './support/server.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let server: TestServer
let tone: Take
beforeAll(async () => {
  server = await startServer({ register })
  tone = await takeTone(440, 60)
}, 90_000)

/** The recordings of which something is kept. */
const kept = (): string[] => {
  const folder = join(server.dataFolder, 'files', 'objects', 'jobs')
  return existsSync(folder) ? readdirSync(folder) : []
}

const makeRoom = async (roomId: string, members: string[]): Promise<void> => {
  const made = await perform(server.url, 'room:create', { id: roomId, kind: 'group', members })
  expect(made.status).toBe(201)
}

/** A room with Mona, who may record, and Ada, who is heard in its call. */
const makeCall = async (roomId: string): Promise<CallPerson> => {
  const { url } = server
  await makeRoom(roomId, ['mona'])
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  const token = await mintToken(url, 'ada', { rooms: [{ roomId, role: 'publisher' }] })
  const sending = [{ take: tone }]
  const peer = await RtpPeer.publish({ url, roomId, token, sending, zero: performance.now() })
  onTestFinished(() => peer.leave())
  const mona = await CallPerson.connect({ url, userId: 'mona', roomId }, onTestFinished)
  return mona.join()
}

/** Records until something is kept of it. @returns its id */
const record = async (mona: CallPerson): Promise<string> => {
  const { recording } = await mona.socket.request('recording:start', { roomId: mona.roomId })
  await until('something is kept', () => kept().includes(recording.id), 30_000)
  return recording.id
}

test('what was recorded in a room that is deleted is nobody else’s, and does not stay', {
  timeout: 120_000,
}, async () => {
  const roomId = 'deleted-meanwhile'
  const id = await record(await makeCall(roomId))
  await perform(server.url, 'room:delete', { roomId })
  await makeRoom(roomId, ['eve'])
  await until('nothing is kept of it', () => !kept().includes(id), 60_000)
  const types = (await eventsOf(server.url, roomId)).map(({ type }) => type)
  expect(types).toEqual(['room.created', 'member.joined'])
})

test('a film that is made while its room is deleted does not go to another room of that name', {
  timeout: 120_000,
}, async () => {
  const roomId = 'deleted-before-the-film'
  const mona = await makeCall(roomId)
  const id = await record(mona)
  await mona.socket.request('recording:stop', { roomId })
  await mona.socket.hear('recording:ended', it => it.recordingId === id)
  await perform(server.url, 'room:delete', { roomId })
  await makeRoom(roomId, ['eve'])
  await until('nothing is kept of it', () => !kept().includes(id), 60_000)
  const types = (await eventsOf(server.url, roomId)).map(({ type }) => type)
  expect(types).toEqual(['room.created', 'member.joined'])
  expect(server.log()).not.toMatch(/"level":(50|60)/)
})

test('who tries again to start a recording that is over loses nothing of it', {
  timeout: 120_000,
}, async () => {
  const roomId = 'tried-again'
  const mona = await makeCall(roomId)
  const headers = { 'idempotency-key': 'once' }
  const start = () => perform(server.url, 'recording:start', { roomId }, { sender: 'mona', headers })
  const { id } = (await start()).body.recording
  await until('something is kept', () => kept().includes(id), 30_000)
  expect((await start()).body.recording.id).toBe(id)
  await mona.socket.request('recording:stop', { roomId })
  await mona.socket.hear('recording:ended', it => it.recordingId === id)
  const again = await start()
  expect([again.status, again.body.code]).toEqual([409, 'conflict'])
  await expect.poll(() => mona.call()?.recording).toBeUndefined()
  const { type, data } = await outcomeOf(server.url, roomId)
  expect([type, data.recordingId]).toEqual(['recording.ready', id])
})

test('nobody starts so many recordings that the others’ films wait for theirs', {
  timeout: 120_000,
}, async () => {
  const roomId = 'many'
  const mona = await makeCall(roomId)
  const asked = 3 * LIMITS.recordingsPerUser
  const codes: string[] = []
  for (let n = 0; n < asked; n++) {
    codes.push(await codeOf(mona.socket.request('recording:start', { roomId })))
    await mona.socket.request('recording:stop', { roomId })
  }
  expect(new Set(codes)).toEqual(new Set(['ok', 'limit_reached']))
  expect(codes.filter(code => code === 'ok').length).toBeGreaterThanOrEqual(LIMITS.recordingsPerUser)
  // All that began are told of, however short they were.
  const began = () => mona.socket.heard('event:appended').map(({ event }) => event.type)
  await until(
    'what became of them is told',
    () => {
      const types = began()
      const started = types.filter(type => type === 'recording.started').length
      return started > 0 && types.filter(type => type === 'recording.failed').length === started
    },
    60_000,
  )
  expect(await codeOf(mona.socket.request('recording:start', { roomId }))).toBe('ok')
})
