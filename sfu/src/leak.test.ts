import { expect, test } from 'vitest'
import { rounds } from '../../test/src/support/rounds.ts'
import { expectNothingLeft } from './testing/nothing-left.ts'
import { arrivalOf, DTLS, idsOf, joinRaw, publishRaw, resumeRaw } from './testing/raw.ts'
import { until } from './testing/until.ts'

/** 200 with TRUNKLINE_ROUNDS=5. */
const ROUNDS = rounds(40)

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

test(
  `${ROUNDS} rounds of preparing, being away, coming back and staying away leave nothing behind`,
  () =>
    expectNothingLeft(
      ROUNDS,
      async (sfu, n) => {
        const roomId = `room-${n % 3}`
        await sfu.request('call:prepare', arrivalOf(roomId, `dan-${n}`))
        await sfu.request('call:prepare', arrivalOf(roomId, `anna-${n}`))
        const [anna, ben] = await Promise.all([`anna-${n}`, `ben-${n}`].map(id => joinRaw(sfu, roomId, id)))
        if (!anna || !ben) throw new Error('two were to be there')
        await publishRaw(sfu, ben, 'camera')
        await sfu.request('call:away', { ...idsOf(anna), connectionId: `socket-anna-${n}` })
        const back = await resumeRaw(sfu, anna, { renew: n % 2 === 0 })
        await publishRaw(sfu, back, 'mic')
        await sfu.request('call:away', { ...idsOf(back), connectionId: `next-socket-anna-${n}` })
        await sfu.request('call:away', { ...idsOf(ben), connectionId: `socket-ben-${n}` })
        await until('nobody is there', async () => {
          const { call } = await sfu.request('call:get', { roomId })
          return (call?.participants.length ?? 0) === 0
        })
      },
      { resumeMs: 30, preparedMs: 40 },
    ),
  60_000 + ROUNDS * 1_000,
)
