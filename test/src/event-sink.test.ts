import { createRedis } from '@trunkline/kit'
import { OutgoingEvent } from '@trunkline/protocol'
import { expect, onTestFinished, test } from 'vitest'
import { silent, startDatabase } from './support/database.ts'
import { startRedis } from './support/redis.ts'
import { rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const ROOMS = 5
const MESSAGES = 200
const WAIT_MS = 60_000
const STREAM = 'trunkline:events'

test('the log is in a Redis Stream, each event once and in the order of its room, though the server that writes is killed', async () => {
  const [database, redis] = await Promise.all([startDatabase(onTestFinished), startRedis(onTestFinished)])
  const options = {
    services: ['signalling'],
    env: {
      DATABASE_URL: database.url,
      REDIS_URL: redis.url,
      EVENTS_REDIS_URL: redis.url,
      TRUNKLINE_SECRET: 'a-secret-for-the-stream-of-events',
    },
  }
  const first = await startServer(options)
  const client = await createRedis(redis.url, silent)
  await client.connect()
  onTestFinished(() => client.destroy())
  const writer = () => client.get(`{${STREAM}}:writer`)
  await until('the first writes', writer, WAIT_MS)
  const second = await startServer(options)
  const rooms = Array.from({ length: ROOMS }, (_, n) => `room-${n}`)
  for (const id of rooms) {
    const body = { id, kind: 'group', members: ['ada'] }
    expect((await rest(second.url, 'POST', '/v1/rooms', { body })).status).toBe(201)
  }

  let next = 0
  const say = async (): Promise<void> => {
    while (next < MESSAGES) {
      const n = next++
      const body = { sender: 'ada', clientId: `message-${n}`, text: `number ${n}` }
      const sent = await rest(second.url, 'POST', `/v1/rooms/${rooms[n % ROOMS]}/messages`, { body })
      expect(sent.status).toBe(201)
      if (n === MESSAGES / 2) {
        await until('some of it is there', async () => (await client.xLen(STREAM)) > 0, WAIT_MS)
        await first.stop('SIGKILL')
      }
    }
  }
  await Promise.all(Array.from({ length: 4 }, say))
  expect((await rest(second.url, 'DELETE', `/v1/rooms/${rooms[0]}`)).status).toBe(200)

  const events = async () =>
    ((await client.xRange(STREAM, '-', '+')) ?? []).map(({ message }) =>
      OutgoingEvent.parse(JSON.parse(message.event ?? '')),
    )
  await until(
    'the other has written the rest',
    async () => (await events()).some(({ type }) => type === 'room.deleted'),
    WAIT_MS,
  )
  const written = await events()
  expect(new Set(written.map(({ id }) => id)).size).toBe(written.length)
  for (const [n, roomId] of rooms.entries()) {
    const of = written.filter(({ room }) => room.id === roomId)
    const seqs = of.map(({ data }) => data.seq)
    // What was not told yet when its room was deleted went with it.
    if (n === 0) expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
    else expect(seqs).toEqual(Array.from(seqs, (_, i) => i + 1))
    const said = of.filter(({ type }) => type === 'message.created').length
    if (n > 0) expect(said).toBe(MESSAGES / ROOMS)
  }
}, 240_000)
