import { setTimeout as sleep } from 'node:timers/promises'
import type { RoomEvent } from '@trunkline/protocol'
import { type Room, Trunkline } from '@trunkline/sdk'
import { expect, onTestFinished, test, vi } from 'vitest'
import { mintToken, rest } from './support/rest.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'
import { restartServer, startServer, type TestServer } from './support/server.ts'

const SENDERS = 4
/** 50 with TRUNKLINE_ROUNDS=5. */
const KILLS = rounds(10)
const SECRET = 'a-secret-for-the-durability-test'

const open = async (url: string, userId: string, roomId: string): Promise<Room> => {
  const token = await mintToken(url, userId)
  const client = new Trunkline({ url, token })
  onTestFinished(() => client.close())
  return client.openRoom(roomId)
}

/** The whole log over REST. */
const readLog = async (url: string, roomId: string): Promise<RoomEvent[]> => {
  const events: RoomEvent[] = []
  let cursor = ''
  for (;;) {
    const { body } = await rest(
      url,
      'GET',
      `/v1/rooms/${roomId}/events?limit=200${cursor && `&cursor=${cursor}`}`,
    )
    events.push(...body.data)
    if (!body.nextCursor) return events
    cursor = body.nextCursor
  }
}

/** Kills a server again and again while four write; resolves with how many messages were acknowledged, and kills met one. */
const writeAndKill = async (kills: number, random: () => number) => {
  const options = { services: ['signalling'], env: { TRUNKLINE_SECRET: SECRET } }
  let server: TestServer = await startServer(options)
  const { url } = server
  const senders = Array.from({ length: SENDERS }, (_, i) => `sender-${i}`)
  const made = await rest(url, 'POST', '/v1/rooms', {
    body: { kind: 'group', members: [...senders, 'reader'] },
  })
  const roomId: string = made.body.id
  const rooms = await Promise.all(senders.map(id => open(url, id, roomId)))
  const reader = await open(url, 'reader', roomId)

  const acknowledged = new Map<string, { seq: number; sender: string }>()
  let inFlight = 0
  let killedInFlight = 0
  let stopping = false
  const sendOn = async (room: Room, sender: string) => {
    for (let n = 0; !stopping; n++) {
      const clientId = `${sender}.${n}`
      inFlight++
      // The SDK tries again under the same clientId until it hears an answer.
      const event = await room.send({ text: `${n}` }, { clientId })
      inFlight--
      acknowledged.set(clientId, { seq: event.seq, sender })
      // Under the rate limit, so that what is tested is the loss and not the limit.
      await sleep(20 + random() * 40)
    }
  }
  const sending = rooms.map((room, i) => sendOn(room, senders[i] ?? ''))

  for (let kill = 0; kill < kills; kill++) {
    const before = acknowledged.size
    await vi.waitFor(() => expect(acknowledged.size).toBeGreaterThan(before), {
      timeout: 30_000,
      interval: 5,
    })
    await sleep(random() * 100)
    if (inFlight > 0) killedInFlight++
    await server.stop('SIGKILL')
    server = await restartServer(server, options)
  }
  stopping = true
  await Promise.all(sending)

  const log = await readLog(url, roomId)
  expect(log.map(event => event.seq)).toEqual(log.map((_, i) => i + 1))
  const messages = log.filter(event => event.type === 'message.created')
  const inLog = new Map(messages.map(event => [event.clientId, event.seq]))
  expect(inLog.size).toBe(messages.length)
  for (const [clientId, { seq }] of acknowledged) expect(inLog.get(clientId), clientId).toBe(seq)
  // Each sent one after the other, so that is the order in the log.
  for (const sender of senders) {
    const own = messages.filter(event => event.sender === sender).map(event => event.clientId)
    expect(own).toEqual(own.map((_, i) => `${sender}.${i}`))
  }
  // Everybody who was there all along saw the same, without asking.
  for (const room of [reader, ...rooms]) {
    await vi.waitFor(() => expect(room.events.at(-1)?.seq).toBe(log.length), { timeout: 20_000 })
    const seen = room.events.map(event => [event.seq, event.clientId])
    expect(seen).toEqual(log.slice(-seen.length).map(event => [event.seq, event.clientId]))
  }
  return { acknowledged: acknowledged.size, killedInFlight }
}

test(`${KILLS} times kill -9 between send and acknowledgement: every acknowledged message is there once, in one order`, async () => {
  const random = randomFrom(seed())
  // On two servers at once: most of it is waiting for one to start.
  const halves = await Promise.all([
    writeAndKill(Math.ceil(KILLS / 2), random),
    writeAndKill(Math.floor(KILLS / 2), random),
  ])
  const sum = (of: 'acknowledged' | 'killedInFlight') => halves.reduce((total, half) => total + half[of], 0)
  console.log(
    `${sum('acknowledged')} messages acknowledged over ${KILLS} kills, ${sum('killedInFlight')} of them with a message in flight`,
  )
  expect(sum('killedInFlight')).toBeGreaterThan(0)
}, 600_000)
