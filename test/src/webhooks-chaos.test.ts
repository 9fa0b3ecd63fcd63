import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OutgoingEvent } from '@trunkline/protocol'
import { Webhook as Verifier } from 'standardwebhooks'
import { expect, onTestFinished, test } from 'vitest'
import { startDatabase } from './support/database.ts'
import { startRedis } from './support/redis.ts'
import { rest } from './support/rest.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'
import { freePort, restartServer, startServer, type TestServer } from './support/server.ts'
import { until } from './support/until.ts'

/** 10,000 with TRUNKLINE_ROUNDS=5. */
const EVENTS = rounds(2_000)
const ROOMS = 50
/** Writers at once. */
const WRITERS = 20
/** A process is killed about every so many ms, and the receiver stops listening. */
const KILL_MS = 4_000
const ABSENCE_MS = 3_000
/** What the receiver does in place of answering, by share of requests. */
const MISCHIEF = { reset: 0.04, fail: 0.06, hang: 0.002, late: 0.03, twice: 0.02 } as const
const SETTLED_MS = 300_000

type Told = { id: string; event: OutgoingEvent }

/** Somebody who is told of events, and takes them as it likes. */
const startReceiver = async (random: () => number) => {
  const taken: Told[] = []
  const seen = new Map<string, number>()
  let secret = ''
  const port = await freePort()
  let server: Server | undefined
  const counts = new Map<string, number>()
  const count = (what: string) => counts.set(what, (counts.get(what) ?? 0) + 1)

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const headers = request.headers as Record<string, string>
    // The package's own judgement: whatever it refuses ends the test.
    const event = new Verifier(secret).verify(body, headers) as OutgoingEvent
    const id = headers['webhook-id'] ?? ''
    seen.set(id, (seen.get(id) ?? 0) + 1)
    let chance = random()
    const isDue = (share: number) => {
      chance -= share
      return chance < 0
    }
    if (isDue(MISCHIEF.reset)) {
      count('reset')
      request.socket.destroy()
      return
    }
    if (isDue(MISCHIEF.fail)) {
      count('500')
      response.writeHead(500).end('not now')
      return
    }
    if (isDue(MISCHIEF.hang)) {
      // Never.
      count('hang')
      return
    }
    // From here on it is taken, whatever becomes of the answer.
    taken.push({ id, event })
    if (isDue(MISCHIEF.late)) {
      count('late')
      await sleep(random() * 500)
    } else if (isDue(MISCHIEF.twice)) {
      count('twice')
      const head = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'
      request.socket.write(head + head)
      return
    }
    response.writeHead(200).end()
  }
  const problems: unknown[] = []
  const listen = () =>
    new Promise<void>(resolve => {
      server = createServer((request, response) => {
        answer(request, response).catch(error => {
          // A request that was cut off says so here.
          if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') problems.push(error)
          response.destroy()
        })
      }).listen(port, '127.0.0.1', resolve)
    })
  const end = () =>
    new Promise<void>(resolve => {
      server?.closeAllConnections()
      server?.close(() => resolve())
    })
  await listen()
  onTestFinished(() => end())
  return {
    url: `http://127.0.0.1:${port}/`,
    taken,
    seen,
    counts,
    problems,
    listen,
    end,
    trust: (key: string) => {
      secret = key
    },
  }
}

test(`${EVENTS} events reach a receiver that fails at random, of processes that are killed at random: all, in order, under one id`, async () => {
  const random = randomFrom(seed())
  const database = await startDatabase(onTestFinished)
  const redis = await startRedis(onTestFinished)
  const options = {
    services: ['signalling'],
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      TRUNKLINE_SECRET: 'a-secret-for-the-chaos-of-webhooks',
      LOG_LEVEL: 'error',
    },
  }
  /** On a machine that is busy enough one is not ready in time, and is ended for that: as good a death as another. */
  const startAgain = (server: TestServer, chances = 3): Promise<TestServer> =>
    restartServer(server, options).catch(error => {
      if (chances === 0) throw error
      return startAgain(server, chances - 1)
    })
  const servers: [TestServer, TestServer] = [await startServer(options), await startServer(options)]
  const anyUrl = () => servers[random() < 0.5 ? 0 : 1].url
  const rooms = Array.from({ length: ROOMS }, (_, n) => `room-${n}`)
  for (const id of rooms) {
    const made = await rest(servers[0].url, 'POST', '/v1/rooms', {
      body: { id, kind: 'group', members: ['ada'] },
    })
    expect(made.status).toBe(201)
  }
  const receiver = await startReceiver(random)
  const body = { url: receiver.url, types: ['message.*'] }
  const created = await rest(servers[0].url, 'POST', '/v1/webhooks', { body })
  expect(created.status).toBe(201)
  receiver.trust(created.body.secret)

  let isOver = false
  let kills = 0
  const destroying = (async () => {
    while (!isOver) {
      await sleep(KILL_MS * (0.5 + random()))
      if (isOver) return
      const at = random() < 0.5 ? 0 : 1
      await servers[at].stop('SIGKILL')
      kills++
      if (random() < 0.5) {
        await receiver.end()
        await sleep(ABSENCE_MS * random())
        await receiver.listen()
      }
      servers[at] = await startAgain(servers[at])
    }
  })()
  // Heard of below, once everything is written.
  destroying.catch(() => undefined)

  /** One message, however often it has to be asked for. */
  const write = async (n: number): Promise<void> => {
    const roomId = rooms[Math.floor(random() * ROOMS)] ?? ''
    const message = { sender: 'ada', clientId: `message-${n}`, text: `number ${n}` }
    for (;;) {
      const sent = await rest(anyUrl(), 'POST', `/v1/rooms/${roomId}/messages`, { body: message }).catch(
        () => undefined,
      )
      if (sent?.status === 201) return
      if (sent && sent.status < 500 && sent.status !== 429) throw new Error(JSON.stringify(sent.body))
      await sleep(100)
    }
  }
  let next = 0
  await Promise.all(
    Array.from({ length: WRITERS }, async () => {
      while (next < EVENTS) await write(next++)
    }),
  )
  await until(
    'half of it has arrived',
    () => new Set(receiver.taken.map(({ id }) => id)).size >= EVENTS / 2,
    SETTLED_MS,
  )
  isOver = true
  await destroying
  await until(
    'all of it has arrived',
    () => new Set(receiver.taken.map(({ id }) => id)).size >= EVENTS,
    SETTLED_MS,
  )
  await until(
    'nothing waits',
    async () =>
      (await rest(servers[0].url, 'GET', `/v1/webhooks/${created.body.id}`)).body.waitingRooms === 0,
    SETTLED_MS,
  )

  const again = [...receiver.seen.values()].reduce((sum, times) => sum + times - 1, 0)
  console.log(
    `${EVENTS} events, ${kills} kills, sent again ${again} times;`,
    Object.fromEntries(receiver.counts),
  )
  expect(receiver.problems).toEqual([])
  expect(kills).toBeGreaterThan(0)
  const first = new Map<string, Told>()
  const where = (event: OutgoingEvent) => `${event.data.roomId} ${event.data.seq}`
  for (const told of receiver.taken) {
    const before = first.get(told.id)
    // What comes twice is the same.
    if (before) expect(told.event).toEqual(before.event)
    else first.set(told.id, told)
  }
  expect(first.size).toBe(EVENTS)
  expect(new Set([...first.values()].map(({ event }) => where(event))).size).toBe(EVENTS)
  for (const roomId of rooms) {
    const numbers = [...first.values()]
      .filter(({ event }) => event.data.roomId === roomId)
      .map(({ event }) => event.data.seq)
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
  }
}, 1_800_000)
