import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { TrunklineError } from './errors.ts'
import { parse } from './parse.ts'
import { REQUESTS } from './requests.ts'

const refusal = (schema: z.ZodType, value: unknown): TrunklineError => {
  try {
    parse(schema, value, 'The thing')
  } catch (error) {
    if (error instanceof TrunklineError) return error
    throw error
  }
  throw new Error('it was accepted')
}

describe('parse', () => {
  it('gives back what fits, defaults filled in', () => {
    const schema = z.strictObject({ a: z.number().default(3) })
    expect(parse(schema, {}, 'it')).toEqual({ a: 3 })
  })

  it('says what was wrong where, in a sentence and for programs', () => {
    const error = refusal(z.strictObject({ a: z.strictObject({ b: z.string() }) }), { a: { b: 1 } })
    expect(error.code).toBe('invalid_request')
    expect(error.status).toBe(400)
    expect(error.message).toBe('The thing is not valid: a.b: Invalid input: expected string, received number')
    expect(error.details?.issues).toEqual([
      { path: 'a.b', message: 'Invalid input: expected string, received number' },
    ])
  })

  it('names a few faults, not all', () => {
    const schema = z.array(z.string())
    expect(refusal(schema, Array(1_000).fill(1)).details?.issues).toHaveLength(5)
  })

  it('does not send back whatever was sent', () => {
    const long = refusal(z.strictObject({}), { ['k'.repeat(100_000)]: 1 })
    expect(long.message.length).toBeLessThan(300)
    const record = z.record(z.string(), z.string())
    expect(refusal(record, { ['k'.repeat(100_000)]: 1 }).message.length).toBeLessThan(500)
    // Cutting may not split a pair: the answer must be valid UTF-8.
    expect(refusal(z.strictObject({}), { ['👋'.repeat(1_000)]: 1 }).message.isWellFormed()).toBe(true)
  })

  it('refuses the key __proto__ like any other that is not known', () => {
    const value = JSON.parse('{"roomId": "a", "typing": true, "__proto__": {"roomId": "b"}}')
    expect(refusal(REQUESTS['typing:set'].request, value).message).toContain('__proto__')
  })

  it('checks what the media engine is sent for depth, not for meaning', () => {
    const { request } = REQUESTS['call:join']
    const deep = JSON.parse('['.repeat(50_000) + ']'.repeat(50_000))
    expect(refusal(request, { roomId: 'a', rtpCapabilities: { codecs: deep } }).message).toContain('deeper')
    expect(refusal(request, { roomId: 'a', rtpCapabilities: [] }).message).toContain('must be an object')
    expect(parse(request, { roomId: 'a', rtpCapabilities: { any: 1 } }, 'it').rtpCapabilities).toEqual({
      any: 1,
    })
  })
})

describe('errors', () => {
  it('travel and come back', () => {
    const error = new TrunklineError('rate_limited', 'Too fast.', { details: { retryAfterMs: 5 } })
    const back = TrunklineError.fromWire(JSON.parse(JSON.stringify(error.toWire())))
    expect([back.code, back.message, back.details, back.retryable]).toEqual([
      'rate_limited',
      'Too fast.',
      { retryAfterMs: 5 },
      true,
    ])
  })
})
