import { describe, expect, it } from 'vitest'
import { jsonBytes } from './json.ts'
import { LIMITS } from './limits.ts'
import { MessagePost, MessageSend, partsOf, textOf } from './message.ts'
import { parse } from './parse.ts'

const base = { roomId: 'r', clientId: 'c' }
const refusal = (value: unknown, schema: typeof MessageSend | typeof MessagePost = MessageSend): string => {
  try {
    parse(schema, value, 'message:send')
  } catch (error) {
    return (error as Error).message
  }
  throw new Error('it was accepted')
}
const nested = (levels: number) => JSON.parse('['.repeat(levels) + ']'.repeat(levels))

describe('what a message says', () => {
  it('is text or parts, one of the two', () => {
    const part = { mime: 'text/plain', text: 'a' }
    expect(parse(MessageSend, { ...base, text: 'a' }, 'm')).toEqual({ ...base, text: 'a' })
    expect(parse(MessagePost, { parts: [part] }, 'm')).toEqual({ parts: [part] })
    expect(refusal(base)).toContain('either text or parts')
    expect(refusal({ ...base, text: 'a', parts: [part] })).toContain('either text or parts')
    expect(refusal({}, MessagePost)).toContain('either text or parts')
  })

  it('is held to its bytes exactly, over all its parts', () => {
    const room = LIMITS.messageBytes - jsonBytes(['', null])
    const fits = 'x'.repeat(room)
    expect(parse(MessageSend, { ...base, text: fits }, 'm').text).toBe(fits)
    expect(refusal({ ...base, text: `${fits}x` })).toContain(`at most ${LIMITS.messageBytes} bytes`)
    const half = { mime: 'text/plain', text: 'x'.repeat(LIMITS.messageBytes / 2) }
    expect(refusal({ ...base, parts: [half, half] })).toContain(`at most ${LIMITS.messageBytes} bytes`)
    expect(refusal({ ...base, text: 'é'.repeat(LIMITS.messageBytes / 2) })).toContain('bytes')
  })

  it('has at most so many parts', () => {
    const parts = Array(LIMITS.partsPerMessage).fill({ mime: 'text/plain', text: 'a' })
    expect(parse(MessagePost, { parts }, 'm').parts).toHaveLength(LIMITS.partsPerMessage)
    expect(refusal({ parts: [...parts, parts[0]] }, MessagePost)).toContain(String(LIMITS.partsPerMessage))
    expect(refusal({ parts: [] }, MessagePost)).toContain('parts')
  })

  it('names the kinds of parts when it is none of them', () => {
    expect(refusal({ ...base, parts: [{ mime: 'text/plain' }] })).toContain('parts.0')
    expect(refusal({ ...base, parts: [{ mime: 'text/plain', text: 'a', fileId: 'f' }] })).toContain(
      '{mime, text}',
    )
    expect(refusal({ ...base, parts: [{ mime: 'plain', text: 'a' }] })).toContain('mime such as text/plain')
  })

  it('may be nested so deep that no stack holds it, and is refused in words', () => {
    const deep = nested(100_000)
    expect(refusal({ ...base, parts: [{ mime: 'a/b', json: deep }] })).toContain('nested deeper')
    expect(refusal({ ...base, parts: deep })).toContain('parts.0')
    expect(refusal({ ...base, text: 'a', metadata: { deep } })).toContain('nested deeper')
  })
})

it('text is shorthand for one part, and is found again', () => {
  expect(partsOf({ text: 'a' })).toEqual([{ mime: 'text/plain', text: 'a' }])
  expect(textOf(partsOf({ text: 'a' }))).toBe('a')
  expect(textOf([{ mime: 'image/png', fileId: 'f' }])).toBeUndefined()
  expect(textOf([{ mime: 'text/html', text: '<b>' }])).toBeUndefined()
})
