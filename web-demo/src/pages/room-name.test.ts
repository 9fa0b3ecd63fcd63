import { expect, test } from 'vitest'
import { inventRoom, ROOM_ID_CHARS, roomIdOf, roomOfPath } from './room-name.ts'

test('what is typed becomes an id the wire accepts', () => {
  expect(roomIdOf('  Ward 7 ')).toBe('Ward-7')
  expect(roomIdOf('café/../x')).toBe('cafex')
  expect(roomIdOf('--')).toBe('')
})

test('invented rooms are such ids too, and differ', () => {
  const names = Array.from({ length: 50 }, inventRoom)
  expect(new Set(names).size).toBe(50)
  for (const name of names) expect(roomIdOf(name)).toBe(name)
})

test('an address leads to a room only when the wire would take its id', () => {
  expect(roomOfPath('/r/ward-7')).toBe('ward-7')
  expect(roomOfPath('/r/ward-7/')).toBe('ward-7')
  expect(roomOfPath(`/r/${'x'.repeat(ROOM_ID_CHARS)}`)).toHaveLength(ROOM_ID_CHARS)
  for (const path of ['/', '/r/', '/r/-x', '/r/a/b', `/r/${'x'.repeat(ROOM_ID_CHARS + 1)}`]) {
    expect(roomOfPath(path), path).toBeUndefined()
  }
})
