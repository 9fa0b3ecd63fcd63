import { z } from 'zod'
import type { ErrorIssue } from './errors.ts'
import { UserId } from './ids.ts'
import { line, record, text } from './json.ts'
import { LIMITS } from './limits.ts'

/** Names that people type and programs read: of commands, arguments and fields. */
export const FieldName = z
  .string()
  .max(LIMITS.fieldNameChars)
  .regex(/^[a-z][a-z0-9_-]*$/, {
    message: `must be a name: small letters, digits, _ and -, beginning with a letter, at most ${LIMITS.fieldNameChars} characters`,
  })

export const Label = line(LIMITS.labelChars)

/** One of what there is to choose from. */
export const Choice = z.strictObject({
  value: text(LIMITS.choiceChars, 1),
  /** What people read; the value itself where nothing stands here. */
  label: text(LIMITS.choiceChars, 1).optional(),
})
export type Choice = z.infer<typeof Choice>
const Choices = z.array(Choice).min(1).max(LIMITS.choicesPerField)

const common = {
  name: FieldName,
  /** What people read; the name where nothing stands here. */
  label: Label.optional(),
  description: text(LIMITS.fieldDescriptionChars).optional(),
  /** It cannot be left out. */
  required: z.boolean().optional(),
}

/** What a bot asks for: an argument of a command, or a field of a form. */
export const Field = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('text'),
    ...common,
    maxChars: z.int().min(1).max(LIMITS.fieldTextChars).optional(),
    /** In a form: more than one line. */
    multiline: z.boolean().optional(),
    /** As an argument: the bot is asked for choices while somebody types. Others may be typed as well. */
    completes: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal('number'),
    ...common,
    min: z.number().optional(),
    max: z.number().optional(),
    /** Without fractions. */
    whole: z.boolean().optional(),
  }),
  z.strictObject({ kind: z.literal('boolean'), ...common }),
  z.strictObject({ kind: z.literal('choice'), ...common, choices: Choices }),
  /** Somebody in the room. */
  z.strictObject({ kind: z.literal('user'), ...common }),
  /** A day, as 2026-11-21. */
  z.strictObject({ kind: z.literal('date'), ...common }),
  /** A moment, ISO 8601 in UTC. */
  z.strictObject({ kind: z.literal('time'), ...common }),
])
export type Field = z.infer<typeof Field>

const canBeGiven = (field: Field): boolean =>
  field.kind !== 'number' || !(Number(field.min) > Number(field.max))

const isNamedOnce = (fields: readonly { name: string }[]): boolean =>
  new Set(fields.map(({ name }) => name)).size === fields.length

export const fields = (max: number) =>
  z
    .array(Field.refine(canBeGiven, { message: 'must have a min that is not above its max' }))
    .max(max)
    .refine(isNamedOnce, { message: 'must not name two alike' })

export const FieldValue = z.union([text(LIMITS.fieldTextChars), z.number(), z.boolean()])
export type FieldValue = z.infer<typeof FieldValue>
/** What somebody gave, by the names of the fields. */
export const FieldValues = record(FieldName, FieldValue).refine(
  values => Object.keys(values).length <= LIMITS.fieldsPerForm,
  {
    message: `must have at most ${LIMITS.fieldsPerForm} values`,
  },
)
export type FieldValues = z.infer<typeof FieldValues>

const Day = z.iso.date()
const Moment = z.iso.datetime()

/** Why a value is none of its field, for people; nothing when it is. */
const faultOf = (field: Field, value: FieldValue): string | undefined => {
  switch (field.kind) {
    case 'text': {
      const max = field.maxChars ?? LIMITS.fieldTextChars
      return typeof value === 'string' && value.length <= max
        ? undefined
        : `must be text of at most ${max} characters`
    }
    case 'number':
      return isWithin(field, value) ? undefined : `must be ${rangeOf(field)}`
    case 'boolean':
      return typeof value === 'boolean' ? undefined : 'must be true or false'
    case 'choice':
      return field.choices.some(choice => choice.value === value)
        ? undefined
        : `must be one of ${field.choices.map(choice => choice.value).join(', ')}`
    case 'user':
      return UserId.safeParse(value).success ? undefined : 'must be the id of somebody in the room'
    case 'date':
      return Day.safeParse(value).success ? undefined : 'must be a day such as 2026-11-21'
    case 'time':
      return Moment.safeParse(value).success
        ? undefined
        : 'must be a time in UTC such as 2026-11-21T09:30:00Z'
  }
}

type Range = { min?: number | undefined; max?: number | undefined; whole?: boolean | undefined }

const isWithin = ({ min, max, whole }: Range, value: FieldValue): boolean =>
  typeof value === 'number' &&
  (min === undefined || value >= min) &&
  (max === undefined || value <= max) &&
  (!whole || Number.isInteger(value))

const rangeOf = ({ min, max, whole }: Range): string => {
  const what = whole ? 'a whole number' : 'a number'
  if (min !== undefined && max !== undefined) return `${what} from ${min} to ${max}`
  if (min !== undefined) return `${what}, ${min} at least`
  return max === undefined ? what : `${what}, ${max} at most`
}

/** What is wrong with values for these fields: nothing when they can be handed on. Clients may ask before they send. */
export const faultsOf = (wanted: readonly Field[], values: FieldValues): ErrorIssue[] => {
  const known = new Set(wanted.map(({ name }) => name))
  const unknown = Object.keys(values).filter(name => !known.has(name))
  return [
    ...unknown.map(name => ({ path: name, message: 'is not asked for' })),
    ...wanted.flatMap(field => {
      const value = Object.hasOwn(values, field.name) ? values[field.name] : undefined
      const isMissing = value === undefined || (value === '' && field.kind === 'text')
      if (isMissing) return field.required ? [{ path: field.name, message: 'is missing' }] : []
      const message = faultOf(field, value)
      return message === undefined ? [] : [{ path: field.name, message }]
    }),
  ]
}
