import { expect, test } from 'vitest'
import { readQuery, toTsquery } from './search-query.ts'
import { snippetOf } from './snippet.ts'

/** What is highlighted, as one reads it. */
const marked = (text: string, query: string) => {
  const snippet = snippetOf(text, readQuery(query))
  return snippet?.highlights.map(([from, to]) => snippet.text.slice(from, to))
}

test('all words must be there, the last one may be unfinished', () => {
  expect(marked('The quick brown fox', 'fox qui')).toEqual(['quick', 'fox'])
  expect(marked('The quick brown fox', 'qui fox')).toBeUndefined()
  expect(marked('The quick brown fox', 'fox dog')).toBeUndefined()
})

test('words in quotes stand beside each other and are whole', () => {
  expect(marked('a quick fox, a brown fox', '"brown fox"')).toEqual(['brown', 'fox'])
  expect(marked('a brown quick fox', '"brown fox"')).toBeUndefined()
  expect(marked('a brown fox', '"brown fo"')).toBeUndefined()
  expect(marked('a brown fox', '“brown fox” a')).toEqual(['a', 'brown', 'fox'])
  expect(marked('a brown fox', '"brown')).toEqual(['brown'])
})

test('highlights are those of the text as written', () => {
  expect(marked('😀😀 une crème BRÛLÉE 🎉', 'creme brulee')).toEqual(['crème', 'BRÛLÉE'])
  expect(marked('😀 ship 🎉 it', '🎉')).toEqual(['🎉'])
  expect(marked('cafe\u0301 e\u0301tude', 'etude cafe')).toEqual(['cafe\u0301', 'e\u0301tude'])
  expect(marked('明日は東京大学へ行きます', '東京大学')).toEqual(['東京大学'])
})

test('of a long text the part that matters is shown', () => {
  const filler = 'lorem ipsum dolor sit amet '.repeat(40)
  const snippet = snippetOf(
    `${filler}needle here, ${filler}needle and 😀thread ${filler}`,
    readQuery('thread needle'),
  )
  expect(snippet?.text.length).toBeLessThanOrEqual(202)
  expect(snippet?.text).toMatch(/^…\w.*needle and 😀thread.*\w…$/)
  expect(snippet?.highlights.map(([from, to]) => snippet.text.slice(from, to))).toEqual(['needle', 'thread'])
})

test('a word longer than what is shown is cut between characters', () => {
  const snippet = snippetOf(`${'a'.repeat(300)}`, readQuery('aaa'))
  expect(snippet?.highlights).toEqual([[0, 200]])
  for (let shift = 0; shift < 3; shift++) {
    const astral = snippetOf(`${'x'.repeat(shift)}${'𐐷'.repeat(300)}`, readQuery(`${'x'.repeat(shift)}𐐷`))
    expect(astral?.text.isWellFormed()).toBe(true)
  }
})

test('nothing to look for finds nothing, too much is refused', () => {
  expect(readQuery('?! "" …')).toEqual([])
  expect(snippetOf('anything', [])).toBeUndefined()
  expect(() => readQuery('word '.repeat(33))).toThrow('at most 32 words')
})

test('no text becomes syntax of the database', () => {
  expect(toTsquery(readQuery(`a'b\\c:* & !d | (e) "f' <-> g" ~h`), '~')).toBe(
    `('~a' <-> '~b' <-> '~c') & ('~d') & ('~e') & ('~f' <-> '~g') & ('~h':*)`,
  )
})
