import { z } from 'zod'
import { LIMITS } from './limits.ts'

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json }

/**
 * Text that every store and every client can hold: no NUL (PostgreSQL refuses it) and no lone surrogates
 * (not expressible in UTF-8).
 */
export const isStorableText = (text: string): boolean => !text.includes('\u0000') && text.isWellFormed()

export const NOT_STORABLE = 'must not contain NUL characters or broken Unicode'

/** A storable string of at most `max` characters. */
export const text = (max: number, min = 0) =>
  z.string().min(min).max(max).refine(isStorableText, { message: NOT_STORABLE })

/** Nothing of it is drawn. */
const BLANK = /[\p{Default_Ignorable_Code_Point}\u2800]/gu
/** It ends a line, or turns the direction in which what follows is read. */
const TURN = /[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/u

const isSeen = (text: string): boolean =>
  /[\p{L}\p{N}\p{P}\p{S}]/u.test(text.replace(BLANK, '')) && !TURN.test(text)

/** What people are to read in one line, in a list or on a button: of blanks alone nothing would be there. */
export const line = (max: number) =>
  text(max, 1).refine(isSeen, { message: 'must have something to be seen, and no control characters' })

const FORBIDDEN_KEYS = new Set(['__proto__'])

/** Says what is wrong with a JSON value from outside, or nothing. Walks with its own stack: depth is hostile input. */
export const jsonFault = (value: unknown): string | undefined => {
  const stack: [unknown, number][] = [[value, 0]]
  for (let next = stack.pop(); next; next = stack.pop()) {
    const [item, depth] = next
    if (depth > LIMITS.jsonDepth) return `must not be nested deeper than ${LIMITS.jsonDepth} levels`
    if (item === null || typeof item === 'boolean') continue
    if (typeof item === 'number') {
      if (!Number.isFinite(item)) return 'must not contain numbers that are not finite'
    } else if (typeof item === 'string') {
      if (!isStorableText(item)) return NOT_STORABLE
    } else if (Array.isArray(item)) {
      for (const entry of item) stack.push([entry, depth + 1])
    } else if (typeof item === 'object' && Object.getPrototypeOf(item) === Object.prototype) {
      for (const [key, entry] of Object.entries(item)) {
        if (FORBIDDEN_KEYS.has(key)) return `must not contain the key "${key}"`
        if (!isStorableText(key)) return NOT_STORABLE
        stack.push([entry, depth + 1])
      }
    } else {
      return 'must be plain JSON'
    }
  }
  return undefined
}

const utf8 = new TextEncoder()

/** Size in bytes of a value as JSON in UTF-8. */
export const jsonBytes = (value: unknown): number => utf8.encode(JSON.stringify(value) ?? '').byteLength

const checkJson = (max: number, what: string) => (value: unknown, ctx: z.RefinementCtx) => {
  const fault = jsonFault(value)
  if (fault) {
    ctx.addIssue({ code: 'custom', message: fault })
    return
  }
  if (jsonBytes(value) > max)
    ctx.addIssue({ code: 'custom', message: `${what} must be at most ${max} bytes as JSON` })
}

/** Any JSON value of at most `max` bytes. */
export const jsonValue = (max: number, what: string) =>
  z.unknown().superRefine(checkJson(max, what)) as unknown as z.ZodType<Json, Json>

/** A JSON object, as apps attach to rooms and messages. */
export const metadata = z
  // Not z.looseObject: it copies keys one by one, and "__proto__" would be lost before the check sees it.
  .unknown()
  .refine(value => typeof value === 'object' && value !== null && !Array.isArray(value), {
    message: 'must be a JSON object',
    abort: true,
  })
  .superRefine(checkJson(LIMITS.metadataBytes, 'metadata'))
  .meta({ type: 'object' }) as unknown as z.ZodType<{ [key: string]: Json }, { [key: string]: Json }>

/** An object whose keys others choose. zod drops "__proto__" from its records in silence; here it is refused. */
export const record = <V extends z.ZodType>(
  key: z.ZodString,
  value: V,
): z.ZodType<Record<string, z.output<V>>, Record<string, z.input<V>>> =>
  z.preprocess(
    (given, ctx) => {
      const forbidden = [...FORBIDDEN_KEYS].find(
        name => typeof given === 'object' && given !== null && Object.hasOwn(given, name),
      )
      if (forbidden) ctx.addIssue({ code: 'custom', message: `must not contain the key "${forbidden}"` })
      return given
    },
    z.record(key, value),
  ) as unknown as z.ZodType<Record<string, z.output<V>>, Record<string, z.input<V>>>
