import { expect, it } from 'vitest'
import type { z } from 'zod'
import { BotAnswer, CompletionAnswer } from './bot.ts'
import { Command, Commands } from './command.ts'
import { Button, Controls, Form } from './control.ts'
import { DeviceTarget, Locale } from './device.ts'
import { Choice, Field, FieldName, FieldValues, faultsOf } from './field.ts'
import { LIMITS } from './limits.ts'
import { NotificationSettings, QuietHours } from './notification.ts'
import { OPERATIONS } from './operations.ts'
import { parse } from './parse.ts'
import { PushTemplate } from './push.ts'
import { EventFilter } from './webhook.ts'

/** What makes something of a size, from the smallest that is one. */
type Case = [name: keyof typeof LIMITS, schema: z.ZodType, make: (size: number) => unknown]

const chars = (count: number) => 'a'.repeat(count)
const many = <T>(count: number, one: (n: number) => T) => Array.from({ length: count }, (_, n) => one(n))
const text = (n: number) => ({ kind: 'text', name: `field-${n}` })
const button = (n: number) => ({ type: 'button', id: `b${n}`, label: 'Yes' })
const device = OPERATIONS['device:register'].request
const fcm = { kind: 'fcm', token: 'token' }
const quiet = { start: '22:00', end: '07:00', after: 'hold' }
const template = { type: 'message.created', locale: 'de', title: 'a', body: 'a' }
const settings = NotificationSettings.partial()

const CASES: Case[] = [
  ['webhookTypes', EventFilter, size => ({ types: many(size, () => 'message.created') })],
  ['webhookRooms', EventFilter, size => ({ roomIds: many(size, n => `room-${n}`) })],
  [
    'webhookMetadata',
    EventFilter,
    size => ({ metadata: Object.fromEntries(many(size, n => [`key${n}`, n])) }),
  ],
  ['webhookFilterChars', EventFilter, size => ({ metadata: { [chars(size)]: 1 } })],
  ['webhookFilterChars', EventFilter, size => ({ metadata: { key: chars(size) } })],
  ['deviceNameChars', device, size => ({ target: fcm, name: chars(size) })],
  ['pushTokenChars', DeviceTarget, size => ({ kind: 'fcm', token: chars(size) })],
  ['apnsTokenChars', DeviceTarget, size => ({ kind: 'apns', token: chars(size), topic: 'org.example' })],
  ['apnsTopicChars', DeviceTarget, size => ({ kind: 'apns', token: chars(64), topic: chars(size) })],
  ['localeChars', Locale, size => `de${'-x'.repeat(size / 2 - 1)}${size % 2 ? 'x' : ''}`],
  ['templateTitleChars', PushTemplate, size => ({ ...template, title: chars(size) })],
  ['templateBodyChars', PushTemplate, size => ({ ...template, body: chars(size) })],
  ['digestMinutesMax', settings, size => ({ digestMinutes: size })],
  ['commandsPerBot', Commands, size => many(size, n => ({ name: `command-${n}`, description: 'Does' }))],
  ['fieldsPerForm', Form, size => ({ type: 'form', id: 'f', label: 'Fill in', fields: many(size, text) })],
  ['fieldsPerForm', Command, size => ({ name: 'c', description: 'Does', arguments: many(size, text) })],
  ['fieldsPerForm', FieldValues, size => Object.fromEntries(many(size, n => [`field-${n}`, n]))],
  ['fieldNameChars', FieldName, chars],
  ['fieldDescriptionChars', Command, size => ({ name: 'c', description: chars(size) })],
  ['fieldDescriptionChars', Field, size => ({ ...text(0), description: chars(size) })],
  ['fieldTextChars', FieldValues, size => ({ field: chars(size) })],
  ['fieldTextChars', Field, size => ({ ...text(0), maxChars: size })],
  [
    'fieldTextChars',
    OPERATIONS['command:run'].request,
    size => ({ roomId: 'r', name: 'c', text: chars(size), clientId: 'c' }),
  ],
  ['labelChars', Button, size => ({ ...button(0), label: chars(size) })],
  ['choicesPerField', CompletionAnswer, size => ({ choices: many(size, n => ({ value: `${n}` })) })],
  [
    'choicesPerField',
    Field,
    size => ({ kind: 'choice', name: 'c', choices: many(size, n => ({ value: `${n}` })) }),
  ],
  ['choiceChars', Choice, size => ({ value: chars(size) })],
  ['controlsPerMessage', Controls, size => many(size, button)],
  ['controlsPerMessage', BotAnswer, size => ({ text: 'a', controls: many(size, button) })],
  ['controlIdChars', Button, size => ({ ...button(0), id: chars(size) })],
]

it.each(CASES)('%s holds, and its error says how much may be', (name, schema, make) => {
  const limit = LIMITS[name]
  expect(() => parse(schema, make(limit), name)).not.toThrow()
  expect(() => parse(schema, make(limit + 1), name)).toThrow(new RegExp(`not valid.*\\b${limit}\\b`))
})

it('digests come no more often than every so many minutes', () => {
  const make = (digestMinutes: number) => () => parse(settings, { digestMinutes }, 'it')
  expect(make(LIMITS.digestMinutesMin)).not.toThrow()
  expect(make(LIMITS.digestMinutesMin - 1)).toThrow(`>=${LIMITS.digestMinutesMin}`)
})

it('addresses and time zones that are far too long are refused', () => {
  const address = `a@${`${chars(60)}.`.repeat(5)}org`
  expect(address.length).toBeGreaterThan(LIMITS.emailChars)
  expect(() => parse(DeviceTarget, { kind: 'email', address }, 'it')).toThrow('not valid')
  expect(() => parse(DeviceTarget, { kind: 'email', address: 'ada@example.org' }, 'it')).not.toThrow()
  const timeZone = chars(LIMITS.timeZoneChars + 1)
  expect(() => parse(QuietHours, { ...quiet, timeZone }, 'it')).toThrow(String(LIMITS.timeZoneChars))
  expect(() => parse(QuietHours, { ...quiet, timeZone: 'Europe/Berlin' }, 'it')).not.toThrow()
})

it('a field may ask for less than a text may have', () => {
  const field = { kind: 'text' as const, name: 'why', maxChars: 3 }
  expect(faultsOf([field], { why: 'abc' })).toEqual([])
  expect(faultsOf([field], { why: 'abcd' })).toEqual([
    { path: 'why', message: 'must be text of at most 3 characters' },
  ])
})
