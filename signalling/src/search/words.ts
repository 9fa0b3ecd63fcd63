/** A word of a text: as it is compared, and where it stands (UTF-16 positions, [from, to)). */
export type Word = { word: string; from: number; to: number }

/** How much of one text is searchable, in UTF-16 units, and how many different words of it. */
export const SEARCHED_CHARS = 8_192
export const SEARCHED_WORDS = 500
/** Longer words are compared by their beginning, in UTF-16 units. */
const WORD_CHARS = 64

// A word is a run of letters, digits and their marks, or an emoji with what modifies it.
const RUNS =
  /(?:\p{Regional_Indicator}{2}|\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})*(?:\u200d\p{Extended_Pictographic}(?:\ufe0f|\p{Emoji_Modifier})*)*)|[\p{L}\p{N}][\p{L}\p{N}\p{M}]*/gu
/** Scripts that put no spaces between words: a dictionary knows where one ends. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u
const dictionary = new Intl.Segmenter('en', { granularity: 'word' })

/** Accents, Hebrew points, Arabic vowels. Marks of other scripts are letters, also those that voice Japanese ones. */
const ACCENTS = /[[[\p{Script=Inherited}\p{Script=Hebrew}\p{Script=Arabic}]&&\p{Mn}]--[\u3099\u309a]]/gv
/** Letters that are written with or without their stroke, and that Unicode does not take apart. */
const STROKES: Readonly<Record<string, string>> = {
  ø: 'o',
  ł: 'l',
  đ: 'd',
  ħ: 'h',
  æ: 'ae',
  œ: 'oe',
  ς: 'σ',
}
const isAscii = /^[\0-\x7f]*$/
const NOT_OF_A_WORD = /[^\p{L}\p{N}\p{M}\p{Extended_Pictographic}\p{Regional_Indicator}\u200d]/gu

/** A word as it is compared: without case, accents or width. May be empty. */
const fold = (run: string): string => {
  if (isAscii.test(run)) return run.toLowerCase().slice(0, WORD_CHARS)
  const folded = run
    .normalize('NFKC')
    // Up and down again: ß becomes ss, and letters with two small forms one.
    .toUpperCase()
    .toLowerCase()
    .normalize('NFD')
    .replace(ACCENTS, '')
    .normalize('NFC')
    .replace(/[øłđħæœς]/gu, letter => STROKES[letter] ?? letter)
    .replace(NOT_OF_A_WORD, '')
  const cut = folded.slice(0, WORD_CHARS)
  return cut.isWellFormed() ? cut : cut.slice(0, -1)
}

/** The stretches of a run that are words of their own. */
function* wordsOfRun(run: string): Generator<{ text: string; at: number }> {
  if (!UNSPACED.test(run)) {
    yield { text: run, at: 0 }
    return
  }
  for (const { segment, index } of dictionary.segment(run)) yield { text: segment, at: index }
}

/**
 * The words of a text, in order: of its first SEARCHED_CHARS, until SEARCHED_WORDS different ones were met. The one
 * reading of text there is: what is indexed, what is asked for and what is highlighted are cut alike.
 */
export const wordsOf = (text: string): Word[] => {
  const words: Word[] = []
  const different = new Set<string>()
  for (const { 0: run, index } of text.slice(0, SEARCHED_CHARS).matchAll(RUNS)) {
    for (const { text: part, at } of wordsOfRun(run)) {
      const word = fold(part)
      if (word === '') continue
      different.add(word)
      if (different.size > SEARCHED_WORDS) return words
      words.push({ word, from: index + at, to: index + at + part.length })
    }
  }
  return words
}
