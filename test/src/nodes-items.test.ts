import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { LIMITS } from '@trunkline/protocol'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'

/** Signalling is all that is asked. */
const ALONE = { services: ['signalling'], env: { TRUNKLINE_SECRET: 'the-secret-of-these-tests' } }

const register = cleanUpAfterAll()
let server: TestServer
let made = 0

beforeAll(async () => {
  server = await startServer({ ...ALONE, register })
}, 60_000)

const room = async (more: object = {}): Promise<string> => {
  const id = `greenhouse-${++made}`
  const body = { id, kind: 'group', members: ['sensor', 'reader'], ...more }
  const { status } = await rest(server.url, 'POST', '/v1/rooms', { body })
  expect(status).toBe(201)
  return id
}

const get = async (path: string, token?: string) => {
  const { status, body } = await rest(server.url, 'GET', path, { token })
  expect(status, JSON.stringify(body)).toBe(200)
  return body
}
const publish = (roomId: string, node: string, body: object, token?: string) =>
  rest(server.url, 'POST', `/v1/rooms/${roomId}/nodes/${node}`, { body, token })

test('what is published is heard, and can be read: latest of each, history, all nodes', async () => {
  const roomId = await room()
  const sensor = await mintToken(server.url, 'sensor')
  const reader = await connectSocket(server.url, 'reader', onTestFinished)
  await reader.request('room:open', { roomId })
  for (const celsius of [20, 21, 22]) {
    const { status, body } = await publish(roomId, 'x-temperature', { payload: { celsius } }, sensor)
    expect(status).toBe(201)
    expect(body).toMatchObject({ roomId, node: 'x-temperature', sender: 'sensor', payload: { celsius } })
  }
  await reader.request('node:publish', { roomId, node: 'x-temperature', payload: 19 })
  await publish(roomId, 'status', { payload: { text: 'watering' } })
  await reader.hear(
    'event:appended',
    ({ event }) => event.type === 'node.published' && event.sender === 'sensor',
  )

  const latest = await get(`/v1/rooms/${roomId}/nodes/x-temperature`)
  expect(latest.data.map((item: { payload: unknown }) => item.payload)).toEqual([19, { celsius: 22 }])
  const history = await reader.request('node:history', { roomId, node: 'x-temperature', limit: 3 })
  expect(history.data.map(item => item.payload)).toEqual([{ celsius: 21 }, { celsius: 22 }, 19])
  const earlier = await get(`/v1/rooms/${roomId}/nodes/x-temperature/items?cursor=${history.nextCursor}`)
  expect(earlier).toMatchObject({ data: [{ payload: { celsius: 20 } }] })
  expect(earlier.nextCursor).toBeUndefined()
  const { data: nodes } = await get(`/v1/rooms/${roomId}/nodes`)
  expect(nodes).toMatchObject([
    { node: 'status', payload: { text: 'watering' } },
    { node: 'x-temperature', payload: 19 },
  ])
  // In nobody's name: an app's own server.
  expect(nodes[0].sender).toBeUndefined()
})

test('the same clientId publishes once, and is not to be used for something else', async () => {
  const roomId = await room()
  const first = await publish(roomId, 'x-count', { payload: 1, clientId: 'c1', sender: 'sensor' })
  const again = await publish(roomId, 'x-count', { payload: 1, clientId: 'c1', sender: 'sensor' })
  expect(again.body).toEqual(first.body)
  const other = await publish(roomId, 'x-count', { payload: 2, clientId: 'c1', sender: 'sensor' })
  expect(other).toMatchObject({ status: 409, body: { code: 'conflict' } })
  const headers = { 'idempotency-key': 'once' }
  const body = { payload: 3 }
  const path = `/v1/rooms/${roomId}/nodes/x-count`
  const keyed = await rest(server.url, 'POST', path, { body, headers })
  expect((await rest(server.url, 'POST', path, { body, headers })).body).toEqual(keyed.body)
  expect((await get(`${path}/items`)).data).toHaveLength(2)
})

test('what does not belong in a node is refused', async () => {
  const roomId = await room()
  const refused = async (node: string, payload: unknown) => {
    const { status, body } = await publish(roomId, node, { payload })
    expect(status).toBe(400)
    return body.detail as string
  }
  expect(await refused('geolocation', { latitude: 91, longitude: 0 })).toContain('payload.latitude')
  expect(await refused('status', 'here')).toContain('status')
  expect(await refused('x-large', 'x'.repeat(LIMITS.nodePayloadBytes))).toContain(
    `${LIMITS.nodePayloadBytes}`,
  )
  expect(await refused('posts', {})).toContain('x-...')
  const { status } = await publish(roomId, 'geolocation', { payload: { latitude: 48.2, longitude: 16.4 } })
  expect(status).toBe(201)
})

test('who may not write in a room publishes nothing there, and nobody does once it is archived', async () => {
  const roomId = await room({ kind: 'channel' })
  const sensor = await mintToken(server.url, 'sensor')
  const stranger = await mintToken(server.url, 'stranger')
  const body = { payload: 1 }
  expect(await publish(roomId, 'x-count', body, sensor)).toMatchObject({ status: 403 })
  expect(await publish(roomId, 'x-count', body, stranger)).toMatchObject({ status: 404 })
  expect(await publish(roomId, 'x-count', body)).toMatchObject({ status: 201 })
  expect((await get(`/v1/rooms/${roomId}/nodes/x-count`, sensor)).data).toHaveLength(1)
  await rest(server.url, 'POST', `/v1/rooms/${roomId}/archive`)
  expect(await publish(roomId, 'x-count', body)).toMatchObject({ status: 403 })
  expect(await publish(roomId, 'x-count', { ...body, sender: 'sensor' })).toMatchObject({ status: 403 })
})

test('a room has so many nodes and no more, also when two come at once', async () => {
  const roomId = await room()
  for (let node = 1; node < LIMITS.nodesPerRoom; node++) {
    expect(await publish(roomId, `x-${node}`, { payload: node })).toMatchObject({ status: 201 })
  }
  const last = await Promise.all(['x-a', 'x-b', 'x-c'].map(node => publish(roomId, node, { payload: node })))
  expect(last.map(({ status }) => status).sort()).toEqual([201, 422, 422])
  expect(last.find(({ status }) => status === 422)?.body.detail).toContain(`${LIMITS.nodesPerRoom}`)
  expect(await publish(roomId, 'x-1', { payload: 'again' })).toMatchObject({ status: 201 })
  expect((await get(`/v1/rooms/${roomId}/nodes`)).data).toHaveLength(LIMITS.nodesPerRoom)
})

test('publishing too fast is refused like talking too fast', async () => {
  const roomId = await room()
  const token = await mintToken(server.url, 'sensor')
  const statuses = await Promise.all(
    Array.from({ length: LIMITS.messagesBurst + 20 }, async () => {
      return (await publish(roomId, 'x-count', { payload: 1 }, token)).status
    }),
  )
  expect(statuses).toContain(201)
  expect(statuses).toContain(429)
})

describe('the examples of the documentation', () => {
  const examples = fileURLToPath(new URL('../../docs/examples/', import.meta.url))

  /** Runs a program until it has published a few times; resolves with what. */
  const readings = async (command: string, args: string[]): Promise<unknown[]> => {
    const roomId = await room({ members: [] })
    // A sensor's token lets it in, as the README has it.
    const token = await mintToken(server.url, `thermometer-${made}`, {
      ttlSeconds: 2_592_000,
      rooms: [{ roomId, role: 'publisher' }],
    })
    const env = {
      PATH: process.env.PATH ?? '',
      TRUNKLINE_URL: server.url,
      TRUNKLINE_TOKEN: token,
      ROOM: roomId,
      EVERY_MS: '1',
    }
    const child = spawn(command, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
    onTestFinished(() => void child.kill())
    let said = ''
    child.stderr.on('data', chunk => {
      said += chunk
    })
    return until(`${args.at(-1)} publishes; it said: ${said}`, async () => {
      const { data } = await get(`/v1/rooms/${roomId}/nodes/x-temperature/items`)
      return data.length > 0 && data.map((item: { payload: unknown }) => item.payload)
    })
  }

  test.for([
    ['sensor.ts', process.execPath],
    ['sensor.py', 'python3'],
  ] as const)('%s publishes', async ([file, command]) => {
    const [first] = await readings(command, [`${examples}${file}`])
    expect(first).toEqual({ celsius: expect.any(Number) })
  })

  test('so does the line of shell', async () => {
    const readme = await readFile(`${examples}README.md`, 'utf8')
    const lines = [...readme.matchAll(/```sh\n(.+?)```/gs)].map(([, line]) => line as string)
    const line = lines.find(text => text.includes('$TRUNKLINE_TOKEN'))
    expect(await readings('sh', ['-c', line ?? ''])).toEqual([{ celsius: 21.5 }])
  })
})
