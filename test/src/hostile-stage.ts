import { readFileSync } from 'node:fs'
import { watch } from './hostile-server.ts'
import type { Wire } from './hostile-wire.ts'
import type { Register } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'

export type Fixture = { valid: Record<string, unknown>; invalid: Record<string, unknown> }

/** The protocol's valid and invalid values of one shape, for example of `requests/message:send`. */
export const fixtureOf = (name: string): Fixture =>
  JSON.parse(
    readFileSync(
      new URL(`../../protocol/generated/fixtures/${name.replaceAll(':', '.')}.json`, import.meta.url),
      'utf8',
    ),
  )

export type Participation = { participantId: string; transportId: string; producerId: string }

export type Stage = {
  server: TestServer
  url: string
  /** `ada` and `grace` are in room-1, `grace` alone in room-2, `mallory` in none. */
  tokens: Record<'ada' | 'grace' | 'mallory', string>
  /** Fails unless the server took no harm. */
  check(): Promise<void>
}

/** A real server with two rooms and three people, for one test file; `register` from {@link cleanUpAfterAll}. */
export const startStage = async (register: Register): Promise<Stage> => {
  const server = await startServer({ register })
  const { url } = server
  const post = async (path: string, body: unknown) => {
    const answer = await rest(url, 'POST', path, { body })
    if (answer.status !== 201) throw new Error(`${path}: ${JSON.stringify(answer.body)}`)
  }
  await post('/v1/rooms', { id: 'room-1', kind: 'group', members: ['ada', 'grace'] })
  await post('/v1/rooms', { id: 'room-2', kind: 'group', members: ['grace'] })
  const [ada, grace, mallory] = await Promise.all([
    mintToken(url, 'ada'),
    mintToken(url, 'grace'),
    mintToken(url, 'mallory'),
  ])
  const { check } = watch(server)
  return { server, url, tokens: { ada, grace, mallory }, check }
}

const rtpParameters = {
  codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }],
  encodings: [{ ssrc: 1_111_111 }],
  rtcp: { cname: 'test' },
}

/** Joins a call and publishes a microphone of which no packet ever comes. */
export const joinCall = async (wire: Wire, roomId: string): Promise<Participation> => {
  const ask = async (name: string, data: object) => {
    const reply = await wire.request(name, JSON.stringify(data))
    if (!reply.ok) throw new Error(`${name}: ${reply.error.message}`)
    return reply.data
  }
  const { routerRtpCapabilities } = await ask('room:open', { roomId })
  const { participantId, sendTransport } = await ask('call:join', {
    roomId,
    rtpCapabilities: routerRtpCapabilities,
  })
  const own = { roomId, participantId, transportId: sendTransport.id }
  const { producerId } = await ask('producer:create', { ...own, source: 'mic', kind: 'audio', rtpParameters })
  return { participantId, transportId: sendTransport.id, producerId }
}
