import { z } from 'zod'
import { fields, Label } from './field.ts'
import { LIMITS } from './limits.ts'

/** Chosen by the bot, which hears it again: told apart within one message. */
export const ControlId = z
  .string()
  .max(LIMITS.controlIdChars)
  .regex(/^[A-Za-z0-9][A-Za-z0-9_.:-]*$/, {
    message: 'must be letters, digits and _ . : - only, beginning with a letter or digit',
  })

/** Asks its bot at once. */
export const Button = z.strictObject({
  type: z.literal('button'),
  id: ControlId,
  label: Label,
  /** How it looks: what one mostly wants, or what cannot be undone. */
  style: z.enum(['primary', 'danger']).optional(),
  /** Shown, and not to be pressed. */
  disabled: z.boolean().optional(),
})
export type Button = z.infer<typeof Button>

/** A button that opens fields to fill in first. */
export const Form = z.strictObject({
  type: z.literal('form'),
  id: ControlId,
  label: Label,
  style: z.enum(['primary', 'danger']).optional(),
  disabled: z.boolean().optional(),
  /** Stands above the fields. */
  title: Label.optional(),
  fields: fields(LIMITS.fieldsPerForm).min(1),
  /** What the button that sends it says. */
  submit: Label.optional(),
})
export type Form = z.infer<typeof Form>

/** What a bot puts below its message, to be pressed or filled in by those who read it. */
export const Control = z.discriminatedUnion('type', [Button, Form])
export type Control = z.infer<typeof Control>

export const Controls = z
  .array(Control)
  .min(1)
  .max(LIMITS.controlsPerMessage)
  .refine(controls => new Set(controls.map(({ id }) => id)).size === controls.length, {
    message: 'must not have two of the same id',
  })
