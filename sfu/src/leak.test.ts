import { expect, test } from 'vitest'
import { expectNothingLeft } from './testing/nothing-left.ts'
import { DTLS, idsOf, joinRaw, publishRaw } from './testing/raw.ts'

const ROUNDS = Math.ceil(200 * Number(process.env.TRUNKLINE_ROUNDS ?? 1))

test(
  `${ROUNDS} rounds of joining, publishing, consuming and leaving leave nothing behind`,
  () =>
    expectNothingLeft(ROUNDS, async (sfu, n) => {
      const roomId = `room-${n % 3}`
      const people = await Promise.all(
        ['anna', 'ben', 'cleo'].map(name => joinRaw(sfu, roomId, `${name}-${n}`)),
      )
      for (const joined of people) {
        const connect = (transportId: string) =>
          sfu.request('transport:connect', { ...idsOf(joined), transportId, dtlsParameters: DTLS })
        await Promise.all([connect(joined.sendTransport.id), connect(joined.receiveTransport.id)])
        await publishRaw(sfu, joined, 'mic')
        await publishRaw(sfu, joined, 'camera')
      }
      const [counts] = await sfu.counts()
      expect(counts).toMatchObject({ routers: 1, transports: 6, producers: 6, consumers: 12 })
      await Promise.all(people.map(joined => sfu.request('call:leave', idsOf(joined))))
    }),
  60_000 + ROUNDS * 1_000,
)
