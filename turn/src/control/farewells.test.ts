import { createSecretKey } from 'node:crypto'
import { expect, it, vi } from 'vitest'
import { Farewells } from './farewells.ts'

const user = { username: 'ada', key: createSecretKey(Buffer.alloc(16)) }

it('remembers the last farewell of each 5-tuple for 40 s', () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  const farewells = new Farewells()
  farewells.add('one', 'a', user)
  farewells.add('one', 'b', user)
  expect(farewells.find('one', 'a')).toBeUndefined()
  expect(farewells.find('one', 'b')).toBe(user)
  expect(farewells.find('two', 'b')).toBeUndefined()
  vi.advanceTimersByTime(40_000)
  expect(farewells.find('one', 'b')).toBeUndefined()
  farewells.add('two', 'c', user)
  expect(farewells.size).toBe(1)
  vi.useRealTimers()
})

it('remembers no more than 4096, the newest', () => {
  const farewells = new Farewells()
  for (let each = 0; each < 10_000; each++) farewells.add(`tuple ${each}`, 'a', user)
  expect(farewells.size).toBe(4096)
  expect(farewells.find('tuple 9999', 'a')).toBe(user)
  expect(farewells.find('tuple 0', 'a')).toBeUndefined()
})
