import { describe, expect, it } from 'vitest'
import { ClientId, Position, RoomId, Seq, Time, UserId } from './ids.ts'
import { LIMITS } from './limits.ts'

const accepts = (schema: { safeParse(value: unknown): { success: boolean } }, value: unknown) =>
  schema.safeParse(value).success

describe('ids', () => {
  it.each(['ada', 'usr_1', 'ada@example.org', '0', 'a:b-c.d', 'constructor'])('a user may be %s', id => {
    expect(accepts(UserId, id)).toBe(true)
  })

  it.each(['', '__proto__', '_a', '.a', '@a', 'a b', 'a/b', 'a\n', 'a\u0000', 'ä', 'a%', 7, null, ['a']])(
    'a user is not %j',
    id => {
      expect(accepts(UserId, id)).toBe(false)
    },
  )

  it.each(['a.b', 'a@b', 'a:b', '-a', 'a/..', 'room\n'])('a room is not %j', id => {
    expect(accepts(RoomId, id)).toBe(false)
  })

  it('hold their lengths exactly', () => {
    expect(accepts(UserId, 'a'.repeat(LIMITS.idChars))).toBe(true)
    expect(accepts(UserId, 'a'.repeat(LIMITS.idChars + 1))).toBe(false)
    expect(accepts(RoomId, 'a'.repeat(64))).toBe(true)
    expect(accepts(RoomId, 'a'.repeat(65))).toBe(false)
    expect(accepts(ClientId, '~'.repeat(LIMITS.clientIdChars))).toBe(true)
    expect(accepts(ClientId, '~'.repeat(LIMITS.clientIdChars + 1))).toBe(false)
    expect(accepts(ClientId, '')).toBe(false)
  })

  it('of clients are visible ASCII', () => {
    expect(accepts(ClientId, '!"#~')).toBe(true)
    for (const id of ['a b', 'a\t', '\u007f', 'é']) expect(accepts(ClientId, id)).toBe(false)
  })
})

describe('numbers in a log', () => {
  it('begin at 1, positions at 0', () => {
    expect(accepts(Seq, 1)).toBe(true)
    expect(accepts(Seq, 0)).toBe(false)
    expect(accepts(Position, 0)).toBe(true)
    expect(accepts(Position, -1)).toBe(false)
  })

  it.each([1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, '1', 1e300])('are not %j', value => {
    expect(accepts(Position, value)).toBe(false)
  })
})

describe('times', () => {
  it('are in UTC', () => {
    expect(accepts(Time, new Date(0).toISOString())).toBe(true)
    expect(accepts(Time, '2026-11-21T09:30:00+01:00')).toBe(false)
    expect(accepts(Time, '2026-02-30T09:30:00Z')).toBe(false)
  })
})
