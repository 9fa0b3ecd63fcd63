import { z } from 'zod'
import { type Field, FieldName, type FieldValue, type FieldValues, fields } from './field.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'

/** What a bot can be told to do: `/name argument …`. */
export const Command = z.strictObject({
  name: FieldName,
  description: text(LIMITS.fieldDescriptionChars, 1),
  /** In the order in which they are typed. */
  arguments: fields(LIMITS.fieldsPerForm).optional(),
})
export type Command = z.infer<typeof Command>

export const Commands = z
  .array(Command)
  .max(LIMITS.commandsPerBot)
  .refine(commands => new Set(commands.map(({ name }) => name)).size === commands.length, {
    message: 'must not have two of the same name',
  })

/** A word, or what stands between quotation marks; `name:` before it says which argument it is. */
const WORD = /(?:([a-z][a-z0-9_-]*)[:=])?(?:"([^"]*)"|(\S+))/g

/** `/weather "New York" days:3`: the command, and what was typed after it. Nothing for what is no command. */
export const readCommand = (line: string): { name: string; rest: string } | undefined => {
  const [, name, rest = ''] = /^\/([a-z][a-z0-9_-]*)(?:\s+([\s\S]*))?$/.exec(line.trim()) ?? []
  return name === undefined ? undefined : { name, rest }
}

const YES: ReadonlySet<string> = new Set(['true', 'yes', 'on'])
const NO: ReadonlySet<string> = new Set(['false', 'no', 'off'])

/** A word as its field wants it. What does not fit is left for `faultsOf` to refuse. */
const fitted = ({ kind }: Field, word: string): FieldValue => {
  if (kind === 'number' && word.trim() !== '' && Number.isFinite(Number(word))) return Number(word)
  if (kind === 'boolean' && YES.has(word)) return true
  if (kind === 'boolean' && NO.has(word)) return false
  return kind === 'user' ? word.replace(/^@/, '') : word
}

/**
 * What was typed after a command, as its arguments: in their order, or by name (`days:3`). What holds spaces stands in quotation
 * marks; text that comes last needs none.
 */
export const readArguments = (wanted: readonly Field[], typed: string): FieldValues => {
  const values = new Map<string, FieldValue>()
  const last = wanted.at(-1)
  for (const match of typed.matchAll(WORD)) {
    const [whole, name, quoted, word = ''] = match
    const named = wanted.find(field => field.name === name)
    if (named) {
      values.set(named.name, fitted(named, quoted ?? word))
      continue
    }
    const next = wanted.find(field => !values.has(field.name))
    if (!next) {
      // One too many: said by the name that nobody asked for.
      values.set(`argument${wanted.length + 1}`, whole)
      break
    }
    if (next === last && next.kind === 'text' && quoted === undefined) {
      values.set(next.name, typed.slice(match.index).trim())
      break
    }
    values.set(next.name, fitted(next, name === undefined ? (quoted ?? word) : whole))
  }
  return Object.fromEntries(values)
}
