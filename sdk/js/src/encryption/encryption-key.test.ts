import { expect, test } from 'vitest'
import { secretFromKey } from './encryption-key.ts'

test('a passphrase gives one secret in a room, another in another, however its letters are composed', async () => {
  const [one, same, elsewhere, other] = await Promise.all([
    secretFromKey('caf\u00e9', 'room_1'),
    secretFromKey('cafe\u0301', 'room_1'),
    secretFromKey('caf\u00e9', 'room_2'),
    secretFromKey('coffee', 'room_1'),
  ])
  expect(one).toHaveLength(32)
  expect(same).toEqual(one)
  expect(elsewhere).not.toEqual(one)
  expect(other).not.toEqual(one)
})

test('bytes are taken as they are, and nothing is no key', async () => {
  const key = Uint8Array.from({ length: 16 }, (_, n) => n)
  expect(await secretFromKey(key, 'room_1')).toEqual(key)
  await expect(secretFromKey('', 'room_1')).rejects.toThrow(/is too short/)
  await expect(secretFromKey(key.subarray(1), 'room_1')).rejects.toThrow(/is too short/)
})
