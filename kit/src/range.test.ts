import { describe, expect, it } from 'vitest'
import { isUnchanged, rangeOf } from './range.ts'

const content = { size: 100, etag: '"abc"' }

describe('Range', () => {
  it.each([
    ['bytes=0-9', { start: 0, end: 9 }],
    ['bytes=90-', { start: 90, end: 99 }],
    ['bytes=-10', { start: 90, end: 99 }],
    ['bytes=-1000', { start: 0, end: 99 }],
    ['bytes=50-1000', { start: 50, end: 99 }],
    ['bytes=99-99', { start: 99, end: 99 }],
    ['bytes=100-', 'unsatisfiable'],
    ['bytes=100-200', 'unsatisfiable'],
    ['bytes=-0', 'unsatisfiable'],
    ['bytes=9-0', undefined],
    ['bytes=-', undefined],
    ['bytes=0-1,5-6', undefined],
    ['bytes=a-b', undefined],
    ['bytes=0-9999999999999999999', undefined],
    ['pages=1-2', undefined],
    ['', undefined],
  ])('%s', (range, expected) => {
    expect(rangeOf({ range }, content)).toEqual(expected)
  })

  it('has nothing to give of an empty file', () => {
    const empty = { size: 0, etag: '"e"' }
    expect(rangeOf({ range: 'bytes=0-' }, empty)).toBe('unsatisfiable')
    expect(rangeOf({ range: 'bytes=-5' }, empty)).toBe('unsatisfiable')
    expect(rangeOf({}, empty)).toBeUndefined()
  })

  it('counts only while the file is the one the client began with', () => {
    expect(rangeOf({ range: 'bytes=0-1', 'if-range': '"abc"' }, content)).toEqual({ start: 0, end: 1 })
    expect(rangeOf({ range: 'bytes=0-1', 'if-range': '"old"' }, content)).toBeUndefined()
    expect(rangeOf({ range: 'bytes=0-1', 'if-range': 'W/"abc"' }, content)).toBeUndefined()
  })
})

describe('If-None-Match', () => {
  it.each([
    ['"abc"', true],
    ['W/"abc"', true],
    ['"x", "abc"', true],
    ['*', true],
    ['"x"', false],
    [undefined, false],
  ])('%s', (tag, expected) => {
    expect(isUnchanged({ 'if-none-match': tag }, '"abc"')).toBe(expected)
  })
})
