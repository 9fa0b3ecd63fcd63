import { LIMITS } from '@trunkline/protocol'
import { expect, it } from 'vitest'
import type { Call } from '../call.ts'
import type { Producer } from '../producer.ts'
import { Taking } from './taking.ts'

it('who publishes one track after another takes up no more of a recording than its share', async () => {
  const asked: string[] = []
  const transport = {
    on: () => undefined,
    close: () => undefined,
    consume: async ({ producerId }: { producerId: string }) => {
      asked.push(producerId)
      throw new Error('it has ended already')
    },
  }
  const router = { createDirectTransport: async () => transport, observer: { once: () => undefined } }
  const logger = { warn: () => undefined }
  const call = { participants: new Map(), logger } as unknown as Call
  const publishes = (id: string, userId: string) =>
    ({ id, participant: { userId }, place: { router }, closed: false }) as unknown as Producer
  const taking = new Taking(call, { put: async () => {}, keepsTime: false, onProblem: () => {} })
  taking.begin()
  const limit = LIMITS.tracksRecordedPerUser
  for (let n = 0; n < limit + 50; n++) taking.take(publishes(`mallory ${n}`, 'mallory'))
  taking.take(publishes('ada', 'ada'))
  await taking.end()
  expect([asked.length, asked.at(-1)]).toEqual([limit + 1, 'ada'])
})
