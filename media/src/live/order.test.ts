import { randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { isWatchKey, openOrder, SealedOrder, sealOrder, watchKey } from './order.ts'

const order = {
  streamId: 'str_1',
  roomId: 'lobby',
  callId: 'call_1',
  userId: 'ada',
  layout: 'grid',
  hls: true,
  startedAt: '2026-11-22T07:00:00.000Z',
} as const
const rtmp = 'rtmps://live.example.org/app/a-secret-key'

it('where a stream is sent is sealed in its job, and opened with the same key alone', () => {
  const key = randomBytes(32)
  const sealed = JSON.stringify(sealOrder({ ...order, rtmp }, key))
  expect(sealed).not.toMatch(/secret|example/)
  const parsed = SealedOrder.parse(JSON.parse(sealed))
  expect(openOrder(parsed, key)).toEqual({ ...order, rtmp })
  expect(() => openOrder(parsed, randomBytes(32))).toThrow()
  expect(openOrder(sealOrder(order, key), key)).toEqual(order)
})

it('an address is good for its stream, and not for another', () => {
  const key = randomBytes(32)
  expect(isWatchKey(watchKey('str_1', key), 'str_1', key)).toBe(true)
  for (const given of [watchKey('str_2', key), watchKey('str_1', randomBytes(32)), '', 'x'.repeat(43)])
    expect(isWatchKey(given, 'str_1', key)).toBe(false)
})
