import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { json } from 'node:stream/consumers'
import { LIMITS, type Problem, type WireError } from '@trunkline/protocol'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { fixtureOf, joinCall, type Stage, startStage } from './hostile-stage.ts'
import { type Reply, Wire } from './hostile-wire.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'

let stage: Stage
const register = cleanUpAfterAll()

beforeAll(async () => {
  stage = await startStage(register)
})
afterEach(() => stage.check())

/** The limit is in the sentence; `limit` where programs read it. */
const expectStated = (error: WireError | Problem, code: string, limit: number) => {
  const sentence = 'message' in error ? error.message : error.detail
  expect([error.code, sentence]).toEqual([code, expect.stringContaining(String(limit))])
}

const refusalOf = (reply: Reply): WireError => {
  if (reply.ok) throw new Error('it was accepted')
  return reply.error
}

/** A user of a test's own, in a room of its own: rates are counted by user. */
const newcomer = async (name: string): Promise<{ token: string; roomId: string }> => {
  const roomId = `room-of-${name}`
  await rest(stage.url, 'POST', '/v1/rooms', { body: { id: roomId, kind: 'group', members: [name] } })
  return { token: await mintToken(stage.url, name), roomId }
}

describe('how often', () => {
  it('messages are sent, over sockets and REST together', async () => {
    const { token, roomId } = await newcomer('writer')
    const wire = await Wire.open(stage.url, token)
    const send = (number: number) =>
      wire.request('message:send', JSON.stringify({ roomId, clientId: `c-${number}`, text: 'a' }))
    const replies = await Promise.all(Array.from({ length: 2 * LIMITS.messagesBurst }, (_, n) => send(n)))
    const refused = replies.filter(reply => !reply.ok)
    // The burst, and what a second or two of sustained rate adds on a slow machine.
    expect(replies.length - refused.length).toBeGreaterThanOrEqual(LIMITS.messagesBurst)
    expect(refused.length).toBeGreaterThan(0)
    const error = refusalOf(refused[0] as Reply)
    expectStated(error, 'rate_limited', LIMITS.messagesPerSecond)
    expect(error.details).toMatchObject({ limit: LIMITS.messagesPerSecond, retryAfterMs: expect.any(Number) })

    const post = () => rest(stage.url, 'POST', `/v1/rooms/${roomId}/messages`, { token, body: { text: 'a' } })
    const answers = await Promise.all(Array.from({ length: LIMITS.messagesBurst }, post))
    // As many as were a burst of its own: some are refused because the sockets' count as well.
    const tooMany = answers.filter(({ status }) => status !== 201)
    expect(tooMany.length).toBeGreaterThan(0)
    for (const { body, headers } of tooMany) {
      expectStated(body, 'rate_limited', LIMITS.messagesPerSecond)
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    }
    // Patience helps: the server says how much.
    await new Promise(resolve => setTimeout(resolve, error.details?.retryAfterMs ?? 0))
    await expect.poll(async () => (await send(1_000)).ok, { timeout: 5_000 }).toBe(true)
    wire.close()
  })

  it('one socket asks', async () => {
    const { token, roomId } = await newcomer('asker')
    const wire = await Wire.open(stage.url, token)
    const ask = () => wire.request('room:close', JSON.stringify({ roomId }))
    const replies = await Promise.all(Array.from({ length: 2 * LIMITS.requestsBurst }, ask))
    const refused = replies.filter(reply => !reply.ok)
    expect(replies.length - refused.length).toBeGreaterThanOrEqual(LIMITS.requestsBurst)
    expect(refused.length).toBeGreaterThan(0)
    const error = refusalOf(refused[0] as Reply)
    expectStated(error, 'rate_limited', LIMITS.requestsPerSecond)
    await new Promise(resolve => setTimeout(resolve, error.details?.retryAfterMs ?? 0))
    await expect.poll(async () => (await ask()).ok, { timeout: 5_000 }).toBe(true)
    wire.close()
  })

  it('one address brings guests', async () => {
    const body = { roomId: 'guest-room', name: 'Guest' }
    const ask = () => rest(stage.url, 'POST', '/v1/guest-tokens', { token: '', body })
    const answers = []
    for (let sent = 0; sent < LIMITS.guestTokensPerMinute; sent += 10) {
      answers.push(...(await Promise.all(Array.from({ length: 10 }, ask))))
    }
    expect(new Set(answers.map(answer => answer.status))).toEqual(new Set([201]))
    const refused = await ask()
    expect(refused.status).toBe(429)
    expectStated(refused.body, 'rate_limited', LIMITS.guestTokensPerMinute)
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0)
  })
})

describe('how many', () => {
  it('sockets a user has', async () => {
    const { token } = await newcomer('collector')
    const wires = []
    for (let n = 0; n < LIMITS.socketsPerUser; n++) wires.push(await Wire.open(stage.url, token))
    const oneMore = await Wire.dial(stage.url)
    const greeting = await oneMore.connect({ token, version: 1 })
    expect(greeting.slice(0, 2)).toBe('44')
    expectStated(JSON.parse(greeting.slice(2)).data, 'limit_reached', LIMITS.socketsPerUser)
    // One closed makes room for one.
    wires.pop()?.close()
    await expect
      .poll(async () => {
        const wire = await Wire.dial(stage.url)
        wires.push(wire)
        return (await wire.connect({ token, version: 1 })).slice(0, 2)
      })
      .toBe('40')
    for (const wire of [...wires, oneMore]) wire.close()
  })

  it('rooms a socket has open', { timeout: 60_000 }, async () => {
    const token = await mintToken(stage.url, 'wanderer')
    const ids = Array.from({ length: LIMITS.roomsOpenPerSocket + 1 }, (_, n) => `hall-${n}`)
    for (let at = 0; at < ids.length; at += 20) {
      await Promise.all(
        ids
          .slice(at, at + 20)
          .map(id =>
            rest(stage.url, 'POST', '/v1/rooms', { body: { id, kind: 'group', members: ['wanderer'] } }),
          ),
      )
    }
    const wire = await Wire.open(stage.url, token)
    const open = (roomId: string | undefined) => wire.request('room:open', JSON.stringify({ roomId }))
    for (const id of ids.slice(0, -1)) expect(await open(id)).toMatchObject({ ok: true })
    expectStated(refusalOf(await open(ids.at(-1))), 'limit_reached', LIMITS.roomsOpenPerSocket)
    expect(await open(ids[0])).toMatchObject({ ok: true })
    await wire.request('room:close', JSON.stringify({ roomId: ids[0] }))
    expect(await open(ids.at(-1))).toMatchObject({ ok: true })
    wire.close()
  })

  it('rooms a socket opens all at once', async () => {
    const wire = await Wire.open(stage.url, await mintToken(stage.url, 'wanderer'))
    const ids = Array.from({ length: LIMITS.roomsOpenPerSocket + 1 }, (_, n) => `hall-${n}`)
    const replies = await Promise.all(
      ids.map(roomId => wire.request('room:open', JSON.stringify({ roomId }))),
    )
    const refused = replies.filter(reply => !reply.ok)
    expect(refused).toHaveLength(1)
    expectStated(refusalOf(refused[0] as Reply), 'limit_reached', LIMITS.roomsOpenPerSocket)
    wire.close()
  })

  it('tracks a participant publishes', async () => {
    const { token, roomId } = await newcomer('broadcaster')
    const wire = await Wire.open(stage.url, token)
    const { participantId, transportId } = await joinCall(wire, roomId)
    const [example] = Object.values(fixtureOf('requests/producer:create').valid) as object[]
    const publish = (n: number) =>
      wire.request(
        'producer:create',
        JSON.stringify({
          ...example,
          ...{ roomId, participantId, transportId, source: 'screenAudio' },
          rtpParameters: {
            mid: String(n),
            codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }],
            encodings: [{ ssrc: 5_000 + n }],
          },
        }),
      )
    // The microphone is one already.
    for (let n = 1; n < LIMITS.producersPerParticipant; n++)
      expect(await publish(n)).toMatchObject({ ok: true })
    const error = refusalOf(await publish(LIMITS.producersPerParticipant))
    expectStated(error, 'limit_reached', LIMITS.producersPerParticipant)
    wire.close()
  })

  it('members a room begins with', async () => {
    const members = Array.from({ length: LIMITS.membersPerCreate + 1 }, (_, n) => `member-${n}`)
    const create = (some: string[]) =>
      rest(stage.url, 'POST', '/v1/rooms', { body: { kind: 'group', members: some } })
    const { status, body } = await create(members)
    expect(status).toBe(400)
    expectStated(body, 'invalid_request', LIMITS.membersPerCreate)
    expect((await create(members.slice(1))).status).toBe(201)
  })
})

describe('how large', () => {
  const send = (wire: Wire, content: object) =>
    wire.request(
      'message:send',
      JSON.stringify({ roomId: 'room-1', clientId: crypto.randomUUID(), ...content }),
    )
  let wire: Wire
  beforeAll(async () => {
    wire = await Wire.open(stage.url, stage.tokens.ada)
    return () => wire.close()
  })

  it('a request', async () => {
    const overhead = JSON.stringify({ roomId: 'room-1', extra: '' }).length
    const ask = (bytes: number) =>
      wire.request('room:sync', JSON.stringify({ roomId: 'room-1', extra: 'x'.repeat(bytes - overhead) }))
    expect(refusalOf(await ask(LIMITS.requestBytes)).code).toBe('invalid_request')
    const error = refusalOf(await ask(LIMITS.requestBytes + 1))
    expectStated(error, 'too_large', LIMITS.requestBytes)
    expect(error.details?.limit).toBe(LIMITS.requestBytes)
    const body = JSON.stringify('x'.repeat(LIMITS.requestBytes))
    expectStated(
      (await rest(stage.url, 'POST', '/v1/rooms', { body })).body,
      'too_large',
      LIMITS.requestBytes,
    )
  })

  it('a message', async () => {
    // Two quotes, two brackets, a comma and null are measured with it.
    const longest = 'x'.repeat(LIMITS.messageBytes - 9)
    expect(await send(wire, { text: longest })).toMatchObject({ ok: true })
    expectStated(refusalOf(await send(wire, { text: `${longest}x` })), 'invalid_request', LIMITS.messageBytes)
    const part = { mime: 'text/plain', text: 'a' }
    const parts = Array(LIMITS.partsPerMessage).fill(part)
    expect(await send(wire, { parts })).toMatchObject({ ok: true })
    expectStated(
      refusalOf(await send(wire, { parts: [...parts, part] })),
      'invalid_request',
      LIMITS.partsPerMessage,
    )
  })

  it('its metadata, and how deep', async () => {
    const largest = { a: 'x'.repeat(LIMITS.metadataBytes - 8) }
    expect(await send(wire, { text: 'a', metadata: largest })).toMatchObject({ ok: true })
    const over = refusalOf(await send(wire, { text: 'a', metadata: { a: `${largest.a}x` } }))
    expectStated(over, 'invalid_request', LIMITS.metadataBytes)
    const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
    expect(await send(wire, { text: 'a', metadata: { a: nested(LIMITS.jsonDepth) } })).toMatchObject({
      ok: true,
    })
    const deep = refusalOf(await send(wire, { text: 'a', metadata: { a: nested(LIMITS.jsonDepth + 1) } }))
    expectStated(deep, 'invalid_request', LIMITS.jsonDepth)
  })

  it('ids, names and pages', async () => {
    const clientId = 'c'.repeat(LIMITS.clientIdChars)
    expect(await send(wire, { clientId, text: 'a' })).toMatchObject({ ok: true })
    const long = refusalOf(await send(wire, { clientId: `${clientId}c`, text: 'a' }))
    expectStated(long, 'invalid_request', LIMITS.clientIdChars)
    const sync = (limit: number) => wire.request('room:sync', JSON.stringify({ roomId: 'room-1', limit }))
    expect(await sync(LIMITS.pageSize)).toMatchObject({ ok: true })
    expectStated(refusalOf(await sync(LIMITS.pageSize + 1)), 'invalid_request', LIMITS.pageSize)

    const post = async (path: string, body: object, headers: Record<string, string> = {}) =>
      rest(stage.url, 'POST', path, { body, headers })
    const rows: [string, object, string, number][] = [
      ['/v1/rooms', { kind: 'group' }, 'title', LIMITS.roomNameChars],
      ['/v1/tokens', {}, 'userId', LIMITS.idChars],
      ['/v1/tokens', { userId: 'ada' }, 'name', LIMITS.userNameChars],
    ]
    for (const [path, body, key, limit] of rows) {
      expect((await post(path, { ...body, [key]: 'x'.repeat(limit) })).status, key).toBe(201)
      expectStated(
        (await post(path, { ...body, [key]: 'x'.repeat(limit + 1) })).body,
        'invalid_request',
        limit,
      )
    }
    const ttlSeconds = LIMITS.tokenSecondsMax
    expect((await post('/v1/tokens', { userId: 'ada', ttlSeconds })).status).toBe(201)
    const forEver = await post('/v1/tokens', { userId: 'ada', ttlSeconds: ttlSeconds + 1 })
    expectStated(forEver.body, 'invalid_request', ttlSeconds)
    const key = 'k'.repeat(LIMITS.idempotencyKeyChars)
    expect((await post('/v1/rooms', { kind: 'group' }, { 'idempotency-key': key })).status).toBe(201)
    const longKey = await post('/v1/rooms', { kind: 'group' }, { 'idempotency-key': `${key}k` })
    expectStated(longKey.body, 'invalid_request', LIMITS.idempotencyKeyChars)
  })

  it('a file and its name', async () => {
    const upload = (name: string, body: Uint8Array<ArrayBuffer>) =>
      fetch(`${stage.url}/v1/rooms/room-1/files?name=${name}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${stage.tokens.ada}` },
        body,
      })
    const long = await upload('n'.repeat(LIMITS.fileNameChars + 1), new Uint8Array(1))
    expectStated(await long.json(), 'invalid_request', LIMITS.fileNameChars)
    expect((await upload('n'.repeat(LIMITS.fileNameChars), new Uint8Array(1))).status).toBe(201)
    // It is refused for what it says of itself, before any of it is sent.
    const large = request(`${stage.url}/v1/rooms/room-1/files?name=large.bin`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${stage.tokens.ada}`,
        'content-length': LIMITS.uploadBytes + 1,
      },
    })
    large.on('error', () => undefined)
    large.flushHeaders()
    const [response] = (await once(large, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(413)
    expectStated((await json(response)) as Problem, 'too_large', LIMITS.uploadBytes)
    large.destroy()
  })
})
