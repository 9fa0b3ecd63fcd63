import { expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { callsOf, homeOf, nodesOf, startFleet, type TestFleet, writtenDown } from './support/fleet.ts'
import { perform } from './support/operations.ts'
import { rest } from './support/rest.ts'
import { until } from './support/until.ts'

const SLOW = 300_000
const WAIT_MS = 60_000

const connect = (url: string, userId: string, roomId: string) =>
  CallPerson.connect({ url, userId, roomId }, onTestFinished)

/** Two people in a call of a room, each by a node of their own. */
const meet = async ({ nodes }: TestFleet, roomId: string) => {
  const [first, second] = [nodes[0]?.url ?? '', nodes.at(-1)?.url ?? '']
  const made = await perform(first, 'room:create', { id: roomId, kind: 'group', members: ['ann', 'bob'] })
  expect(made.status).toBe(201)
  const come = (url: string, userId: string) => connect(url, userId, roomId)
  const ann = await (await come(first, 'ann')).join()
  const bob = await (await come(second, 'bob')).join()
  await until('both see both', () => ann.sees(bob) && bob.sees(ann))
  return { ann, bob, come }
}
const callEvents = async (url: string, roomId: string): Promise<string[]> => {
  const { body } = await rest(url, 'GET', `/v1/rooms/${roomId}/events`)
  return body.data
    .map(({ type }: { type: string }) => type)
    .filter((type: string) => type.startsWith('call.'))
}

test(
  'while Redis is away calls go on, and people come and go in them; nothing of them is lost when it comes back empty',
  async () => {
    const fleet = await startFleet({ sfus: 2, nodes: 2 })
    const url = fleet.nodes[0]?.url ?? ''
    const { ann, bob, come } = await meet(fleet, 'ward')
    const { home, others } = await homeOf(fleet, 'ward')
    await fleet.redis.kill()

    await bob.publish()
    await until('Ann sees what Bob publishes meanwhile', () => ann.sees(bob)?.tracks.length === 1)
    await bob.socket.request('call:leave', { roomId: 'ward', participantId: bob.participantId })
    await until('Ann sees Bob go', () => !ann.sees(bob))
    const again = await (await come(url, 'bob')).join()
    await until('Bob is there again', () => ann.sees(again) && again.sees(ann))
    expect(again.joined?.call.id).toBe(ann.joined?.call.id)
    await perform(url, 'room:create', { id: 'new', kind: 'group', members: ['ann'] })
    // With several SFUs nobody could say which is to have it.
    const early = await connect(url, 'ann', 'new')
    expect(await codeOf(early.join())).toBe('unavailable')

    await fleet.redis.restart()
    await until(
      'both SFUs are known again, and the call is where it was',
      async () => {
        const seen = await nodesOf(url)
        const had = seen.find(node => node.url === home.url)
        return seen.length === 2 && had && callsOf(had) === 1 && (await homeOf(fleet, 'ward')).home === home
      },
      WAIT_MS,
    )
    expect(ann.socket.heard('call:lost')).toEqual([])
    // What is written down is there again, too: whoever is left goes on with it.
    await writtenDown(fleet, 'ward', [ann.participantId, again.participantId])
    await home.stop('SIGKILL')
    for (const person of [ann, again]) {
      await until('the media are lost', () => person.socket.heard('call:lost').length > 0, WAIT_MS)
      await until(`${person.socket.userId} is back`, () => person.resume(), WAIT_MS)
    }
    expect((await homeOf(fleet, 'ward')).home).toBe(others[0])
    expect(await callEvents(url, 'ward')).toEqual(['call.started'])
  },
  SLOW,
)

test(
  'when every SFU has died, one that is started goes on with their calls',
  async () => {
    const fleet = await startFleet({ sfus: 2, nodes: 2 })
    const url = fleet.nodes[0]?.url ?? ''
    const people = [await meet(fleet, 'one'), await meet(fleet, 'two')]
    for (const [i, { ann, bob }] of people.entries()) {
      await writtenDown(fleet, ['one', 'two'][i] ?? '', [ann.participantId, bob.participantId])
    }
    await Promise.all(fleet.sfus.map(sfu => sfu.stop('SIGKILL')))
    const seen = () => rest(url, 'GET', '/v1/sfu')
    await until(
      'the node knows that there is none',
      async () => (await seen()).body.code === 'unavailable',
      WAIT_MS,
    )
    const risen = await fleet.another()
    for (const { ann, bob } of people) {
      for (const person of [ann, bob]) {
        await until(`${person.socket.userId} is back`, () => person.resume(), WAIT_MS)
      }
      await until('both see both', () => ann.sees(bob) && bob.sees(ann))
    }
    const [node] = await nodesOf(url)
    expect([node?.url, node && callsOf(node)]).toEqual([risen.url, 2])
    for (const roomId of ['one', 'two']) expect(await callEvents(url, roomId)).toEqual(['call.started'])
  },
  SLOW,
)
