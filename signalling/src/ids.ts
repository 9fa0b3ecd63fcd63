import { createHash, randomBytes } from 'node:crypto'

/** A new id nobody can guess: `<prefix>_` and 96 random bits. */
export const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('hex')}`

/** The same parts always give the same id. For what must be created once however often it is asked for. */
export const derivedId = (prefix: string, ...parts: string[]): string =>
  `${prefix}_${createHash('sha256').update(JSON.stringify(parts)).digest('hex').slice(0, 32)}`
