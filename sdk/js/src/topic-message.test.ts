import { LIMITS } from '@trunkline/protocol'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { assertTopic, decodeTopicMessage, encodeTopicMessage } from './topic-message.ts'

test('what is sent on a topic arrives as it was: text, bytes, and what JSON can hold', () => {
  const values = fc.oneof(fc.string(), fc.uint8Array(), fc.jsonValue() as fc.Arbitrary<object>)
  const names = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 15 })
  fc.assert(
    fc.property(names, fc.nat(2 ** 32 - 1), values, (topic, number, value) => {
      const arrived = decodeTopicMessage(encodeTopicMessage({ topic, number, value }))
      const expected = value instanceof Uint8Array ? value : JSON.parse(JSON.stringify(value))
      expect(arrived).toEqual({ topic, number, value: expected })
    }),
  )
})

test('whatever else comes is nothing, and breaks nothing', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), bytes => {
      const read = decodeTopicMessage(bytes)
      if (read) expect(read.topic.length).toBeGreaterThan(0)
    }),
  )
  const good = encodeTopicMessage({ topic: 'board', number: 1, value: { x: 1 } })
  for (let length = 0; length < good.length; length++) {
    const cut = decodeTopicMessage(good.subarray(0, length))
    expect(cut === undefined || cut.value !== undefined).toBe(true)
  }
})

test('too long is said before it is sent', () => {
  const value = new Uint8Array(LIMITS.dataMessageBytes)
  expect(() => encodeTopicMessage({ topic: 'a', number: 0, value })).toThrow(/at most 65536 bytes/)
  expect(() => assertTopic('')).toThrow(/1 to 64/)
  expect(() => assertTopic('x'.repeat(65))).toThrow(/has 65/)
})
