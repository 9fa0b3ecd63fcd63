import type { z } from 'zod'

/** A setting that cannot be used, in one line that an operator can act on. */
export class ConfigError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ConfigError'
  }
}

/** The example a setting was described with, also below a default or an optional. */
const exampleOf = (schema: z.ZodType | undefined): string | undefined => {
  for (let next = schema; next; next = (next.def as { innerType?: z.ZodType }).innerType) {
    if (next.description) return next.description
  }
  return undefined
}

/**
 * Reads settings from environment variables, all faults reported together.
 * @param schema keyed by variable name; `describe()` gives the example shown with a fault
 * @throws ConfigError naming each variable, what was wrong with it and an example
 */
export const readConfig = <T extends z.ZodObject>(
  schema: T,
  env: Readonly<Record<string, string | undefined>>,
): Readonly<z.output<T>> => {
  // An empty variable is an unset one: compose files and shells write `NAME=` for "nothing".
  const given = Object.fromEntries(
    Object.keys(schema.shape).flatMap(name => (env[name] ? [[name, env[name]] as const] : [])),
  )
  const result = schema.safeParse(given)
  if (result.success) return Object.freeze(result.data)
  const faults = result.error.issues.map(issue => {
    const name = String(issue.path[0])
    const example = exampleOf(schema.shape[name] as z.ZodType | undefined)
    return `${name} ${issue.message}${example ? ` (for example ${name}=${example})` : ''}`
  })
  throw new ConfigError(faults.join('; '))
}
