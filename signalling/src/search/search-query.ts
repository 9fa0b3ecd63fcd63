import { TrunklineError } from '@trunkline/protocol'
import { type Word, wordsOf } from './words.ts'

/** Words that must stand beside each other; of the last one typed, what was typed may be its beginning. */
type Term = { words: readonly string[]; isBeginning: boolean }

/** What is looked for: every term must be there. */
export type SearchQuery = readonly Term[]

/** How many words one search may ask for. */
const WORDS_MAX = 32

const CHUNKS = /"([^"]*)"|“([^”]*)”|„([^“”]*)[“”]|«([^»]*)»|(\S+)/gu

/**
 * Reads what somebody typed: all words must be there, "words in quotes" beside each other, and the last word, unless it
 * is in quotes, may be unfinished. What is written without spaces (e-mail addresses, Chinese) stands beside each other.
 * @throws TrunklineError `invalid_request` for too many words
 */
export const readQuery = (text: string): SearchQuery => {
  const terms: Term[] = []
  for (const [chunk, ...groups] of text.matchAll(CHUNKS)) {
    const unquoted = groups.at(-1)
    const words = wordsOf(groups.find(group => group !== undefined) ?? chunk).map(({ word }) => word)
    if (words.length === 0) continue
    terms.push({ words, isBeginning: unquoted !== undefined })
  }
  const count = terms.reduce((sum, { words }) => sum + words.length, 0)
  if (count > WORDS_MAX) {
    throw new TrunklineError(
      'invalid_request',
      `A search may have at most ${WORDS_MAX} words; this one has ${count}.`,
    )
  }
  return terms.map((term, at) => ({ ...term, isBeginning: term.isBeginning && at === terms.length - 1 }))
}

/**
 * The query as PostgreSQL's tsquery reads it, each word behind `prefix`. Words are letters, digits and emoji only, so
 * nothing in them can be read as anything else.
 */
export const toTsquery = (query: SearchQuery, prefix = ''): string =>
  query
    .map(({ words, isBeginning }) => {
      const lexemes = words.map(word => `'${prefix}${word}'`)
      return `(${lexemes.join(' <-> ')}${isBeginning ? ':*' : ''})`
    })
    .join(' & ')

/** Where in a text one of its words, or several beside each other, is a term. */
const occurrences = (text: readonly Word[], { words, isBeginning }: Term): Word[][] => {
  const fits = (at: number) =>
    words.every((word, offset) => {
      const there = text[at + offset]?.word
      const mayGoOn = isBeginning && offset === words.length - 1
      return mayGoOn ? there?.startsWith(word) === true : there === word
    })
  return text.flatMap((_, at) => (fits(at) ? [text.slice(at, at + words.length)] : []))
}

/** The words of a text that are what was looked for, by term; undefined when a term is not there. */
export const match = (text: readonly Word[], query: SearchQuery): Word[][] | undefined => {
  const found = query.map(term => occurrences(text, term).flat())
  return found.every(words => words.length > 0) ? found : undefined
}
