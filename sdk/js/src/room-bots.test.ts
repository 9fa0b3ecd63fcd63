import { type EphemeralMessage, LIMITS } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { RoomBots } from './room-bots.ts'

test('keeps the latest of what bots show one alone, each once', () => {
  let changes = 0
  const bots = new RoomBots('room-1', {
    request: () => Promise.reject(new Error('nothing is asked here')),
    take: () => undefined,
    changed: () => changes++,
  })
  const shown = (n: number): EphemeralMessage => ({
    ...{ id: `eph_${n}`, roomId: 'room-1', sender: 'weather', text: 'Hello', parts: [] },
    at: '2026-11-21T09:30:00.000Z',
  })
  const kept = () => bots.ephemerals.map(({ id }) => id)
  for (let n = 0; n < LIMITS.ephemeralsKept + 2; n++) bots.take(shown(n))
  expect(kept()).toEqual(Array.from({ length: LIMITS.ephemeralsKept }, (_, n) => `eph_${n + 2}`))
  bots.take(shown(LIMITS.ephemeralsKept))
  expect(kept()).toHaveLength(LIMITS.ephemeralsKept)
  expect(changes).toBe(LIMITS.ephemeralsKept + 2)
  bots.dismiss('eph_2')
  expect(kept()[0]).toBe('eph_3')
})
