import type { z } from 'zod'
import { type Direction, type JsonSchema, toJsonSchema } from './json-schema.ts'

/** Collects the named schemas that others refer to. */
export class Components {
  readonly #schemas = new Map<string, JsonSchema>()

  /** A schema as it stands in the document, its named parts moved to the components. */
  add(schema: z.ZodType, direction: Direction): JsonSchema {
    const { $schema: _, $defs, ...own } = relink(toJsonSchema(schema, direction)) as JsonSchema
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>)) {
      const known = this.#schemas.get(name)
      if (known && JSON.stringify(known) !== JSON.stringify(definition)) {
        throw new Error(
          `${name} is sent in one shape and answered in another: give the two names of their own`,
        )
      }
      this.#schemas.set(name, definition)
    }
    return own
  }

  all(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

/** `#/$defs/User` as OpenAPI and AsyncAPI place it. */
const relink = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(relink)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      key === '$ref' && typeof entry === 'string'
        ? entry.replace('#/$defs/', '#/components/schemas/')
        : relink(entry),
    ]),
  )
}
