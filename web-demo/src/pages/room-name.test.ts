import { expect, test } from 'vitest'
import { inventRoom, roomIdOf } from './room-name.ts'

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
