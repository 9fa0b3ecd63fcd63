import { expect, it } from 'vitest'
import { RIGHTS, Role } from './room.ts'

it('lets members read and take part in calls, and publishers write', () => {
  expect(Role.options.filter(role => RIGHTS[role].read)).toEqual([
    'owner',
    'moderator',
    'publisher',
    'member',
  ])
  expect(Role.options.filter(role => RIGHTS[role].call)).toEqual([
    'owner',
    'moderator',
    'publisher',
    'member',
  ])
  expect(Role.options.filter(role => RIGHTS[role].write)).toEqual(['owner', 'moderator', 'publisher'])
})
