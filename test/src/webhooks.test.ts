import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { EventsAnswer, LIMITS, type OutgoingEvent, Webhook, WebhookAttempt } from '@trunkline/protocol'
import { Webhook as Verifier } from 'standardwebhooks'
import { beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { inDatabaseOf } from './support/database.ts'
import { mintToken, rest } from './support/rest.ts'
import { API_KEY, startServer, type TestServer } from './support/server.ts'

const WAIT = { timeout: 60_000, interval: 25 }
const register = cleanUpAfterAll()
let server: TestServer

beforeAll(async () => {
  server = await startServer({ register })
})

const ask = (method: string, path: string, body?: unknown) =>
  rest(server.url, method, path, body === undefined ? {} : { body })
const makeRoom = async (id: string, metadata = {}) => {
  const made = await ask('POST', '/v1/rooms', { id, kind: 'group', members: ['ada'], metadata })
  expect(made.status).toBe(201)
}
const say = (roomId: string, words: string) =>
  ask('POST', `/v1/rooms/${roomId}/messages`, { sender: 'ada', text: words })

describe('webhooks over REST', () => {
  test('are made, looked at, changed, tried and deleted by an API key', async () => {
    const received: { headers: Record<string, string>; body: string }[] = []
    const receiver = createServer((request, response) => {
      const take = (body: string) => {
        received.push({ headers: request.headers as Record<string, string>, body })
        response.end('thanks')
      }
      text(request).then(take, () => response.destroy())
    })
    await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
    onTestFinished(() => {
      receiver.closeAllConnections()
      receiver.close()
    })
    const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
    await makeRoom('told')
    const made = await ask('POST', '/v1/webhooks', { url, types: ['message.created'], roomIds: ['told'] })
    expect(made.status).toBe(201)
    const { secret, ...webhook } = made.body
    expect(Webhook.parse(webhook)).toEqual(webhook)
    expect(secret).toMatch(/^whsec_/)
    // It goes on by itself.
    const seen = { ...webhook, cursor: expect.any(String) }
    expect((await ask('GET', `/v1/webhooks/${webhook.id}`)).body).toEqual(seen)
    expect((await ask('GET', '/v1/webhooks')).body.data).toEqual([seen])

    const tried = await ask('POST', `/v1/webhooks/${webhook.id}/test`)
    expect(WebhookAttempt.parse(tried.body)).toMatchObject({
      delivered: true,
      response: { status: 200, body: 'thanks' },
    })
    await say('told', 'hello')
    await vi.waitFor(() => expect(received).toHaveLength(2), WAIT)
    const { body = '', headers = {} } = received[1] ?? {}
    expect(new Verifier(secret).verify(body, headers)).toMatchObject({
      type: 'message.created',
      room: { id: 'told', kind: 'group' },
      data: { sender: 'ada', data: { parts: [{ text: 'hello' }] } },
    })
    await vi.waitFor(async () => {
      const { data } = (await ask('GET', `/v1/webhooks/${webhook.id}/attempts?limit=1`)).body
      expect(WebhookAttempt.parse(data[0])).toMatchObject({
        roomId: 'told',
        delivered: true,
        request: { url, body },
      })
    }, WAIT)

    const paused = await ask('PATCH', `/v1/webhooks/${webhook.id}`, {
      paused: true,
      types: null,
      description: 'on leave',
    })
    expect(paused.body).toMatchObject({ paused: true, description: 'on leave' })
    expect(paused.body).not.toHaveProperty('types')
    expect((await ask('POST', `/v1/webhooks/${webhook.id}/secret`)).body.secret).not.toBe(secret)
    expect((await ask('DELETE', `/v1/webhooks/${webhook.id}`)).status).toBe(200)
    expect((await ask('GET', `/v1/webhooks/${webhook.id}`)).status).toBe(404)
  })

  test.each([
    ['no address', {}],
    ['an address that is none', { url: 'nowhere' }],
    ['an address of files', { url: 'file:///etc/passwd' }],
    ['a type that does not exist', { url: 'https://example.org', types: ['message.sung'] }],
    ['a family that does not exist', { url: 'https://example.org', types: ['song.*'] }],
    ['no types', { url: 'https://example.org', types: [] }],
    ['metadata that is not simple', { url: 'https://example.org', metadata: { a: { b: 1 } } }],
    ['a field too many', { url: 'https://example.org', secret: 'mine' }],
  ])('%s is refused', async (_, body) => {
    const { status, body: problem } = await ask('POST', '/v1/webhooks', body)
    expect([status, problem.code]).toEqual([400, 'invalid_request'])
  })

  test("are an API key's business: a user's token is refused, and so is nobody", async () => {
    const token = await mintToken(server.url, 'ada')
    for (const [method, path] of [
      ['GET', '/v1/webhooks'],
      ['POST', '/v1/webhooks'],
      ['GET', '/v1/webhooks/whk_1/attempts'],
      ['POST', '/v1/webhooks/whk_1/replay'],
      ['GET', '/v1/events'],
    ] as const) {
      const options = method === 'POST' ? { body: {} } : {}
      expect((await rest(server.url, method, path, { token, ...options })).status).toBe(403)
      expect((await rest(server.url, method, path, { token: '', ...options })).status).toBe(401)
    }
    expect((await ask('POST', '/v1/webhooks/whk_1/replay', { since: '2026-01-01T00:00:00Z' })).status).toBe(
      404,
    )
    expect((await ask('POST', '/v1/webhooks/whk_1/replay', {})).status).toBe(400)
  })

  test('are so many at most', async () => {
    await inDatabaseOf(server, async pool => {
      await pool.query(
        `insert into webhooks (id, url, paused, sealed_secret, cursor)
         select 'whk_many' || n, 'https://example.org', true, '', '' from generate_series(1, $1) n`,
        [LIMITS.webhooks],
      )
      const { status, body } = await ask('POST', '/v1/webhooks', { url: 'https://example.org' })
      await pool.query("delete from webhooks where id like 'whk_many%'")
      expect([status, body.code]).toEqual([422, 'limit_reached'])
      expect(body.detail).toMatch(new RegExp(`${LIMITS.webhooks} webhooks; delete one`))
    })
  })
})

test('a server that stood still for longer than it may goes on, and tells everything', async () => {
  const rooms = Array.from({ length: 30 }, (_, n) => `still-${n}`)
  for (const id of rooms) await makeRoom(id)
  const told: OutgoingEvent[] = []
  const receiver = createServer((request, response) => {
    const take = (body: string) => {
      told.push(JSON.parse(body))
      setTimeout(() => response.end(), 100)
    }
    text(request).then(take, () => response.destroy())
  })
  await new Promise<void>(resolve => receiver.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    receiver.closeAllConnections()
    receiver.close()
  })
  const url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/`
  const { body: webhook } = await ask('POST', '/v1/webhooks', {
    url,
    types: ['message.created'],
    roomIds: rooms,
  })
  await Promise.all(rooms.flatMap(id => Array.from({ length: 10 }, (_, n) => say(id, `number ${n}`))))
  await vi.waitFor(() => expect(told.length).toBeGreaterThan(20), WAIT)
  process.kill(server.pid, 'SIGSTOP')
  // Longer than one who sends may say nothing.
  await new Promise(resolve => setTimeout(resolve, 12_000))
  process.kill(server.pid, 'SIGCONT')
  await vi.waitFor(() => expect(new Set(told.map(({ id }) => id)).size).toBe(300), WAIT)
  for (const roomId of rooms) {
    const seqs = [...new Set(told.filter(({ room }) => room.id === roomId).map(({ data }) => data.seq))]
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
  }
  expect((await ask('DELETE', `/v1/webhooks/${webhook.id}`)).status).toBe(200)
}, 120_000)

test('a room that is deleted is told, after its last event and before the first of another of its id', async () => {
  await makeRoom('ends', { kind: 'ward' })
  const { cursor: start } = (await ask('GET', '/v1/events')).body
  await say('ends', 'one')
  const told: string[] = []
  const poll = async (cursor: string, count: number): Promise<string> => {
    let at = cursor
    for (const end = told.length + count; told.length < end; ) {
      const { body } = await ask('GET', `/v1/events?cursor=${at}&roomIds=ends&waitSeconds=30`)
      const { data, cursor: next } = EventsAnswer.parse(body)
      told.push(...data.map(({ type, data: { seq }, room }) => `${type} ${seq} ${room.metadata.kind}`))
      at = next
    }
    return at
  }
  const cursor = await poll(start, 1)
  expect((await ask('DELETE', '/v1/rooms/ends')).status).toBe(200)
  await makeRoom('ends', { kind: 'office' })
  await poll(cursor, 3)
  expect(told).toEqual([
    'message.created 3 ward',
    'room.deleted 4 ward',
    'room.created 1 office',
    'member.joined 2 office',
  ])
})

describe('GET /v1/events', () => {
  test('waits for what happens, and goes on where it was', async () => {
    await makeRoom('polled', { kind: 'ward' })
    const first = await ask('GET', '/v1/events')
    expect(first.status).toBe(200)
    const { data, cursor } = EventsAnswer.parse(first.body)
    expect(data).toEqual([])
    const waiting = ask('GET', `/v1/events?cursor=${cursor}&types=message.*&waitSeconds=30`)
    await say('polled', 'one')
    const second = EventsAnswer.parse((await waiting).body)
    expect(second.data).toMatchObject([
      { type: 'message.created', room: { id: 'polled', metadata: { kind: 'ward' } } },
    ])
    await say('polled', 'two')
    await say('polled', 'three')
    const seen: OutgoingEvent[] = []
    for (let at = second.cursor; seen.length < 2; ) {
      const { body } = await ask('GET', `/v1/events?cursor=${at}&limit=1&waitSeconds=5&roomIds=polled`)
      seen.push(...body.data)
      at = body.cursor
    }
    expect(seen.map(({ data }) => data.data)).toMatchObject([
      { parts: [{ text: 'two' }] },
      { parts: [{ text: 'three' }] },
    ])
    expect((await ask('GET', '/v1/events?cursor=nonsense')).status).toBe(400)
    expect((await ask('GET', `/v1/events?waitSeconds=${LIMITS.eventsWaitSeconds + 1}`)).status).toBe(400)
  })

  test('is waited at by so many requests of one key at once', async () => {
    const ended = new AbortController()
    const { cursor } = (await ask('GET', '/v1/events')).body
    const url = `${server.url}/v1/events?cursor=${cursor}&types=room.deleted&waitSeconds=${LIMITS.eventsWaitSeconds}`
    const headers = { authorization: `Bearer ${API_KEY}` }
    const waiting = Array.from({ length: LIMITS.eventStreams }, () =>
      fetch(url, { headers, signal: ended.signal }).catch((error: Error) => error.name),
    )
    try {
      await vi.waitFor(async () => {
        const { status, body } = await ask('GET', '/v1/events')
        expect([status, body.code]).toEqual([429, 'rate_limited'])
        expect(body.detail).toMatch(new RegExp(`${LIMITS.eventStreams} requests of one API key.*end one`))
      }, WAIT)
    } finally {
      ended.abort()
    }
    expect(await Promise.all(waiting)).toEqual(waiting.map(() => 'AbortError'))
    await vi.waitFor(async () => expect((await ask('GET', '/v1/events')).status).toBe(200), WAIT)
  })

  test('streams as Server-Sent Events, from the last one heard on', async () => {
    await makeRoom('streamed')
    const open = async (headers: Record<string, string> = {}) => {
      const ended = new AbortController()
      onTestFinished(() => ended.abort())
      const response = await fetch(`${server.url}/v1/events?roomIds=streamed&types=message.created`, {
        headers: { authorization: `Bearer ${API_KEY}`, accept: 'text/event-stream', ...headers },
        signal: ended.signal,
      })
      expect(response.headers.get('content-type')).toBe('text/event-stream')
      const messages: { id: string; event: OutgoingEvent }[] = []
      void (async () => {
        let unread = ''
        for await (const chunk of response.body ?? []) {
          unread += Buffer.from(chunk).toString()
          const parts = unread.split('\n\n')
          unread = parts.pop() ?? ''
          for (const part of parts) {
            const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(part)?.[1]
            const said = field('data')
            if (said) messages.push({ id: field('id') ?? '', event: JSON.parse(said) })
          }
        }
      })().catch(() => undefined)
      return { messages, end: () => ended.abort() }
    }
    const one = await open()
    await say('streamed', 'first')
    await say('streamed', 'second')
    await vi.waitFor(() => expect(one.messages).toHaveLength(2), WAIT)
    one.end()
    await say('streamed', 'third')
    const two = await open({ 'Last-Event-ID': one.messages[0]?.id ?? '' })
    await vi.waitFor(() => expect(two.messages).toHaveLength(2), WAIT)
    expect(two.messages[0]).toEqual(one.messages[1])
    expect(two.messages[1]?.event.data.data).toMatchObject({ parts: [{ text: 'third' }] })
  })
})
