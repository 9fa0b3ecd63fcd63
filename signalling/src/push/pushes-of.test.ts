import type { RoomEvent } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { pushesOf } from './pushes-of.ts'

const event = (type: string, data: unknown, sender = 'ada') =>
  ({ roomId: 'ward', seq: 7, at: '2026-11-21T12:00:00Z', type, sender, data }) as RoomEvent
const ring = { ringId: 'ring_1', media: 'video', expiresAt: '2026-11-21T12:00:30Z' }

test('a message is told to all, unless it is silent', () => {
  const parts = [{ mime: 'text/plain', text: 'hello' }]
  expect(pushesOf(event('message.created', { parts, mentions: ['ben'] }))).toEqual([
    { type: 'message.created', tag: 'room:ward', userIds: undefined, by: 'ada', mentions: ['ben'] },
  ])
  expect(pushesOf(event('message.created', { parts, silent: true }))).toEqual([])
  expect(pushesOf(event('message.edited', { parts, messageSeq: 3 }))).toEqual([])
})

test('a ring is told to those who are rung, and taken back from who answered and who missed it', () => {
  const started = { ...ring, userIds: ['ben', 'cat', 'dan'], busy: ['cat'], missed: ['dan'] }
  expect(pushesOf(event('ring.started', started))).toMatchObject([
    { type: 'ring.started', tag: 'ring:ring_1', userIds: ['ben'], by: 'ada' },
  ])
  for (const type of ['ring.accepted', 'ring.declined']) {
    expect(pushesOf(event(type, { ringId: 'ring_1' }, 'ben'))).toMatchObject([
      { type: 'ring.stopped', tag: 'ring:ring_1', userIds: ['ben'] },
    ])
  }
  const ended = event('ring.ended', { ...ring, from: 'ada', missed: ['cat'] })
  expect(pushesOf(ended)).toMatchObject([
    { type: 'ring.ended', tag: 'ring:ring_1', userIds: ['cat'], by: 'ada' },
  ])
})

test('an invitation is told to who is invited', () => {
  const user = { id: 'ben', name: 'Ben', kind: 'user' }
  expect(pushesOf(event('member.invited', { user, role: 'member' }))).toMatchObject([
    { type: 'member.invited', userIds: ['ben'], by: 'ada' },
  ])
})
