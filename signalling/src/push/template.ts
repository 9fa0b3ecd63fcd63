import { PLACEHOLDERS, type TemplateType, TrunklineError } from '@trunkline/protocol'

/** Title and body, with placeholders such as `{{sender.name}}`. */
export type Words = { title: string; body: string }
export type Values = Readonly<Record<string, string>>

/** What is said where nobody chose anything else. */
export const BUILT_IN: Readonly<Record<TemplateType, Words>> = {
  'message.created': { title: '{{from}}', body: '{{message.text}}' },
  'member.invited': { title: '{{room.title}}', body: '{{sender.name}} invites you' },
  'ring.started': { title: '{{from}}', body: 'Incoming call' },
  'ring.ended': { title: '{{from}}', body: 'Missed call' },
  digest: { title: '{{unread}} unread', body: 'Of these, {{mentions}} speak to you' },
}
export const BUILT_IN_LOCALE = 'en'

/** What a template says of an example, for previews. */
export const EXAMPLES: Values = {
  from: 'Ada · Ward 7',
  'sender.name': 'Ada',
  'room.title': 'Ward 7',
  'message.text': 'Who has bed 14?',
  media: 'video',
  unread: '3',
  mentions: '1',
}

const PLACEHOLDER = /\{\{([^{}]*)\}\}/g
/** Characters that are not seen and change how those around them are: a name is not to turn a sentence around. */
const UNSEEN = /[\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]+/gu

/** Of a language, its languages without region and script, the nearest first; none of them is known yet. */
export const localesOf = (locale: string | undefined): string[] => {
  const parts = locale?.toLowerCase().split('-') ?? []
  return parts.map((_, at) => parts.slice(0, parts.length - at).join('-'))
}

/** @throws TrunklineError `invalid_request` for a placeholder that events of this type do not have, or half of one */
export const assertTemplate = (type: TemplateType, words: Words): void => {
  const known: readonly string[] = PLACEHOLDERS[type]
  for (const [field, text] of Object.entries(words)) {
    for (const [, name = ''] of text.matchAll(PLACEHOLDER)) {
      if (known.includes(name.trim())) continue
      throw new TrunklineError(
        'invalid_request',
        `${field}: there is no {{${name}}} in a template of ${type}, only ${known.map(it => `{{${it}}}`).join(', ')}.`,
      )
    }
    if (/\{\{|\}\}/.test(text.replaceAll(PLACEHOLDER, ''))) {
      throw new TrunklineError(
        'invalid_request',
        `${field}: a placeholder begins with {{ and ends with }}, with its name between.`,
      )
    }
  }
}

/** Puts values in the places of their names, once: what looks like a placeholder in a value stays what it is. */
export const render = (text: string, values: Values, max: number): string => {
  const said = text.replaceAll(PLACEHOLDER, (_, name: string) => {
    const value = Object.hasOwn(values, name.trim()) ? values[name.trim()] : undefined
    return (value ?? '').replaceAll(UNSEEN, ' ')
  })
  return shortened(said.trim(), max)
}

/** At most `max` characters, cut between characters. */
const shortened = (text: string, max: number): string => {
  if (text.length <= max) return text
  return `${text.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…`
}
