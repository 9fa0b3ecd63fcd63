import { expect, it } from 'vitest'
import { AttendanceRecord } from './attendance.ts'

const USER = 'ada'

it('takes the best status over sockets and nodes, and says what changed it', () => {
  const record = new AttendanceRecord()
  expect(record.statusOf(USER)).toBe('offline')
  expect(record.set(USER, 'phone', 'away')).toEqual([{ userId: USER, before: 'offline' }])
  expect(record.set(USER, 'desk', 'online')).toEqual([{ userId: USER, before: 'away' }])
  expect(record.hear('other', [[USER, { status: 'away', sockets: 2 }]])).toEqual([])
  expect(record.socketsOf(USER)).toBe(4)
  expect(record.forget(USER, 'desk')).toEqual([{ userId: USER, before: 'online' }])
  expect(record.forget(USER, 'phone')).toEqual([])
  expect(record.statusOf(USER)).toBe('away')
  expect(record.hear('other', [[USER, null]])).toEqual([{ userId: USER, before: 'away' }])
  expect(record.ownUsers()).toEqual([])
})

it('counts a lost socket until it is forgotten or another one comes', () => {
  const record = new AttendanceRecord()
  record.set(USER, 'first', 'online')
  record.lose(USER, 'first')
  expect(record.statusOf(USER)).toBe('online')
  expect(record.socketsOf(USER)).toBe(0)
  expect(record.isLast(USER, 'first')).toBe(true)
  expect(record.set(USER, 'second', 'away')).toEqual([{ userId: USER, before: 'online' }])
  expect(record.isLast(USER, 'first')).toBe(false)
  expect(record.forget(USER, 'first')).toEqual([])
  expect(record.statusOf(USER)).toBe('away')
})

it('takes a whole node in, and lets it go', () => {
  const record = new AttendanceRecord()
  const here = { status: 'online', sockets: 1 } as const
  record.replace('other', [
    ['ada', here],
    ['ben', here],
  ])
  const cat = { userId: 'cat', before: 'offline' }
  expect(
    record.replace('other', [
      ['ben', here],
      ['cat', here],
    ]),
  ).toEqual([{ userId: 'ada', before: 'online' }, cat])
  record.set('ben', 'socket', 'online')
  expect(record.replace('other', undefined)).toEqual([{ userId: 'cat', before: 'online' }])
})
