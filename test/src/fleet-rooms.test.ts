import { setTimeout as sleep } from 'node:timers/promises'
import { createRedis, directoryKey } from '@trunkline/kit'
import { type CallRole, SFU_DIRECTORY } from '@trunkline/protocol'
import { describe, expect, onTestFinished, test } from 'vitest'
import { CallPerson, codeOf } from './support/call-people.ts'
import { silent, startDatabase } from './support/database.ts'
import { callsOf, homeOf, nodesOf, startFleet, type TestFleet, writtenDown } from './support/fleet.ts'
import { perform } from './support/operations.ts'
import { startRedis } from './support/redis.ts'
import { rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { until } from './support/until.ts'

const SLOW = 300_000
const WAIT_MS = 60_000

const makeRoom = async (url: string, roomId: string, userIds: string[], settings: object = {}) => {
  const made = await perform(url, 'room:create', { id: roomId, kind: 'group', members: userIds, ...settings })
  expect(made.status).toBe(201)
}
const come = (url: string, roomId: string, userId: string, call?: CallRole) =>
  CallPerson.connect({ url, userId, roomId, ...(call && { call }) }, onTestFinished)

const urlsOf = ({ nodes }: TestFleet): [string, string] => [
  nodes[0]?.url ?? '',
  nodes[1]?.url ?? nodes[0]?.url ?? '',
]
const callOf = async (url: string, roomId: string) =>
  (await rest(url, 'GET', `/v1/rooms/${roomId}/call`)).body.call
const typesOf = async (url: string, roomId: string): Promise<string[]> => {
  const { body } = await rest(url, 'GET', `/v1/rooms/${roomId}/events`)
  return body.data
    .map(({ type }: { type: string }) => type)
    .filter((type: string) => type.startsWith('call.'))
}
/** Resolves once somebody has been told that their media are lost, and is back. */
const comeBack = async (person: CallPerson, lostBefore = 0) => {
  await until(
    `${person.socket.userId} hears that the media are lost`,
    () => person.socket.heard('call:lost').length > lostBefore,
    WAIT_MS,
  )
  // A node that has not heard of the new home yet says to try again.
  await until(`${person.socket.userId} is back`, () => person.resume(), WAIT_MS)
}

describe('several SFUs', () => {
  test(
    'calls are spread over them, and people who come at once by different nodes are in one call',
    async () => {
      const fleet = await startFleet({ sfus: 2, nodes: 2 })
      const [a, b] = urlsOf(fleet)
      const rooms = Array.from({ length: 6 }, (_, i) => `room-${i}`)
      for (const roomId of rooms) await makeRoom(a, roomId, ['ann', 'bob'])
      const pairs = await Promise.all(
        rooms.map(roomId => Promise.all([come(a, roomId, 'ann'), come(b, roomId, 'bob')])),
      )
      for (const pair of pairs) {
        await Promise.all(pair.map(person => person.join()))
        const [ann, bob] = pair
        expect(bob.joined?.call.id).toBe(ann.joined?.call.id)
        await until('both see both', () => ann.sees(bob) && bob.sees(ann))
      }
      const seen = await nodesOf(b)
      expect(seen.map(node => node.draining)).toEqual([false, false])
      const calls = seen.map(callsOf)
      expect([calls.reduce((sum, one) => sum + one), Math.min(...calls) > 0]).toEqual([6, true])
      // Whoever asks is told of all of them, by any node; a room without a call has none.
      for (const [i, roomId] of rooms.entries()) {
        expect((await callOf(i % 2 ? a : b, roomId)).id).toBe(pairs[i]?.[0].joined?.call.id)
      }
      await makeRoom(a, 'quiet', ['ann'])
      expect(await callOf(b, 'quiet')).toBeNull()
    },
    SLOW,
  )

  test(
    'what was decided at the door holds when another SFU goes on with the call',
    async () => {
      const fleet = await startFleet({ sfus: 2, nodes: 2 })
      const [a, b] = urlsOf(fleet)
      const roomId = 'ward'
      await makeRoom(a, roomId, ['mona', 'ann', 'bob', 'cat', 'dan'])
      await perform(a, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
      const mona = await (await come(a, roomId, 'mona')).join()
      const ann = await (await come(b, roomId, 'ann')).join()
      const bob = await (await come(b, roomId, 'bob')).join()
      const asMona = { sender: 'mona' }
      const { participantId } = ann
      expect((await perform(a, 'call:role', { roomId, participantId, role: 'host' }, asMona)).status).toBe(
        200,
      )
      await ann.hasRole('host', mona)
      await perform(a, 'call:remove', { roomId, participantId: bob.participantId }, asMona)
      await perform(a, 'call:lock', { roomId, locked: true }, asMona)
      await perform(b, 'call:hand', { roomId, participantId, raised: true }, { sender: 'ann' })
      const cat = await come(b, roomId, 'cat')
      const knockId = await cat.knock()
      await perform(a, 'call:admit', { roomId, knockIds: [knockId] }, asMona)
      await cat.socket.hear('call:admitted', heard => heard.knockId === knockId)
      await until('the hand is up', () => mona.sees(ann)?.handRaisedAt)
      const before = await callOf(a, roomId)
      const dan = await come(b, roomId, 'dan')
      await dan.knock()

      const { home } = await homeOf(fleet, 'ward')
      const texts = [mona.participantId, participantId, '"removed":["bob"]', '"admitted":["cat"]']
      await writtenDown(fleet, roomId, texts)
      await home.stop('SIGKILL')
      await Promise.all([mona, ann].map(person => comeBack(person)))
      await until('both are there', async () =>
        (await callOf(b, roomId)).participants.every(({ away }: { away: boolean }) => !away),
      )
      expect(await callOf(b, roomId)).toEqual(before)
      // Who was let in comes in, who was sent out does not, and neither does anybody new.
      expect(await codeOf(cat.join())).toBe('ok')
      expect(await codeOf(bob.join())).toBe('knock_first')
      expect(await codeOf((await come(a, roomId, 'dan')).join())).toBe('locked')
      // Who waited waits again, where hosts see it; who was made host is one.
      await until('Dan waits', async () => {
        const { body } = await perform(b, 'call:waiting', { roomId }, { sender: 'ann' })
        return body.data.some(({ userId }: { userId: string }) => userId === 'dan')
      })
      // Nobody else comes back as one of them.
      expect(await codeOf(Object.assign(await come(a, roomId, 'dan'), { joined: ann.joined }).resume())).toBe(
        'not_in_call',
      )
      expect(await typesOf(a, roomId)).toEqual(['call.started'])
    },
    SLOW,
  )

  test(
    'an SFU that stood still for a while, and was thought gone, gives up what others went on with',
    async () => {
      const fleet = await startFleet({ sfus: 2, nodes: 1 })
      const [url] = urlsOf(fleet)
      await makeRoom(url, 'ward', ['ann', 'bob'])
      const ann = await (await come(url, 'ward', 'ann')).join()
      const bob = await (await come(url, 'ward', 'bob')).join()
      const { home, others } = await homeOf(fleet, 'ward')
      await writtenDown(fleet, 'ward', [ann.participantId, bob.participantId])
      process.kill(home.pid, 'SIGSTOP')
      try {
        await Promise.all([comeBack(ann), comeBack(bob)])
      } finally {
        process.kill(home.pid, 'SIGCONT')
      }
      await until('it is there again, and has no call', async () => {
        const seen = await nodesOf(url)
        const [first, second] = [home, others[0]].map(sfu => seen.find(node => node.url === sfu?.url))
        return first && second && callsOf(first) === 0 && callsOf(second) === 1
      })
      const lost = ann.socket.heard('call:lost').length
      await bob.publish()
      await until('Ann sees it', () => ann.sees(bob)?.tracks.length === 1)
      expect(ann.socket.heard('call:lost')).toHaveLength(lost)
      expect(await typesOf(url, 'ward')).toEqual(['call.started'])
    },
    SLOW,
  )

  test(
    'an operator empties one of them: its calls go to the others, and it takes no more',
    async () => {
      const fleet = await startFleet({ sfus: 2, nodes: 2 })
      const [a, b] = urlsOf(fleet)
      await makeRoom(a, 'ward', ['ann'])
      const ann = await (await come(a, 'ward', 'ann')).join()
      const { home } = await homeOf(fleet, 'ward')
      const drained = await rest(b, 'POST', '/v1/sfu/drain', { body: { node: home.url } })
      expect(drained.status).toBe(200)
      await comeBack(ann)
      const emptied = async () => (await nodesOf(b)).find(({ url }) => url === home.url)
      await until('it has none', async () => {
        const node = await emptied()
        return node?.draining && callsOf(node) === 0
      })
      for (const roomId of ['one', 'two', 'three']) {
        await makeRoom(a, roomId, ['bob'])
        await (await come(b, roomId, 'bob')).join()
      }
      expect(callsOf((await emptied()) as never)).toBe(0)
      // The last one has nobody to give its calls to.
      const other = (await nodesOf(a)).find(({ url }) => url !== home.url)
      const refused = await rest(a, 'POST', '/v1/sfu/drain', { body: { node: other?.id } })
      expect([refused.status, refused.body.code]).toEqual([409, 'conflict'])
      const unknown = await rest(a, 'POST', '/v1/sfu/drain', { body: { node: 'http://nowhere:1' } })
      expect([unknown.status, unknown.body.detail]).toEqual([404, expect.stringContaining(home.url)])
      expect(await typesOf(a, 'ward')).toEqual(['call.started'])
    },
    SLOW,
  )

  test(
    'processes that run everything are one installation, too: calls cross between them',
    async () => {
      const fleet = await startFleet({ sfus: 0, nodes: 1 })
      const [first] = fleet.nodes
      const env = { ...first?.env, RTC_WORKERS: '1' }
      delete (env as Record<string, string | undefined>).PORT
      delete (env as Record<string, string | undefined>).TRUNKLINE_DATA
      const both = await Promise.all(
        [0, 1].map(() =>
          startServer({ services: ['signalling', 'sfu'], env: env as Record<string, string> }),
        ),
      )
      const [a, b] = both.map(({ url }) => url) as [string, string]
      await until(
        'they know each other',
        async () => (await nodesOf(a)).length + (await nodesOf(b)).length === 4,
        WAIT_MS,
      )
      const rooms = ['one', 'two', 'three', 'four']
      for (const roomId of rooms) {
        await makeRoom(a, roomId, ['ann', 'bob'])
        const ann = await (await come(a, roomId, 'ann')).join()
        const bob = await (await come(b, roomId, 'bob')).join()
        expect(bob.joined?.call.id).toBe(ann.joined?.call.id)
        await until('both see both', () => ann.sees(bob) && bob.sees(ann))
      }
      expect(Math.min(...(await nodesOf(a)).map(callsOf))).toBeGreaterThan(0)
      expect(await both[0]?.stop()).toBe(0)
      for (const roomId of rooms) {
        await until(
          'the call is there still',
          async () => (await callOf(b, roomId))?.participants.length === 2,
          WAIT_MS,
        )
        expect(await typesOf(b, roomId)).toEqual(['call.started'])
      }
    },
    SLOW,
  )

  test(
    'a process that could not say in time that it is there goes on with its own calls, and its people hear what happens',
    async () => {
      const { url: DATABASE_URL } = await startDatabase(onTestFinished)
      const redis = await startRedis(onTestFinished)
      const env = {
        TRUNKLINE_SECRET: 'the-secret-of-one',
        DATABASE_URL,
        REDIS_URL: redis.url,
        RTC_WORKERS: '1',
      }
      const server = await startServer({ services: ['signalling', 'sfu'], env })
      const { url } = server
      await until('it knows itself', async () => (await nodesOf(url))?.length === 1, WAIT_MS)
      await makeRoom(url, 'ward', ['ann', 'bob'])
      const ann = await (await come(url, 'ward', 'ann')).join()
      const bob = await come(url, 'ward', 'bob')
      const [{ id } = { id: '' }] = await nodesOf(url)
      const client = await createRedis(redis.url, silent)
      await client.connect()
      let isOver = false
      const forgetting = (async () => {
        for (; !isOver; await sleep(5)) await client.del(directoryKey(SFU_DIRECTORY, id))
      })()
      onTestFinished(async () => {
        isOver = true
        await forgetting
        client.destroy()
      })
      // Twice as often as anybody looks who is there, and more.
      await sleep(1_500)
      await bob.join()
      await bob.publish()
      await ann.socket.hear('consumer:added', ({ consumer }) => consumer.participantId === bob.participantId)
      isOver = true
      await forgetting
      await until('Ann sees it', () => ann.sees(bob)?.tracks.length === 1)
      expect(ann.socket.heard('call:lost')).toEqual([])
      expect(await typesOf(url, 'ward')).toEqual(['call.started'])
    },
    SLOW,
  )
})
