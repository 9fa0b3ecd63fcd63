import { type Word, wordsOf } from './words.ts'

/**
 * A room's log is indexed in stretches of so many events, and each word begins with the room's number and the stretch.
 * So what a word in one room costs is bounded, and the latest of a room can be looked through before the rest.
 */
export const STRETCH_EVENTS = 8_192

/** What words of a stretch of a room begin with in the index. */
export const prefixOf = (roomNumber: number, seq: number): string =>
  `${roomNumber}.${Math.floor(seq / STRETCH_EVENTS)}:`

/** Stands among the words of a message for who sent it: no word begins so. */
export const senderWord = (userId: string): string => `@${userId}`

/** Rank of a word by where it stands: in a title or name, or in running text. */
type Weight = 'A' | 'D'

const lexemes = (words: readonly Word[], options: { prefix: string; weight: Weight; start: number }) => {
  const positions = new Map<string, number[]>()
  for (const [at, { word }] of words.entries()) {
    const known = positions.get(word)
    if (known) known.push(at)
    else positions.set(word, [at])
  }
  const { prefix, weight, start } = options
  return [...positions].map(
    ([word, places]) => `'${prefix}${word}':${places.map(at => `${start + at + 1}${weight}`).join(',')}`,
  )
}

/** The words of a text of a message as a tsvector; undefined when it has none. */
export const messageVector = (text: string, prefix: string, sender: string): string | undefined => {
  const words = wordsOf(text)
  if (words.length === 0) return undefined
  const said = lexemes(words, { prefix, weight: 'D', start: 0 })
  return [...said, `'${prefix}${senderWord(sender)}'`].join(' ')
}

/** The words of a name as a tsvector. */
export const nameVector = (name: string): string =>
  lexemes(wordsOf(name), { prefix: '', weight: 'A', start: 0 }).join(' ')

/** The words of a room's title and description as one tsvector. */
export const roomVector = (title: string, description: string): string => {
  const inTitle = wordsOf(title)
  // A gap, so that no phrase begins in the title and ends in the description.
  const start = inTitle.length + 10
  return [
    ...lexemes(inTitle, { prefix: '', weight: 'A', start: 0 }),
    ...lexemes(wordsOf(description), { prefix: '', weight: 'D', start }),
  ].join(' ')
}
