import { LIMITS } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { type Happening, pushMessage } from './push-message.ts'

const happening: Happening = {
  type: 'message.created',
  tag: 'room:ward',
  roomId: 'ward',
  seq: 7,
  ring: undefined,
  senderId: 'ada',
  senderName: 'A'.repeat(LIMITS.userNameChars),
  room: { kind: 'group', title: 'W'.repeat(LIMITS.roomNameChars) },
  parts: [{ mime: 'text/plain', text: 'x'.repeat(LIMITS.messageBytes / 2) }],
  badge: 1,
  mentions: 0,
}
const words = { title: '{{from}}', body: '{{message.text}}' }

test('however long names and messages are, a push fits where it goes', () => {
  const message = pushMessage(happening, words, 'full')
  expect(message.title).toHaveLength(LIMITS.pushTitleChars)
  expect(message.body).toHaveLength(LIMITS.pushBodyChars)
  expect(message.title).toMatch(/…$/)
  expect(message.body).toMatch(/…$/)
  // What Web Push carries: RFC 8291 leaves 3,993 bytes to what is said.
  expect(Buffer.byteLength(JSON.stringify(message))).toBeLessThan(3_993)
})

test('and has nothing but ids where that is wanted', () => {
  expect(pushMessage(happening, words, 'ids')).toEqual({
    type: 'message.created',
    tag: 'room:ward',
    roomId: 'ward',
    seq: 7,
    badge: 1,
  })
})
