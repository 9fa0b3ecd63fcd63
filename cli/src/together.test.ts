import { readConfig } from '@trunkline/kit'
import { expect, test } from 'vitest'
import { SERVICES, type Service } from './platform.ts'
import { Settings } from './settings.ts'
import { checkTogether } from './start.ts'
import { hasTurn } from './turn.ts'

const check = (env: Record<string, string>, services: readonly Service[] = SERVICES) =>
  checkTogether(readConfig(Settings, env), new Set(services))

test('TURN_LINKS without the secret that both ends need is refused, saying where an installation has its own', () => {
  const env = { TURN_LINKS: 'http://turn:3000', TRUNKLINE_DATA: '/var/lib/here' }
  expect(() => check(env)).toThrow(/TRUNKLINE_SECRET .*\/var\/lib\/here\/secret/)
  expect(() => check({ ...env, TRUNKLINE_SECRET: 'a-long-random-string' })).not.toThrow()
  expect(() => check({ TURN_LINKS: 'none' })).not.toThrow()
})

test.each<[boolean, Record<string, string>, readonly Service[]]>([
  [true, {}, SERVICES],
  [false, {}, ['signalling']],
  [false, { TURN_LINKS: 'none' }, ['signalling', 'sfu']],
  [true, { TURN_LINKS: 'http://turn:3000' }, ['signalling']],
  [true, { TURN_URLS: 'turns:turn.example.org:443' }, ['signalling']],
  // What browsers are given is what the operator chose, and these relay nothing.
  [false, { TURN_URLS: 'stun:203.0.113.7:3478' }, SERVICES],
])('browsers are told of a relay: %s with %o in %o', (expected, env, services) => {
  expect(hasTurn(readConfig(Settings, env), new Set(services))).toBe(expected)
})
