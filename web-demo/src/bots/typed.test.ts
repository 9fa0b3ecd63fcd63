import type { Field, RoomCommand } from '@trunkline/sdk'
import { describe, expect, it } from 'vitest'
import { argumentBegun, choicesFor, commandsFor, nameBegun } from './typed.ts'

const WANTED: Field[] = [
  { kind: 'text', name: 'place', required: true },
  { kind: 'number', name: 'days' },
]
const bot = { id: 'weather', name: 'Weather', kind: 'bot' } as const
const COMMANDS: RoomCommand[] = [
  { name: 'weather', description: 'How warm it is', arguments: WANTED, bot },
  { name: 'web', description: 'Looks it up', bot },
  { name: 'ping', description: 'Says pong', bot },
]

it.each([
  ['/', ''],
  ['/we', 'we'],
  ['/we ', undefined],
  ['a /we', undefined],
  ['', undefined],
])('the name begun in %j', (text, begun) => expect(nameBegun(text)).toBe(begun))

it('commands are offered with what they take', () => {
  expect(commandsFor(COMMANDS, 'we')).toEqual([
    { text: '/weather ', label: '/weather place [days]', hint: 'How warm it is' },
    { text: '/web ', label: '/web', hint: 'Looks it up' },
  ])
})

describe('the argument begun', () => {
  it.each([
    ['', 'place', '', '', {}],
    ['Os', 'place', 'Os', '', {}],
    ['Oslo ', 'days', '', 'Oslo ', { place: 'Oslo' }],
    ['Oslo 3', 'days', '3', 'Oslo ', { place: 'Oslo' }],
    ['days:3 Os', 'place', 'Os', 'days:3 ', { days: 3 }],
    ['days:3 place:Os', 'place', 'Os', 'days:3 place:', { days: 3 }],
  ])('in %j', (typed, name, text, before, others) => {
    expect(argumentBegun(WANTED, typed)).toEqual({
      field: WANTED.find(field => field.name === name),
      text,
      before,
      others,
    })
  })

  it('is none once all are there', () => expect(argumentBegun(WANTED, 'Oslo 3 ')).toBeUndefined())
})

it('choices stand in the line as they are read again', () => {
  expect(choicesFor([{ value: 'New York', label: 'New York, US' }, { value: 'Oslo' }], '/weather ')).toEqual([
    { text: '/weather "New York" ', label: 'New York, US', hint: 'New York' },
    { text: '/weather Oslo ', label: 'Oslo', hint: '' },
  ])
})
