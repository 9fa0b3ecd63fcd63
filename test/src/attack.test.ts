import { once } from 'node:events'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { LIMITS } from '@trunkline/protocol'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type Stage, startStage } from './hostile-stage.ts'
import { Wire } from './hostile-wire.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { inDatabaseOf } from './support/database.ts'
import { mintToken, rest } from './support/rest.ts'
import { freePort, startServer, temporaryFolder } from './support/server.ts'

let stage: Stage
const register = cleanUpAfterAll()
beforeAll(async () => {
  stage = await startStage(register)
})
afterEach(() => stage.check())

const makeRoom = async (id: string, members: string[]): Promise<void> => {
  const { status } = await rest(stage.url, 'POST', '/v1/rooms', { body: { id, kind: 'group', members } })
  expect(status).toBe(201)
}

const say = async (roomId: string, body: object): Promise<void> => {
  const path = `/v1/rooms/${roomId}/messages`
  const { status } = await rest(stage.url, 'POST', path, { body: { sender: 'ada', ...body } })
  expect(status).toBe(201)
}

/** A text frame as a client sends it, masked with zeros. */
const frame = (text: string): Buffer => {
  const bytes = Buffer.from(text)
  const head = Buffer.from([0x81, 0xfe, bytes.length >> 8, bytes.length & 255, 0, 0, 0, 0])
  return Buffer.concat([head, bytes])
}

/** A socket that has been admitted and reads nothing from then on. */
const openDeaf = async (token: string) => {
  const { hostname, port } = new URL(stage.url)
  const socket = connect(Number(port), hostname)
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))
  socket.on('error', () => undefined)
  let heard = ''
  socket.on('data', data => {
    heard += data.toString('latin1')
  })
  await once(socket, 'connect')
  const headers = ['Host: a', 'Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='
  socket.write(
    `GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\n${[...headers, key].join('\r\n')}\r\n\r\n`,
  )
  await expect.poll(() => heard).toContain('"sid"')
  socket.write(frame(`40${JSON.stringify({ token, version: 1 })}`))
  await expect.poll(() => heard).toContain('40{"sid"')
  socket.pause()
  return {
    send: (text: string) => socket.write(frame(text)),
    closed,
    /** The end of a connection is noticed by who reads. */
    resume: () => socket.resume(),
  }
}

describe('large answers', () => {
  it('a page of the largest messages ends early, and the next ones bring the rest', async () => {
    await makeRoom('long-texts', ['ada'])
    const text = 'x'.repeat(LIMITS.messageBytes - 100)
    for (let n = 0; n < 40; n++) await say('long-texts', { text, clientId: `c-${n}` })
    for (const list of ['messages', 'events']) {
      const found: string[] = []
      let cursor = ''
      do {
        const path = `/v1/rooms/long-texts/${list}?limit=200${cursor}`
        const { body } = await rest(stage.url, 'GET', path)
        // A message shows its text twice: in its parts, and for those who only want that.
        expect(JSON.stringify(body).length).toBeLessThan(2 * (LIMITS.pageBytes + 2 * LIMITS.messageBytes))
        const page = body.data.flatMap((item: { clientId?: string }) => item.clientId ?? [])
        if (list === 'messages') found.unshift(...page)
        else found.push(...page)
        cursor = body.nextCursor ? `&cursor=${body.nextCursor}` : ''
      } while (cursor)
      expect(found, list).toEqual(Array.from({ length: 40 }, (_, n) => `c-${n}`))
    }
  })

  it('numbers are stored as they were sent: a thousand large ones fill a page no more than others', async () => {
    await makeRoom('large-numbers', ['ada'])
    const json = Array(9_000).fill(1e308)
    for (let n = 0; n < 5; n++) await say('large-numbers', { parts: [{ mime: 'application/json', json }] })
    const { body } = await rest(stage.url, 'GET', '/v1/rooms/large-numbers/messages')
    // Written out, each of these messages would be 2.8 MB, and a page end after the first.
    expect(body.data).toHaveLength(5)
    expect(body.data[4].parts[0].json).toEqual(json)
  })

  it('who asks for more and more without reading is cut off', { timeout: 60_000 }, async () => {
    const deaf = await openDeaf(await mintToken(stage.url, 'ada'))
    for (let n = 0; n < 100; n++) deaf.send(`42${n}["room:sync",{"roomId":"long-texts","limit":200}]`)
    await expect.poll(() => stage.server.log(), { timeout: 30_000 }).toContain('does not take its answers')
    deaf.resume()
    await deaf.closed
  })

  it('and so is who listens to a room without reading', { timeout: 90_000 }, async () => {
    const deaf = await openDeaf(await mintToken(stage.url, 'grace'))
    await makeRoom('loud', ['ada', 'grace'])
    deaf.send('421["room:open",{"roomId":"loud"}]')
    const text = 'x'.repeat(LIMITS.messageBytes - 100)
    const heartbeat = setInterval(() => deaf.send('3'), 2_000)
    for (let n = 0; n < 250; n++) await say('loud', { text })
    await expect.poll(() => stage.server.log(), { timeout: 30_000 }).toContain('does not take its notices')
    clearInterval(heartbeat)
    deaf.resume()
    await deaf.closed
  })
})

describe('calls of one socket', () => {
  const join = (wire: Wire, roomId: string) =>
    wire.request('call:join', JSON.stringify({ roomId, rtpCapabilities: {} }))
  const participantsOf = async (wire: Wire, roomId: string): Promise<{ id: string }[]> => {
    const reply = await wire.request('room:open', JSON.stringify({ roomId }))
    if (!reply.ok) throw new Error(reply.error.message)
    return (reply.data as { call: { participants: { id: string }[] } | null }).call?.participants ?? []
  }

  it('who joins twice is there once: one after the other, and all at once', async () => {
    const wire = await Wire.open(stage.url, stage.tokens.ada)
    const other = await Wire.open(stage.url, stage.tokens.ada)
    expect(await join(other, 'room-1')).toMatchObject({ ok: true })
    for (let n = 0; n < 3; n++) expect(await join(wire, 'room-1')).toMatchObject({ ok: true })
    // The other tab is another participant.
    expect(await participantsOf(wire, 'room-1')).toHaveLength(2)
    const replies = await Promise.all(Array.from({ length: 20 }, () => join(wire, 'room-1')))
    const joined = replies.flatMap(reply =>
      reply.ok ? [(reply.data as { participantId: string }).participantId] : [],
    )
    await expect.poll(async () => (await participantsOf(wire, 'room-1')).length).toBe(2)
    const there = (await participantsOf(wire, 'room-1')).map(({ id }) => id)
    // Whoever is there was told so; which of them came last, the database decided.
    expect(joined.some(id => there.includes(id))).toBe(true)
    for (const one of [wire, other]) one.close()
  })

  it('are not without end', async () => {
    const ids = Array.from({ length: LIMITS.callsPerSocket + 1 }, (_, n) => `call-room-${n}`)
    await Promise.all(ids.map(id => makeRoom(id, ['ada'])))
    const wire = await Wire.open(stage.url, stage.tokens.ada)
    for (const id of ids.slice(0, -1)) expect(await join(wire, id)).toMatchObject({ ok: true })
    const refused = await join(wire, ids.at(-1) ?? '')
    expect(refused).toMatchObject({ ok: false, error: { code: 'limit_reached' } })
    expect(await join(wire, ids[0] ?? '')).toMatchObject({ ok: true })
    wire.close()
  })
})

it('a direct room stays one of two: no grant and no guest makes a third', async () => {
  const body = { kind: 'direct', members: ['ada', 'grace'] }
  const open = await rest(stage.url, 'POST', '/v1/rooms', { body: { ...body, guests: true } })
  expect(open.body.code).toBe('invalid_request')
  const { id } = (await rest(stage.url, 'POST', '/v1/rooms', { body })).body
  const rooms = [{ roomId: id, role: 'owner' }]
  const granted = await mintToken(stage.url, 'mallory', { rooms })
  const path = `/v1/rooms/${id}`
  expect((await rest(stage.url, 'GET', path, { token: granted })).body.code).toBe('room_not_found')
  const guest = { roomId: id, name: 'Guest' }
  const answer = await rest(stage.url, 'POST', '/v1/guest-tokens', { token: '', body: guest })
  expect(answer.body.code).toBe('room_not_found')
  expect((await rest(stage.url, 'GET', path, { token: stage.tokens.ada })).status).toBe(200)
})

it('no answer about somebody is kept on the way', async () => {
  for (const path of ['/v1/ice-servers', '/v1/rooms/room-1', '/v1/rooms/room-1/messages']) {
    const { headers } = await rest(stage.url, 'GET', path, { token: stage.tokens.ada })
    expect(headers.get('cache-control'), path).toBe('no-store')
  }
})

describe('other servers', () => {
  const SECRET = 'a-secret-for-the-attack-test-of-trunkline'

  it('a media service that is away is a typed error that names no address', async () => {
    const media = `http://127.0.0.1:${await freePort()}`
    const env = { TRUNKLINE_SECRET: SECRET, MEDIA_URL: media }
    const { url } = await startServer({ services: ['signalling'], env })
    const answer = await rest(url, 'GET', '/v1/files/file_1')
    expect([answer.status, answer.body.code]).toEqual([503, 'unavailable'])
    expect(answer.headers.get('content-type')).toContain('application/problem+json')
    expect(JSON.stringify(answer.body)).not.toContain(new URL(media).port)
  })

  it('no message gets into the log when the database fails', async () => {
    const env = { TRUNKLINE_SECRET: SECRET }
    const server = await startServer({ services: ['signalling'], env })
    await rest(server.url, 'POST', '/v1/rooms', { body: { id: 'r', kind: 'group', members: ['ada'] } })
    await inDatabaseOf(server, pool =>
      pool.query('alter table events add constraint broken check (false) not valid'),
    )
    const text = 'a-secret-text'
    const body = { sender: 'ada', text }
    expect((await rest(server.url, 'POST', '/v1/rooms/r/messages', { body })).body.code).toBe('internal')
    await expect.poll(() => server.log()).toContain('violates check constraint')
    expect(server.log()).not.toContain(text)
    expect(readFileSync(join(server.dataFolder, 'postgres.log'), 'utf8')).not.toContain(text)
  })

  it('a client that sends byte by byte does not keep a server from ending', async () => {
    const server = await startServer()
    await rest(server.url, 'POST', '/v1/rooms', { body: { id: 'r', kind: 'group', members: ['ada'] } })
    const token = await mintToken(server.url, 'ada')
    const { hostname, port } = new URL(server.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => undefined)
    const head = ['POST /v1/rooms/r/files?name=a HTTP/1.1', 'Host: a', 'Content-Length: 1000000']
    socket.write(`${[...head, `Authorization: Bearer ${token}`].join('\r\n')}\r\n\r\nabc`)
    const sending = setInterval(() => socket.write('x'), 100)
    await expect.poll(() => readdirSync(join(server.dataFolder, 'files/staging'))).toHaveLength(1)
    const asked = performance.now()
    expect(await server.stop()).toBe(0)
    clearInterval(sending)
    expect(performance.now() - asked).toBeLessThan(8_000)
    expect(server.log()).not.toContain('did not close')
  })

  it.each([
    ['empty', ''],
    ['cut off', 'abc'],
  ])('a secret that is %s starts nothing', async (_, secret) => {
    const dataFolder = temporaryFolder()
    writeFileSync(join(dataFolder, 'secret'), secret)
    await expect(startServer({ dataFolder })).rejects.toThrow(/exit 1[\s\S]*secret.* is damaged/)
  })
})
