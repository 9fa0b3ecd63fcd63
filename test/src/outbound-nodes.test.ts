import type { OperationInput, OperationName } from '@trunkline/protocol'
import { beforeAll, expect, test, vi } from 'vitest'
import { startBot, type TestBot } from './support/bot.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { metricOf } from './support/metrics.ts'
import { type Nodes, startNodes } from './support/nodes.ts'
import { perform } from './support/operations.ts'
import { startWebPushService } from './support/push-services.ts'
import { rest } from './support/rest.ts'
import type { TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'

const WAIT = { timeout: 60_000, interval: 100 }
const ROOMS = ['ward-1', 'ward-2', 'ward-3', 'ward-4']
const register = cleanUpAfterAll()
let cluster: Nodes
/** Those that live, one of which is killed now and then. */
let nodes: TestServer[]
let web: Awaited<ReturnType<typeof startWebPushService>>
let helper: TestBot
let vapidPublicKey = ''

const done = async <N extends OperationName>(
  { url }: TestServer,
  name: N,
  data: OperationInput<N>,
  sender: string,
) => {
  const { status, body } = await perform(url, name, data, { sender })
  expect(status, `${name}: ${JSON.stringify(body)}`).toBeLessThan(300)
  return body
}
const nodeAt = (n: number): TestServer => nodes[n % nodes.length] as TestServer
/** What `/metrics` of a node says. */
const read = async ({ url }: TestServer, name: string): Promise<number> =>
  metricOf(String((await rest(url, 'GET', '/metrics')).body), name) ?? 0
/** Of all that live together. */
const total = async (name: string): Promise<number> =>
  (await Promise.all(nodes.map(node => read(node, name)))).reduce((sum, one) => sum + one, 0)
const say = async (n: number, roomId: string, text: string, more: object = {}): Promise<void> => {
  const body = { sender: 'ada', text, ...more }
  expect((await rest(nodeAt(n).url, 'POST', `/v1/rooms/${roomId}/messages`, { body })).status).toBe(201)
}
const words = (userId: string) => web.pushed(userId).map(({ message }) => message.body)
/** The texts of a bot in a room, as another node than the one that was asked has them. */
const saidBy = async (roomId: string, sender: string): Promise<string[]> => {
  const { data } = await done(nodeAt(1), 'message:list', { roomId, limit: 100 }, 'ada')
  return data
    .filter((one: { sender: string }) => one.sender === sender)
    .map((one: { text: string }) => one.text)
}
/** Kills the node that waits for the answer to something. */
const killWho = async (waits: string): Promise<void> => {
  const worker = await vi.waitFor(async () => {
    const found = await Promise.all(nodes.map(async node => ((await read(node, waits)) > 0 ? [node] : [])))
    const [one] = found.flat()
    if (!one) throw new Error('nobody waits for an answer yet')
    return one
  }, WAIT)
  await worker.stop('SIGKILL')
  nodes = nodes.filter(node => node !== worker)
}

beforeAll(async () => {
  web = await startWebPushService(register, () => vapidPublicKey)
  cluster = await startNodes(register, { PUSH_PRIVATE_TARGETS: '1' })
  nodes = [...cluster.nodes]
  const options = await done(nodeAt(0), 'device:options', {}, 'ada')
  // Whichever node sends is the same sender to the services.
  expect((await done(nodeAt(1), 'device:options', {}, 'ada')).vapidPublicKey).toBe(options.vapidPublicKey)
  vapidPublicKey = options.vapidPublicKey
  helper = await startBot(nodeAt(0).url, { id: 'helper' }, register)
  const commands = [{ name: 'ping', description: 'Says pong' }]
  const body = { commands }
  expect((await rest(nodeAt(0).url, 'PUT', '/v1/bots/helper/commands', { body })).status).toBe(200)
  for (const id of ROOMS) {
    const members = ['ada', 'ben', 'eve', 'fay', 'helper']
    await done(nodeAt(0), 'room:create', { id, kind: 'group', members }, 'ada')
  }
  await done(nodeAt(0), 'room:create', { id: 'night', kind: 'group', members: ['ada', 'gus'] }, 'ada')
  for (const [n, user] of ['ben', 'eve', 'fay', 'gus'].entries()) {
    const target = { kind: 'web', subscription: web.subscribe(user) } as const
    await done(nodeAt(n), 'device:register', { target }, user)
  }
}, 120_000)

test('a push goes out once, and none to who is connected to whichever node', async () => {
  const there = ['eve', 'fay']
  await Promise.all(there.map((user, n) => connectSocket(nodeAt(n).url, user, register)))
  for (const node of nodes) {
    await vi.waitFor(async () => {
      const { data } = await done(node, 'presence:get', { userIds: there }, 'ada')
      expect(data.map((one: { status: string }) => one.status)).toEqual(['online', 'online'])
    }, WAIT)
  }
  for (const [n, roomId] of ROOMS.entries()) await say(n, roomId, `Hello ${n}`)
  await vi.waitFor(() => expect(web.pushed('ben').length).toBeGreaterThanOrEqual(ROOMS.length), WAIT)
  // Who is there is looked for again after a while: it is as if that were over.
  await vi.waitFor(async () => {
    const { rows } = await cluster.database.pool.query(`
      with due as (
        update push_queue set due_at = now() where due_at > now() returning room_id, seq
      )
      update events set at = at - interval '1 hour' from due
      where events.room_id = due.room_id and events.seq = due.seq returning events.seq`)
    expect(rows).toEqual([])
    const needless = await total('trunkline_push_attempts_total{kind="web",outcome="needless"}')
    expect(needless).toBe(there.length * ROOMS.length)
  }, WAIT)
  expect(await total('trunkline_push_attempts_total{kind="web",outcome="sent"}')).toBe(ROOMS.length)
  expect(words('ben').toSorted()).toEqual(ROOMS.map((_, n) => `Hello ${n}`))
  expect(there.flatMap(words)).toEqual([])
})

test('a command is answered once at whichever node it is asked, and a message told once', async () => {
  helper.answer = asked => ({ text: asked.type === 'command.run' ? 'pong' : 'Heard' })
  const [room = '', ...others] = ROOMS
  for (const [n] of nodes.entries()) {
    const { event } = await done(nodeAt(n), 'command:run', { roomId: room, name: 'ping' }, 'ada')
    expect(event).toMatchObject({ sender: 'helper', type: 'message.created' })
  }
  expect(await saidBy(room, 'helper')).toEqual(['pong', 'pong'])
  for (let n = 0; n < 4; n++) {
    for (const roomId of others) await say(n, roomId, `Helper, ${n}?`, { mentions: ['helper'] })
  }
  const heard = ['Heard', 'Heard', 'Heard', 'Heard']
  for (const roomId of others) {
    await vi.waitFor(async () => expect(await saidBy(roomId, 'helper')).toEqual(heard), WAIT)
  }
  const asked = helper.asked.map(({ type }) => type)
  expect(asked.filter(type => type === 'command.run')).toHaveLength(2)
  expect(asked.filter(type => type === 'message.created')).toHaveLength(4 * others.length)
  expect(new Set(helper.asked.map(({ id }) => id)).size).toBe(helper.asked.length)
})

test('when the node that works is killed, the other sends its pushes', async () => {
  // What is sent still, of the test before, is sent first: who waits for an answer then waits for this one.
  await vi.waitFor(async () => {
    const due = await cluster.database.pool.query('select from push_queue where due_at <= now()')
    expect(due.rowCount).toBe(0)
    expect(await total('trunkline_push_under_way{kind="web"}')).toBe(0)
  }, WAIT)
  web.refuse('gus', { status: 0 })
  await say(0, 'night', 'Who sends this?')
  await vi.waitFor(() => expect(words('gus')).toEqual(['Who sends this?']), WAIT)
  await killWho('trunkline_push_under_way{kind="web"}')
  // As if so long were over for which what it sent is its own.
  await cluster.database.pool.query('update push_queue set claimed_until = now()')
  await vi.waitFor(() => expect(words('gus')).toHaveLength(2), WAIT)
  const [first, second] = web.pushed('gus')
  expect(second?.message).toEqual(first?.message)
  // The device shows it once.
  expect(second?.headers.topic).toBe(first?.headers.topic)
})

test('and the other tells bots what that told them', async () => {
  nodes.push(await cluster.another())
  helper.answer = asked => (asked.type === 'command.run' ? { text: 'pong' } : 'silence')
  await say(0, 'ward-1', 'Helper, who tells you?', { mentions: ['helper'] })
  const told = () => helper.asked.filter(one => JSON.stringify(one).includes('who tells you?'))
  await vi.waitFor(() => expect(told().length).toBeGreaterThan(0), WAIT)
  await killWho('trunkline_bot_under_way{about="message"}')
  helper.answer = asked => ({ text: asked.type === 'command.run' ? 'pong' : 'Heard' })
  await cluster.database.pool.query('update bot_lanes set held_until = now()')
  await vi.waitFor(async () => expect((await saidBy('ward-1', 'helper')).at(-1)).toBe('Heard'), WAIT)
  expect(new Set(told().map(({ id }) => id)).size).toBe(1)
  const { event } = await done(nodeAt(0), 'command:run', { roomId: 'ward-2', name: 'ping' }, 'ada')
  expect(event).toMatchObject({ sender: 'helper' })
})
