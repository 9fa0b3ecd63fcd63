import { beforeAll, expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { homeOf, startFleet, type TestFleet, writtenDown } from './support/fleet.ts'
import { perform } from './support/operations.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let fleet: TestFleet
let urls: string[]
beforeAll(async () => {
  fleet = await startFleet({ sfus: 2, nodes: 2 }, register)
  urls = fleet.nodes.map(({ url }) => url)
}, 240_000)

const nodeAt = (n: number): string => urls[n % urls.length] ?? ''
const come = (roomId: string, userId: string, n = 0) =>
  CallPerson.connect({ url: nodeAt(n), userId, roomId }, onTestFinished)
const inCall = async (roomId: string): Promise<string[]> => {
  const { body } = await perform(nodeAt(1), 'call:get', { roomId })
  return (body.call?.participants ?? []).map(({ userId }: { userId: string }) => userId).sort()
}

test('of many that are in one room’s call for the first time at once, by two nodes, all are in one call', {
  timeout: 120_000,
}, async () => {
  const roomId = 'at-once'
  const userIds = Array.from({ length: 8 }, (_, n) => `person-${n}`)
  await perform(nodeAt(0), 'room:create', { id: roomId, kind: 'group', members: userIds })
  const people = await Promise.all(userIds.map((userId, n) => come(roomId, userId, n)))
  await Promise.all(people.map(person => person.join()))
  expect(new Set(people.map(({ joined }) => joined?.call.id)).size).toBe(1)
  await expect.poll(() => inCall(roomId)).toEqual(userIds)
  // Whoever acts for somebody else, by whichever node, is refused.
  const [ada, ben] = people as [CallPerson, CallPerson]
  const asBen = { roomId, participantId: ben.participantId }
  const messages = [{ to: ada.participantId, text: 'AgAA' }]
  expect(await codeOf(ada.socket.request('key:send', { ...asBen, messages }))).toBe('not_in_call')
  expect(await codeOf(ada.socket.request('call:leave', asBen))).toBe('not_in_call')
  const stolen = { ...asBen, resumeKey: ada.joined?.resumeKey ?? '', rtpCapabilities: {} }
  expect(await codeOf(ada.socket.request('call:resume', stolen))).toBe('not_in_call')
})

test('a ban while the SFU of a call is killed holds where the call goes on', {
  timeout: 120_000,
}, async () => {
  const roomId = 'banned-meanwhile'
  await perform(nodeAt(0), 'room:create', { id: roomId, kind: 'group', members: ['ada', 'mallory'] })
  const [ada, mallory] = [await come(roomId, 'ada'), await come(roomId, 'mallory', 1)]
  await ada.join()
  await mallory.join()
  await writtenDown(fleet, roomId, [ada.participantId, mallory.participantId])
  const { home } = await homeOf(fleet, roomId)
  await fleet.another()
  const killed = home.stop('SIGKILL')
  await perform(nodeAt(0), 'member:ban', { roomId, userId: 'mallory' })
  await killed
  await ada.socket.hear('call:lost', () => true, 30_000)
  await until(
    'Ada is back',
    () =>
      ada.resume().then(
        () => true,
        () => false,
      ),
    30_000,
  )
  await until('Mallory is not in it', async () => (await inCall(roomId)).join() === 'ada', 15_000)
  expect(await codeOf(mallory.resume())).toBe('room_not_found')
  for (const node of fleet.nodes) expect(node.log()).not.toMatch('a call could not be left')
})
