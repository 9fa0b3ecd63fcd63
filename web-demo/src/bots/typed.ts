import { type Choice, type Field, type FieldValues, type RoomCommand, readArguments } from '@trunkline/sdk'

/** What may be written next, and what stands there then. */
export type Suggestion = { text: string; label: string; hint: string }

/** At most so many are offered at once. */
const OFFERED = 8

/** What follows the slash of a command whose name is being written; undefined when none is. */
export const nameBegun = (text: string): string | undefined => /^\/([a-z0-9_-]*)$/.exec(text)?.[1]

/** Commands whose name begins so. */
export const commandsFor = (commands: readonly RoomCommand[], begun: string): Suggestion[] =>
  commands
    .filter(({ name }) => name.startsWith(begun))
    .slice(0, OFFERED)
    .map(({ name, description, arguments: wanted = [] }) => ({
      text: `/${name} `,
      label: [`/${name}`, ...wanted.map(hintOf)].join(' '),
      hint: description,
    }))

const hintOf = ({ name, required }: Field): string => (required ? name : `[${name}]`)

/** The argument at the end of what was typed after a command: what is written of it, and the ones before. */
export const argumentBegun = (
  wanted: readonly Field[],
  typed: string,
): { field: Field; text: string; before: string; others: FieldValues } | undefined => {
  const [, word = ''] = /(?:^|\s)(\S*)$/.exec(typed) ?? []
  const before = typed.slice(0, typed.length - word.length)
  const [, name, named = ''] = /^([a-z][a-z0-9_-]*)[:=](.*)$/.exec(word) ?? []
  const others = readArguments(wanted, before)
  const isNamed = wanted.find(field => field.name === name)
  const field = isNamed ?? wanted.find(one => !Object.hasOwn(others, one.name))
  if (!field) return undefined
  const text = isNamed ? named : word
  return { field, text, before: isNamed ? `${before}${name}:` : before, others }
}

/** Choices for an argument, as they stand in the line. */
export const choicesFor = (choices: readonly Choice[], line: string): Suggestion[] =>
  choices.slice(0, OFFERED).map(({ value, label = value }) => ({
    text: `${line}${/\s/.test(value) ? `"${value}"` : value} `,
    label,
    hint: label === value ? '' : value,
  }))
