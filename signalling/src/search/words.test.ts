import { expect, test } from 'vitest'
import { SEARCHED_CHARS, SEARCHED_WORDS, wordsOf } from './words.ts'

const plain = (text: string) => wordsOf(text).map(({ word }) => word)

test('words are compared without case, accents and width', () => {
  expect(plain('Crème BRÛLÉE, Straße; Ørsted Łódź Οδός ＡＢＣ ﬁn')).toEqual([
    'creme',
    'brulee',
    'strasse',
    'orsted',
    'lodz',
    'οδοσ',
    'abc',
    'fin',
  ])
  expect(plain('cafe\u0301')).toEqual(plain('café'))
  expect(plain('שָׁלוֹם مُحَمَّد')).toEqual(['שלום', 'محمد'])
  expect(plain('ｶﾞﾗｽ ガラス')).toEqual(['ガラス', 'ガラス'])
})

test('punctuation parts words, also in file names and addresses', () => {
  expect(plain('report-2024_final.v2.pdf ada@example.org')).toEqual([
    'report',
    '2024',
    'final',
    'v2',
    'pdf',
    'ada',
    'example',
    'org',
  ])
})

test('scripts without spaces are parted by a dictionary, and marks of other scripts stay', () => {
  expect(plain('我喜欢北京')).toEqual(['我', '喜欢', '北京'])
  expect(plain('東京へ行きます')).toContain('東京')
  expect(plain('สวัสดีครับ')).toEqual(['สวัสดี', 'ครับ'])
  expect(plain('हिन्दी')).toEqual(['हिन्दी'])
  expect(plain('안녕 하세요')).toEqual(['안녕', '하세요'])
})

test('an emoji is a word, with what modifies it', () => {
  expect(plain('ship it 🚀🎉 👩‍🚀 🇸🇪 ❤️')).toEqual(['ship', 'it', '🚀', '🎉', '👩‍🚀', '🇸🇪', '❤'])
})

test('positions are those of the text as it was written', () => {
  const text = '😀 naïve — 東京！ e\u0301tude'
  for (const { from, to } of wordsOf(text)) expect(text.slice(from, to)).not.toMatch(/[\s—！]/)
  expect(wordsOf(text).map(({ from, to }) => text.slice(from, to))).toEqual([
    '😀',
    'naïve',
    '東京',
    'e\u0301tude',
  ])
})

test('what is read of one text is bounded', () => {
  expect(wordsOf(`${'x '.repeat(SEARCHED_CHARS)}late`).at(-1)?.word).toBe('x')
  const many = Array.from({ length: 2_000 }, (_, at) => at.toString(36)).join(' ')
  expect(wordsOf(many)).toHaveLength(SEARCHED_WORDS)
  expect(wordsOf('a'.repeat(5_000))[0]?.word).toHaveLength(64)
  expect(wordsOf('\ud83d'.repeat(10))).toEqual([])
})
