import { match, type SearchQuery } from './search-query.ts'
import { type Word, wordsOf } from './words.ts'

/** What is shown of a text that was found. `highlights` are UTF-16 positions in `text`, [from, to), ascending. */
export type Snippet = { text: string; highlights: [number, number][] }

/** Longer texts are shown in part, in UTF-16 units. */
const SNIPPET_CHARS = 200
/** What is shown before the first word that was found. */
const LEAD_CHARS = 40

type Range = [number, number]

const joined = (ranges: readonly Range[]): Range[] => {
  const joint: Range[] = []
  for (const [from, to] of ranges) {
    const last = joint.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else joint.push([from, to])
  }
  return joint
}

/** The first word found in the stretch that holds most of what was looked for. */
const best = (found: readonly Word[][]): Word => {
  let choice: { word: Word; terms: number } | undefined
  const all = found.flat().sort((a, b) => a.from - b.from)
  for (const word of all) {
    const end = word.from + SNIPPET_CHARS - LEAD_CHARS
    const terms = found.filter(words => words.some(({ from, to }) => from >= word.from && to <= end)).length
    if (!choice || terms > choice.terms) choice = { word, terms }
    if (choice.terms === found.length) break
  }
  return choice?.word as Word
}

/** From where to where a text is shown: whole words, around the one that matters. */
const stretchAround = (text: string, words: readonly Word[], { from, to }: Word): Range => {
  if (text.length <= SNIPPET_CHARS) return [0, text.length]
  const start = from <= LEAD_CHARS ? 0 : (words.find(word => word.from >= from - LEAD_CHARS)?.from ?? from)
  const limit = start + SNIPPET_CHARS
  if (limit >= text.length) return [start, text.length]
  const end = words.findLast(word => word.to <= limit && word.to >= to)?.to ?? limit
  // A word that is longer than all there is to show: cut, but not through a character.
  return [start, text.slice(start, end).isWellFormed() ? end : end - 1]
}

/**
 * The part of a text to show for a query, with what was found in it; undefined when the text is not what was looked for.
 * Plain text: whoever shows it makes the highlights.
 */
export const snippetOf = (text: string, query: SearchQuery): Snippet | undefined => {
  const words = wordsOf(text)
  const found = match(words, query)
  if (!found || found.length === 0) return undefined
  const [start, end] = stretchAround(text, words, best(found))
  const before = start > 0 ? '…' : ''
  const shift = before.length - start
  const highlights = found
    .flat()
    .filter(({ from }) => from >= start && from < end)
    .sort((a, b) => a.from - b.from)
    .map(({ from, to }): Range => [from + shift, Math.min(to, end) + shift])
  return {
    text: `${before}${text.slice(start, end)}${end < text.length ? '…' : ''}`,
    highlights: joined(highlights),
  }
}
