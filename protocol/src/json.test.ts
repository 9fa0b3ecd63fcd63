import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isStorableText, jsonBytes, jsonFault, jsonValue, line, metadata, record, text } from './json.ts'
import { LIMITS } from './limits.ts'

const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels))
const faultOf = (result: { success: boolean; error?: { issues: { message: string }[] } }) =>
  result.error?.issues.map(issue => issue.message).join('; ')

describe('text that can be stored', () => {
  it.each([
    ['NUL', 'a\u0000b', false],
    ['a lone high surrogate', 'a\ud83d', false],
    ['a lone low surrogate', '\udc4b', false],
    ['swapped surrogates', '\udc4b\ud83d', false],
    ['a whole pair', '👋', true],
    ['control characters', '\u0001\u001f\u007f\n', true],
    ['nothing', '', true],
  ])('%s', (_, value, storable) => {
    expect(isStorableText(value)).toBe(storable)
    expect(text(10).safeParse(value).success).toBe(storable)
  })

  it('holds its limits exactly', () => {
    expect(text(3).safeParse('abc').success).toBe(true)
    expect(faultOf(text(3).safeParse('abcd'))).toContain('3')
    expect(text(3, 1).safeParse('a').success).toBe(true)
    expect(text(3, 1).safeParse('').success).toBe(false)
  })
})

describe('JSON from outside', () => {
  it('names the key __proto__, at any depth', () => {
    const value = JSON.parse('{"a": [{"__proto__": {"admin": true}}]}')
    expect(jsonFault(value)).toBe('must not contain the key "__proto__"')
    expect(faultOf(metadata.safeParse(value))).toBe('must not contain the key "__proto__"')
    expect(({} as { admin?: boolean }).admin).toBeUndefined()
  })

  it('takes other names of prototypes as names', () => {
    const value = JSON.parse('{"constructor": {"prototype": 1}, "toString": "x", "hasOwnProperty": null}')
    expect(metadata.parse(value)).toEqual(value)
  })

  it('takes as many levels as the limit and not one more', () => {
    expect(jsonFault(nested(LIMITS.jsonDepth + 1))).toBeUndefined()
    expect(jsonFault(nested(LIMITS.jsonDepth + 2))).toContain(String(LIMITS.jsonDepth))
  })

  it('survives any depth', () => {
    expect(jsonFault(nested(200_000))).toContain('deeper')
    expect(metadata.safeParse({ a: nested(200_000) }).success).toBe(false)
  })

  it('refuses broken text in values and in keys', () => {
    expect(jsonFault({ a: ['\ud800'] })).toContain('broken Unicode')
    expect(jsonFault({ 'a\u0000': 1 })).toContain('NUL')
  })

  it.each([
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['undefined', undefined],
    ['a function', () => 1],
    ['bytes', new Uint8Array(1)],
    ['a Date', new Date()],
    ['a BigInt', 1n],
    ['a Map', new Map()],
  ])('refuses %s', (_, value) => {
    expect(jsonFault([value])).toBeTypeOf('string')
  })

  it('is measured in bytes of UTF-8', () => {
    expect(jsonBytes('é')).toBe(4)
    expect(jsonBytes('👋')).toBe(6)
    // Quotes and two bytes around what is inside.
    const fits = { a: 'x'.repeat(LIMITS.metadataBytes - 8) }
    expect(jsonBytes(fits)).toBe(LIMITS.metadataBytes)
    expect(metadata.safeParse(fits).success).toBe(true)
    expect(faultOf(metadata.safeParse({ a: `${fits.a}x` }))).toContain(String(LIMITS.metadataBytes))
    expect(faultOf(metadata.safeParse({ a: `${fits.a.slice(1)}é` }))).toContain(String(LIMITS.metadataBytes))
  })

  it('of any kind is held to its own limit', () => {
    const value = jsonValue(4, 'a value')
    expect(value.parse('ab')).toBe('ab')
    expect(value.parse(null)).toBeNull()
    expect(faultOf(value.safeParse('abc'))).toBe('a value must be at most 4 bytes as JSON')
  })

  it.each([null, [], 'a', 1, true])('is no metadata when it is %j', value => {
    expect(faultOf(metadata.safeParse(value))).toBe('must be a JSON object')
  })
})

describe('a line', () => {
  it.each([
    ['a name', true],
    ['→', true],
    ['', false],
    ['  ', false],
    ['\u200b', false],
    ['a\r\nX: y', false],
    ['\u3164\u2800', false],
    ['a\u2028b', false],
    ['a\u202eb', false],
  ])('%j: %s', (given, isOne) => expect(line(20).safeParse(given).success).toBe(isOne))
})

describe('a record', () => {
  const counts = record(z.string(), z.number())

  it('refuses the key __proto__, and takes what else its keys may be', () => {
    expect(faultOf(counts.safeParse(JSON.parse('{"__proto__": 1, "a": 2}')))).toBe(
      'must not contain the key "__proto__"',
    )
    expect(counts.parse({ a: 1, constructor: 2 })).toEqual({ a: 1, constructor: 2 })
    expect(counts.safeParse(null).success).toBe(false)
    expect(counts.safeParse({ a: 'b' }).success).toBe(false)
  })
})
