import type { z } from 'zod'

type Def = { type: string; innerType?: z.ZodType; element?: z.ZodType; in?: z.ZodType }

/** What a field is beneath `optional`, `nullable`, `default` and the like. */
const kindOf = (schema: z.ZodType): string => {
  const def = schema.def as unknown as Def
  if (def.innerType) return kindOf(def.innerType)
  if (def.type === 'pipe' && def.in) return kindOf(def.in)
  return def.type
}

const isNumber = /^-?\d+(\.\d+)?$/

/** One field of an address, where everything is text, as its schema wants it. What does not fit is left for the schema to refuse. */
const readField = (kind: string, value: unknown): unknown => {
  if (kind === 'array') return Array.isArray(value) ? value : String(value).split(',')
  if (typeof value !== 'string') return value
  if (kind === 'number') return isNumber.test(value) ? Number(value) : value
  if (kind === 'boolean') return value === 'true' ? true : value === 'false' ? false : value
  return value
}

/** Fields from a path or a query: numbers and booleans are written out, lists are separated by commas or repeated. */
export const readFields = (schema: z.ZodObject, values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => {
      // What is not its own is not a field: `constructor` is one of every object.
      const field = Object.hasOwn(schema.shape, name) ? (schema.shape[name] as z.ZodType) : undefined
      return [name, field ? readField(kindOf(field), value) : value]
    }),
  )
