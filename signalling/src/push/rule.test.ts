import { LIMITS } from '@trunkline/protocol'
import { describe, expect, test } from 'vitest'
import { type DeviceTraits, judge, type Situation } from './rule.ts'

const now = new Date('2026-11-21T12:00:00Z')
const phone: DeviceTraits = { kind: 'fcm', isVoip: false, hasVoip: false }

/** A message of somebody else in a group, to somebody who is offline: with what is special about it. */
const when = (special: Partial<Situation> = {}): Situation => ({
  type: 'message.created',
  now,
  happenedAt: now,
  isAuthor: false,
  isConcerned: true,
  isBlocked: false,
  isGone: false,
  isRead: false,
  roomKind: 'group',
  level: undefined,
  isMentioned: false,
  attendance: 'offline',
  whenAway: false,
  dnd: false,
  quietHours: undefined,
  device: phone,
  digestMinutes: 30,
  isNew: true,
  ...special,
})
const inMs = (ms: number) => new Date(now.getTime() + ms)
const send = { do: 'send' }
const dropped = (why: string) => ({ do: 'drop', why })
const night = { start: '11:00', end: '13:00', timeZone: 'UTC', after: 'hold' } as const

test('who is offline is told, when it happens and just before it is sent', () => {
  expect(judge(when())).toEqual(send)
  expect(judge(when({ isNew: false }))).toEqual(send)
})

test.each<[string, Partial<Situation>, string]>([
  ['who did it', { isAuthor: true }, 'author'],
  ['who may not read the room any more', { isConcerned: false }, 'outside'],
  ['who has blocked the sender', { isBlocked: true }, 'blocked'],
  ['what was deleted', { isGone: true }, 'gone'],
  ['what was read', { isRead: true }, 'read'],
  ['who does not want to be disturbed', { dnd: true }, 'disturbing'],
  ['a room that is muted', { level: 'none' }, 'muted'],
  ['mentions only, and none', { level: 'mentions' }, 'muted'],
  ['a channel, of which nothing was said', { roomKind: 'channel' }, 'muted'],
])('%s: nothing', (_, special, why) => {
  for (const isNew of [true, false]) expect(judge(when({ ...special, isNew }))).toEqual(dropped(why))
})

test.each<[string, Partial<Situation>]>([
  ['mentions only, and one', { level: 'mentions', isMentioned: true }],
  ['a channel that speaks to somebody', { roomKind: 'channel', isMentioned: true }],
  ['a channel of which everything is wanted', { roomKind: 'channel', level: 'all' }],
  ['away, where that was asked for', { attendance: 'away', whenAway: true }],
  ['an invitation', { type: 'member.invited', level: 'none' }],
])('%s: told', (_, special) => {
  expect(judge(when(special))).toEqual(send)
})

describe('who is present', () => {
  test.each<[string, Partial<Situation>]>([
    ['online', { attendance: 'online' }],
    ['online, who would be told while away', { attendance: 'online', whenAway: true }],
    ['away', { attendance: 'away' }],
  ])('%s: is looked for again, and then left alone', (_, special) => {
    expect(judge(when(special))).toEqual({
      do: 'wait',
      until: inMs(LIMITS.pushPresentMs),
      digest: false,
    })
    // What came just now, and took the place of what waited, has as long to be read.
    const young = { ...special, isNew: false, happenedAt: inMs(-5_000) }
    expect(judge(when(young))).toMatchObject({ until: inMs(LIMITS.pushPresentMs - 5_000) })
    const old = { ...special, isNew: false, happenedAt: inMs(-LIMITS.pushPresentMs) }
    expect(judge(when(old))).toEqual(dropped('present'))
  })

  test('whose connection had died meanwhile is told', () => {
    expect(judge(when({ attendance: 'offline', isNew: false }))).toEqual(send)
  })
})

describe('in quiet hours', () => {
  test.each([true, false])('messages wait for their end (new: %s)', isNew => {
    expect(judge(when({ quietHours: night, isNew }))).toEqual({
      do: 'wait',
      until: new Date('2026-11-21T13:00:00Z'),
      digest: false,
    })
    expect(judge(when({ quietHours: { ...night, after: 'digest' }, isNew }))).toMatchObject({ digest: true })
  })

  test('calls do not ring; that one was missed is told after', () => {
    expect(judge(when({ type: 'ring.started', quietHours: night }))).toEqual(dropped('quiet'))
    expect(judge(when({ type: 'ring.ended', quietHours: night }))).toMatchObject({ do: 'wait' })
  })
})

describe('calls', () => {
  const voip: DeviceTraits = { kind: 'apns', isVoip: true, hasVoip: true }
  const besideVoip: DeviceTraits = { kind: 'apns', isVoip: false, hasVoip: true }
  const mail: DeviceTraits = { kind: 'email', isVoip: false, hasVoip: false }

  test.each(['ring.started', 'ring.stopped', 'ring.ended'] as const)('%s: at once, wherever one is', type => {
    for (const attendance of ['offline', 'away', 'online'] as const) {
      expect(judge(when({ type, attendance }))).toEqual(send)
    }
    // What rings has to stop.
    expect(judge(when({ type, dnd: true }))).toEqual(type === 'ring.stopped' ? send : dropped('disturbing'))
    expect(judge(when({ type, isBlocked: true }))).toEqual(
      type === 'ring.stopped' ? send : dropped('blocked'),
    )
  })

  test('nothing but calls goes to a token for calls, and they ring a phone once', () => {
    expect(judge(when({ type: 'ring.started', device: voip }))).toEqual(send)
    expect(judge(when({ type: 'ring.started', device: besideVoip }))).toEqual(dropped('elsewhere'))
    expect(judge(when({ device: voip }))).toEqual(dropped('elsewhere'))
    expect(judge(when({ device: besideVoip }))).toEqual(send)
    expect(judge(when({ type: 'ring.ended', device: besideVoip }))).toEqual(send)
    expect(judge(when({ type: 'ring.started', device: mail }))).toEqual(dropped('elsewhere'))
  })

  test('who answered on one device has the others stop, though it was their own doing', () => {
    expect(judge(when({ type: 'ring.stopped', isAuthor: true }))).toEqual(send)
  })
})

test('e-mail and SMS wait, and tell of all in one go', () => {
  const device: DeviceTraits = { kind: 'sms', isVoip: false, hasVoip: false }
  expect(judge(when({ device }))).toEqual({ do: 'wait', until: inMs(30 * 60_000), digest: true })
  const due = { device, type: 'digest', isNew: false } as const
  expect(judge(when(due))).toEqual(send)
  expect(judge(when({ ...due, isRead: true }))).toEqual(dropped('read'))
  expect(judge(when({ ...due, happenedAt: new Date(0), attendance: 'online' }))).toEqual(dropped('present'))
})
