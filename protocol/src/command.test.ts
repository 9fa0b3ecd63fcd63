import { describe, expect, it } from 'vitest'
import { Command, readArguments, readCommand } from './command.ts'
import { Controls } from './control.ts'
import { type Field, type FieldValues, faultsOf } from './field.ts'

const FIELDS: Field[] = [
  { kind: 'text', name: 'place', required: true, maxChars: 20 },
  { kind: 'number', name: 'days', min: 1, max: 7, whole: true },
  { kind: 'boolean', name: 'wind' },
  { kind: 'text', name: 'note' },
]

it.each<[string, ReturnType<typeof readCommand>]>([
  ['/weather Oslo 3', { name: 'weather', rest: 'Oslo 3' }],
  ['  /ping ', { name: 'ping', rest: '' }],
  ['/remind-me in\nan hour', { name: 'remind-me', rest: 'in\nan hour' }],
  ['weather', undefined],
  ['/', undefined],
  ['/Weather', undefined],
  ['// comment', undefined],
  ['/usr/bin/env', undefined],
])('%j is read as the command it is', (line, command) => {
  expect(readCommand(line)).toEqual(command)
})

describe('arguments', () => {
  it.each<[string, FieldValues]>([
    ['', {}],
    ['Oslo', { place: 'Oslo' }],
    ['"New York" 3 yes', { place: 'New York', days: 3, wind: true }],
    ['days:3 Oslo', { days: 3, place: 'Oslo' }],
    ['wind=off place="St. Ives"', { wind: false, place: 'St. Ives' }],
    [
      'Oslo 3 no the rest of it, "quoted" and all',
      { place: 'Oslo', days: 3, wind: false, note: 'the rest of it, "quoted" and all' },
    ],
    ['http://example.org/a:b 2', { place: 'http://example.org/a:b', days: 2 }],
    ['Oslo soon', { place: 'Oslo', days: 'soon' }],
    ['"" 3', { place: '', days: 3 }],
    ['constructor:1', { place: 'constructor:1' }],
  ])('%j', (typed, values) => {
    expect(readArguments(FIELDS, typed)).toEqual(values)
  })

  it('of which there are too many are not asked for', () => {
    const values = readArguments([{ kind: 'boolean', name: 'on' }], 'yes and more')
    expect(faultsOf([{ kind: 'boolean', name: 'on' }], values)).toEqual([
      { path: 'argument2', message: 'is not asked for' },
    ])
  })

  it('are found to fit, or why they do not', () => {
    const fits: [Field, FieldValues[string]][] = [
      [{ kind: 'choice', name: 'a', choices: [{ value: 'x' }] }, 'x'],
      [{ kind: 'user', name: 'a' }, 'ann'],
      [{ kind: 'date', name: 'a' }, '2026-11-21'],
      [{ kind: 'time', name: 'a' }, '2026-11-21T09:30:00Z'],
      [{ kind: 'number', name: 'a' }, -0.5],
    ]
    for (const [field, value] of fits)
      expect([field.kind, faultsOf([field], { a: value })]).toEqual([field.kind, []])
    const faults: [Field, FieldValues, string][] = [
      [{ kind: 'text', name: 'a', required: true }, {}, 'is missing'],
      [{ kind: 'text', name: 'a', required: true }, { a: '' }, 'is missing'],
      [{ kind: 'text', name: 'a', maxChars: 2 }, { a: 'abc' }, 'must be text of at most 2 characters'],
      [{ kind: 'number', name: 'a', min: 2 }, { a: 1 }, 'must be a number, 2 at least'],
      [{ kind: 'number', name: 'a', max: 2 }, { a: 3 }, 'must be a number, 2 at most'],
      [{ kind: 'number', name: 'a' }, { a: '3' }, 'must be a number'],
      [{ kind: 'boolean', name: 'a' }, { a: 'maybe' }, 'must be true or false'],
      [{ kind: 'date', name: 'a' }, { a: '2026-13-01' }, 'must be a day such as 2026-11-21'],
      [{ kind: 'time', name: 'a' }, { a: 'noon' }, 'must be a time in UTC such as 2026-11-21T09:30:00Z'],
      [{ kind: 'user', name: 'a' }, { a: '@' }, 'must be the id of somebody in the room'],
    ]
    for (const [field, values, message] of faults) {
      expect(faultsOf([field], values)).toEqual([{ path: 'a', message }])
    }
  })
})

it.each([
  [
    'two arguments alike',
    {
      arguments: [
        { kind: 'text', name: 'a' },
        { kind: 'date', name: 'a' },
      ],
    },
  ],
  ['a kind there is not', { arguments: [{ kind: 'colour', name: 'a' }] }],
  ['no description', { description: '' }],
  ['a name with a slash', { name: '/x' }],
])('a command with %s is none', (_, change) => {
  expect(Command.safeParse({ name: 'x', description: 'Does', ...change }).success).toBe(false)
})

it('controls of one message have ids of their own', () => {
  const button = { type: 'button', id: 'a', label: 'A' }
  expect(Controls.safeParse([button, { ...button, id: 'b' }]).success).toBe(true)
  expect(Controls.safeParse([button, button]).success).toBe(false)
  expect(Controls.safeParse([{ ...button, url: 'https://example.org' }]).success).toBe(false)
  expect(Controls.safeParse([]).success).toBe(false)
})
