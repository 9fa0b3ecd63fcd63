import { expect, test } from 'vitest'
import { completed, matching, mentionAt, mentionsIn, splitMentions } from './mentions.ts'

const people = [
  { id: 'a', name: 'Ann' },
  { id: 'al', name: 'Ann Lee' },
  { id: 'b', name: 'Bob' },
  { id: 'b2', name: 'Bob' },
  { id: 'j', name: 'José Müller' },
]

test('a mention is written from an @ at the beginning of a word to the caret', () => {
  expect(mentionAt('hi @an', 6)).toEqual({ from: 3, query: 'an' })
  expect(mentionAt('@', 1)).toEqual({ from: 0, query: '' })
  expect(mentionAt('@Ann Le', 7)).toEqual({ from: 0, query: 'Ann Le' })
  expect(mentionAt('mail ann@example', 16)).toBeUndefined()
  expect(mentionAt('@ann\nthen', 9)).toBeUndefined()
  expect(mentionAt('no mention', 5)).toBeUndefined()
  expect(mentionAt('hi @an', 2)).toBeUndefined()
})

test('names are found by any of their words, without marks or capitals', () => {
  expect(matching(people, 'ann').map(({ id }) => id)).toEqual(['a', 'al'])
  expect(matching(people, 'lee').map(({ id }) => id)).toEqual(['al'])
  expect(matching(people, 'mull').map(({ id }) => id)).toEqual(['j'])
  expect(matching(people, '')).toHaveLength(5)
  expect(matching(people, 'ann then')).toEqual([])
})

test('completing replaces what was written and leaves one space', () => {
  expect(completed('hi @an there', 6, 'Ann')).toEqual({ text: 'hi @Ann there', caret: 8 })
  expect(completed('@', 1, 'Ann Lee')).toEqual({ text: '@Ann Lee ', caret: 9 })
})

test('a text is split at its mentions; the longest name wins and nothing is lost', () => {
  const text = 'Hi @Ann Lee, @Ann; mail x@Ann or @Anna.'
  const pieces = splitMentions(text, people)
  expect(pieces.map(piece => piece.text).join('')).toBe(text)
  expect(pieces.flatMap(({ text: said, userIds }) => (userIds ? [[said, ...userIds]] : []))).toEqual([
    ['@Ann Lee', 'al'],
    ['@Ann', 'a'],
  ])
})

test('of several with one name those who were picked are meant, else all', () => {
  expect(mentionsIn('@Bob and @Bob', people, new Set(['b2']))).toEqual(['b2'])
  expect(mentionsIn('@Bob', people, new Set())).toEqual(['b', 'b2'])
  expect(mentionsIn('Bob', people, new Set(['b']))).toEqual([])
})
