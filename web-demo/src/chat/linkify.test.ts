import { expect, test } from 'vitest'
import { linkify } from './linkify.ts'

test('addresses become links, the rest stays text, and nothing is lost', () => {
  const text = 'See https://example.org/a?b=1, then (http://x.test/y_(z)). javascript:alert(1) <b>no</b>'
  const pieces = linkify(text)
  expect(pieces.map(piece => piece.text).join('')).toBe(text)
  expect(pieces.flatMap(({ href }) => href ?? [])).toEqual([
    'https://example.org/a?b=1',
    'http://x.test/y_(z)).',
  ])
})
