import { expect, test } from 'vitest'
import { Trunkline, type TrunklineOptions } from './trunkline.ts'

test('a client without a token says so where it is made, not where it connects', () => {
  const url = 'http://127.0.0.1:1'
  for (const options of [{ url }, { url, token: undefined }, { url, getToken: 'tok' }]) {
    expect(() => new Trunkline(options as unknown as TrunklineOptions)).toThrow(
      /needs `token`.*or `getToken`/,
    )
  }
  expect(new Trunkline({ url, token: 'tok' }).state).toBe('idle')
  expect(new Trunkline({ url, getToken: async () => 'tok' }).state).toBe('idle')
})
