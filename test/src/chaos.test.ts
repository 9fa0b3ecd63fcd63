import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Message, RoomEvent } from '@trunkline/protocol'
import { type Room, Trunkline } from '@trunkline/sdk'
import { expect, onTestFinished, test } from 'vitest'
import { startChaosProxy } from './support/chaos-proxy.ts'
import { startDatabase } from './support/database.ts'
import { startRedis } from './support/redis.ts'
import { mintToken, rest } from './support/rest.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'
import { restartServer, startServer, type TestServer } from './support/server.ts'

/** 250 with TRUNKLINE_ROUNDS=5. */
const ROUNDS = rounds(80)
const PEOPLE = ['ada', 'grace', 'linus', 'mary', 'edsger']
const ROOMS = ['ward-1', 'ward-2', 'ward-3']
/** Share of packets that is lost, and share that comes twice. */
const LOSS = 0.01
const KINDS = ['kill a server', 'kill the database', 'kill Redis', 'cut the connections'] as const
const SETTLED = { timeout: 90_000, interval: 200 }

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Every page of a list over REST. */
const readAll = async <T>(url: string, path: string, token?: string): Promise<T[]> => {
  const found: T[] = []
  let cursor = ''
  for (;;) {
    const answer = await rest(url, 'GET', `${path}?limit=200${cursor && `&cursor=${cursor}`}`, {
      ...(token ? { token } : {}),
    })
    expect(answer.status, JSON.stringify(answer.body)).toBe(200)
    found.push(...answer.body.data)
    if (!answer.body.nextCursor) return found
    cursor = answer.body.nextCursor
  }
}

test(`${ROUNDS} rounds of writing while servers, database, Redis and connections are killed and packets are lost and doubled`, async () => {
  const random = randomFrom(seed())
  const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T
  const register = onTestFinished

  const database = await startDatabase(register)
  const redis = await startRedis(register)
  const options = {
    services: ['signalling'],
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      TRUNKLINE_SECRET: 'a-secret-for-the-chaos-test',
      LOG_LEVEL: 'error',
    },
  }
  const servers: [TestServer, TestServer] = [await startServer(options), await startServer(options)]
  const [{ url }] = servers
  for (const id of ROOMS) {
    await rest(url, 'POST', '/v1/rooms', { body: { id, kind: 'group', members: PEOPLE } })
  }
  const proxy = await startChaosProxy({
    targets: servers.map(server => server.url),
    loss: LOSS,
    random,
    register,
  })

  const tokens = new Map<string, string>()
  for (const id of PEOPLE) tokens.set(id, await mintToken(url, id))
  const clients = PEOPLE.map(id => new Trunkline({ url: proxy.url, token: tokens.get(id) ?? '' }))
  register(async () => {
    await Promise.all(clients.map(client => client.close()))
  })
  const rooms: Room[] = (
    await Promise.all(clients.map(client => Promise.all(ROOMS.map(id => client.openRoom(id)))))
  ).flat()
  for (const client of clients) await client.inbox.loaded()

  const acknowledged = new Map<string, { roomId: string; seq: number }>()
  const under = new Map<Promise<unknown>, string>()
  /** Counts what was done, and what was refused or went unanswered: an edit is not repeated for us. */
  const tally = new Map<string, number>()
  const count = (what: string) => tally.set(what, (tally.get(what) ?? 0) + 1)
  const follow = (what: string, work: Promise<unknown>) => {
    count(what)
    const done = work.catch(() => count(`${what} unanswered`)).finally(() => under.delete(done))
    under.set(done, what)
  }

  const write = (n: number) => {
    const room = pick(rooms)
    const own = room.messages.filter(message => message.sender === room.me?.user.id && !message.deletedAt)
    const target = own[Math.floor(random() * own.length)]
    const any = room.messages[Math.floor(random() * room.messages.length)]
    const chance = random()
    if (chance < 0.6 || !target || !any) {
      const clientId = `message-${n}`
      const draft = {
        text: `number ${n}`,
        ...(chance < 0.1 && any && !any.deletedAt ? { threadOf: any.seq } : {}),
        ...(chance > 0.5 ? { mentions: [pick(PEOPLE)] } : {}),
      }
      follow(
        'send',
        room.send(draft, { clientId }).then(event => {
          acknowledged.set(clientId, { roomId: room.id, seq: event.seq })
        }),
      )
    } else if (chance < 0.7) follow('edit', room.edit(target.seq, { text: `edited in ${n}` }))
    else if (chance < 0.75) follow('delete', room.delete(target.seq))
    else if (chance < 0.9) follow('react', room.react(any.seq, pick(['👍', '🎉', '😮'])))
    else if (chance < 0.93) follow('pin', room.pin(any.seq))
    else room.markRead()
  }

  /** All kinds, in an order of chance, before one comes again. */
  let coming: (typeof KINDS)[number][] = []
  const nextKind = () => {
    if (coming.length === 0) coming = [...KINDS]
    const [kind = KINDS[0]] = coming.splice(Math.floor(random() * coming.length), 1)
    return kind
  }
  const broken = { 'kill a server': 0, 'kill the database': 0, 'kill Redis': 0, 'cut the connections': 0 }
  const breakSomething = async () => {
    const kind = nextKind()
    broken[kind]++
    if (kind === 'kill a server') {
      const at = random() < 0.5 ? 0 : 1
      await servers[at].stop('SIGKILL')
      await sleep(random() * 200)
      servers[at] = await restartServer(servers[at], options)
    } else if (kind === 'kill the database') {
      const [pid] = readFileSync(join(database.folder, 'postmaster.pid'), 'utf8').split('\n')
      // The one that was killed last may not have been started again yet.
      if (isAlive(Number(pid))) process.kill(Number(pid), 'SIGKILL')
    } else if (kind === 'kill Redis') {
      await redis.kill()
      await sleep(random() * 500)
      await redis.restart()
    } else {
      proxy.cut()
    }
  }

  let breaking = Promise.resolve()
  for (let round = 0; round < ROUNDS; round++) {
    for (let n = 0; n < 3; n++) write(round * 3 + n)
    // One thing at a time is broken, while writing goes on.
    if (round % 10 === 5) breaking = breaking.then(breakSomething)
    if (round % 40 === 39) await breaking
    await sleep(random() * 120)
  }
  await breaking

  // Everything heals by itself; only the losses end, so that there is an end to wait for.
  proxy.calm()
  await expect.poll(() => [...under.values()], { ...SETTLED, message: 'requests under way' }).toEqual([])
  // What was lost last leaves no trace a client could notice until it connects again.
  proxy.cut()

  for (const roomId of ROOMS) {
    const log = await readAll<RoomEvent>(url, `/v1/rooms/${roomId}/events`)
    expect(log.map(event => event.seq)).toEqual(log.map((_, index) => index + 1))
    const sent = log.filter(event => event.type === 'message.created')
    const bySeq = new Map(sent.map(event => [event.clientId, event.seq]))
    expect(bySeq.size, 'no clientId twice').toBe(sent.length)
    for (const [clientId, ack] of acknowledged) {
      if (ack.roomId === roomId) expect(bySeq.get(clientId), clientId).toBe(ack.seq)
    }
    const there = await readAll<RoomEvent>(servers[1].url, `/v1/rooms/${roomId}/events`)
    expect(there).toEqual(log)

    const stored = new Map(
      (await readAll<Message>(url, `/v1/rooms/${roomId}/messages`)).map(message => [message.seq, message]),
    )
    for (const room of rooms.filter(room => room.id === roomId)) {
      const who = `${room.me?.user.id} in ${roomId}`
      await expect.poll(() => room.events.at(-1)?.seq, { ...SETTLED, message: who }).toBe(log.length)
      // What the server refused (the thread's first message was deleted meanwhile) stays with who wrote it.
      expect(
        room.pending.filter(message => message.state !== 'failed'),
        who,
      ).toEqual([])
      for (const message of room.messages) expect(message, who).toEqual(stored.get(message.seq))
    }
  }
  for (const [index, client] of clients.entries()) {
    const token = tokens.get(PEOPLE[index] ?? '') ?? ''
    const entries = await readAll<{ room: { id: string }; unread: number; mentions: number }>(
      url,
      '/v1/inbox',
      token,
    )
    for (const { room, unread, mentions } of entries) {
      const seen = () => {
        const entry = client.inbox.get(room.id)
        return [entry?.unread, entry?.mentions]
      }
      await expect
        .poll(seen, { ...SETTLED, message: `${PEOPLE[index]}'s counts in ${room.id}` })
        .toEqual([unread, mentions])
    }
  }
  const done = [...tally, ...Object.entries(broken)].map(([what, times]) => `${what} ${times}`).join(', ')
  const { passed, dropped, doubled } = proxy.counts
  console.log(`${done}; packets: ${passed} passed, ${dropped} lost, ${doubled} doubled`)
  expect(acknowledged.size).toBeGreaterThan(ROUNDS / 4)
}, 900_000)
