import { beforeAll, expect, test } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { type Nodes, startNodes } from './support/nodes.ts'
import { perform } from './support/operations.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let cluster: Nodes
/** At the first node, and at the second. */
let ada: TestSocket
let ben: TestSocket
const roomId = 'ringing'

beforeAll(async () => {
  cluster = await startNodes(register)
  const [first, second] = cluster.nodes
  await perform(first.url, 'room:create', { id: roomId, kind: 'group', members: ['ada', 'ben', 'eve'] })
  ada = await connectSocket(first.url, 'ada', register)
  ben = await connectSocket(second.url, 'ben', register)
}, 120_000)

const stateOf = (socket: TestSocket, ringId: string, userId: string) =>
  socket
    .heard('ring:changed')
    .findLast(({ ring }) => ring.id === ringId)
    ?.ring.targets.find(target => target.userId === userId)?.state

test('two nodes: who is rung hears it at the other, two devices at two nodes answer and one has', async () => {
  const phone = await connectSocket(cluster.nodes[0].url, 'ben', register)
  const { id: ringId } = await ada.request('ring:start', { roomId, media: 'video', userIds: ['ben'] })
  await Promise.all([ben, phone].map(device => device.hear('ring:changed', ({ ring }) => ring.id === ringId)))
  const answers = await Promise.allSettled(
    [ben, phone].map((device, n) => device.request('ring:accept', { ringId, clientId: `device-${n}` })),
  )
  expect(answers.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const refused = answers.find(({ status }) => status === 'rejected') as PromiseRejectedResult
  expect(String(refused.reason)).toContain('conflict')
  for (const socket of [ada, ben, phone]) {
    await until('all devices know', () => stateOf(socket, ringId, 'ben') === 'accepted')
  }
  phone.close()
})

test('what nodes could not tell each other is told once Redis is back', async () => {
  const { line } = cluster
  line.cut()
  const { id: ringId } = await ada.request('ring:start', { roomId, media: 'audio', seconds: 120 })
  expect(stateOf(ben, ringId, 'ben')).toBeUndefined()
  line.mend()
  await until('ben is rung', () => stateOf(ben, ringId, 'ben') === 'ringing', 30_000)
  await ada.request('ring:cancel', { ringId })
  await until('ben is rung no more', () => stateOf(ben, ringId, 'ben') === 'missed')
}, 60_000)

test('the node a ring began at is killed: the other ends it in time', async () => {
  const [first, second] = cluster.nodes
  const ring = await ada.request('ring:start', { roomId, media: 'video', seconds: 5 })
  await ben.hear('ring:changed', notice => notice.ring.id === ring.id)
  await first.stop('SIGKILL')
  const { ring: over } = await ben.hear(
    'ring:changed',
    notice => notice.ring.id === ring.id && notice.ring.endedAt !== undefined,
    30_000,
  )
  expect(Date.parse(over.endedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(ring.expiresAt))
  expect(over.targets.map(({ state }) => state)).toEqual(['missed', 'missed'])
  const { body } = await perform(second.url, 'call:history', {}, { sender: 'ada' })
  expect(body.data[0]).toMatchObject({ ringId: ring.id, outcome: 'missed', from: { id: 'ada' } })
}, 60_000)
