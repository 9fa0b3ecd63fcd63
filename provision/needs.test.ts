import { expect, test } from 'vitest'
import { SERVICES } from '../cli/src/platform.ts'
import { needsOf } from './needs.ts'
import { START_PACKAGES } from './packages.ts'

const NOTHING = { packages: [], worker: false, demo: false }
const EVERYTHING = { packages: START_PACKAGES, worker: true, demo: true }

test('all services need everything, named or not', () => {
  expect(needsOf([])).toEqual(EVERYTHING)
  expect(needsOf(SERVICES)).toEqual(EVERYTHING)
})

test('a service needs what it uses itself', () => {
  expect(needsOf(['turn'])).toEqual(NOTHING)
  expect(needsOf(['sfu', 'turn'])).toEqual({ ...NOTHING, worker: true })
  expect(needsOf(['signalling'])).toEqual({ ...NOTHING, demo: true })
  expect(needsOf(['media'])).toEqual({ ...NOTHING, packages: START_PACKAGES })
})

test.each(['--help', '-h', '--version', 'trun'])('%s starts nothing and needs nothing', word => {
  expect(needsOf([word])).toBeUndefined()
  expect(needsOf(['sfu', word])).toBeUndefined()
})
