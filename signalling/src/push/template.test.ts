import { PLACEHOLDERS, TemplateType } from '@trunkline/protocol'
import { expect, test } from 'vitest'
import { assertTemplate, BUILT_IN, EXAMPLES, localesOf, render } from './template.ts'

test.each(TemplateType.options)('what is said of %s from the start has placeholders there are', type => {
  assertTemplate(type, BUILT_IN[type])
  for (const name of PLACEHOLDERS[type]) expect(EXAMPLES, name).toHaveProperty([name])
})

test('values take the places of their names, once', () => {
  const values = { 'sender.name': '{{message.text}}', 'message.text': '$1 $& {{from}}' }
  expect(render('{{sender.name}}: {{ message.text }}', values, 100)).toBe('{{message.text}}: $1 $& {{from}}')
  expect(render('{{from}}{{constructor}}{{__proto__}}!', values, 100)).toBe('!')
})

test('what is not seen and changes what is, is taken out', () => {
  expect(render('{{a}}', { a: 'one\u202e\ntwo\u0000three\u2066' }, 100)).toBe('one two three')
})

test('what is long is cut between characters', () => {
  expect(render('{{a}}', { a: 'ab👩cd' }, 4)).toBe('ab…')
  expect(render('{{a}}', { a: 'abcd' }, 4)).toBe('abcd')
})

test.each([
  [
    'a name there is not',
    'Hello {{sender.nam}}',
    'there is no {{sender.nam}} in a template of message.created',
  ],
  ['one of another type', '{{mentions}}', '{{mentions}}'],
  ['code', '{{ process.exit() }}', 'process.exit()'],
  ['an inherited name', '{{constructor}}', '{{constructor}}'],
  ['half of one', 'Hello {{sender.name', 'begins with {{ and ends with }}'],
  ['the other half', 'Hello sender.name}}', 'begins with {{ and ends with }}'],
])('%s is refused', (_, body, problem) => {
  expect(() => assertTemplate('message.created', { title: 'Fine', body })).toThrow(problem)
  expect(() => assertTemplate('message.created', { title: 'Fine', body })).toThrow(/^body: /)
})

test('a language is looked for from the nearest on', () => {
  expect(localesOf('de-Latn-AT')).toEqual(['de-latn-at', 'de-latn', 'de'])
  expect(localesOf('en')).toEqual(['en'])
  expect(localesOf(undefined)).toEqual([])
})
