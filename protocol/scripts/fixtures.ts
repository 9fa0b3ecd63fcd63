import type { z } from 'zod'
import { NOTICES, REQUESTS, ROUTES, RoomEvent } from '../src/index.ts'
import {
  ANSWER_EXAMPLES,
  BODY_EXAMPLES,
  EVENT_EXAMPLES,
  NOTICE_EXAMPLES,
  REQUEST_EXAMPLES,
  RESPONSE_EXAMPLES,
} from './examples.ts'
import { fileNameOf } from './schemas.ts'

/** Values by what they show. Every implementation of the protocol accepts the valid ones and refuses the others. */
export type Fixture = { valid: Record<string, unknown>; invalid: Record<string, unknown> }
export type FixtureEntry = { fixture: Fixture; schema: z.ZodType }

type JsonObject = { [key: string]: unknown }
const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The same value with one place changed. */
const changed = (value: JsonObject, key: string, entry: unknown): JsonObject => ({ ...value, [key]: entry })

/** What is wrong with a string, a number, ... wherever one is expected. */
const wrongFor = (value: unknown): [string, unknown][] => {
  if (typeof value === 'string') {
    return [
      ['is a number', 7],
      ['holds a NUL', `${value}\u0000`],
      ['is too long', 'x'.repeat(300)],
    ]
  }
  if (typeof value === 'number') {
    return [
      ['is text', String(value)],
      ['is below any bound', -7],
      ['is a fraction', 0.5],
    ]
  }
  if (typeof value === 'boolean') return [['is text', String(value)]]
  if (Array.isArray(value)) return [['is an object', { 0: value[0] ?? null }]]
  return [['is an array', [value]]]
}

/**
 * Candidates made from one valid value by one change each: a key missing, one too many, each field of another type.
 * @param value valid
 */
const spoiled = (value: unknown): [string, unknown][] => {
  if (!isObject(value)) return []
  const found: [string, unknown][] = [
    ['is null', null],
    ['is an array', [value]],
    ['has a key too many', { ...value, unexpected: true }],
  ]
  for (const [key, entry] of Object.entries(value)) {
    const { [key]: _, ...rest } = value
    found.push([`lacks ${key}`, rest])
    for (const [what, wrong] of wrongFor(entry)) found.push([`${key} ${what}`, changed(value, key, wrong)])
    if (isObject(entry)) {
      for (const [what, inner] of spoiled(entry).slice(2)) {
        found.push([`${key}.${what}`, changed(value, key, inner)])
      }
    }
  }
  return found
}

/** Written by hand: what no mechanical change of a valid value gives. */
const REFUSED: Readonly<Record<string, Record<string, unknown>>> = {
  'requests/message.send.json': {
    'text and parts': {
      roomId: 'room-1',
      clientId: 'c-1',
      text: 'a',
      parts: [{ mime: 'text/plain', text: 'a' }],
    },
    'empty text': { roomId: 'room-1', clientId: 'c-1', text: '' },
    'no parts': { roomId: 'room-1', clientId: 'c-1', parts: [] },
    'a part of two kinds': {
      roomId: 'room-1',
      clientId: 'c-1',
      parts: [{ mime: 'text/plain', text: 'a', fileId: 'file_1' }],
    },
    'a clientId with a space': { roomId: 'room-1', clientId: 'c 1', text: 'a' },
  },
  'requests/presence.set.json': { 'offline is not set': { status: 'offline' } },
  'requests/node.publish.json': {
    'a node of no known kind': { roomId: 'room-1', node: 'posts', payload: 1 },
  },
  'requests/message.react.json': { 'two words': { roomId: 'room-1', seq: 3, reaction: 'well done' } },
  'requests/export.create.json': {
    'two at once': { roomId: 'room-1', userId: 'ada' },
    nothing: {},
  },
  'requests/room.create.json': { 'a kind that is not': { kind: 'party' } },
  'requests/room.open.json': {
    'the id of a prototype': { roomId: '__proto__' },
    'a page too large': { roomId: 'room-1', limit: 201 },
  },
  'rest/createToken.body.json': { 'lives too shortly': { userId: 'ada', ttlSeconds: 9 } },
}

/** Fixtures by file name below `generated/fixtures/`, with the schema each is for. */
export const createFixtures = (): Map<string, FixtureEntry> => {
  const files = new Map<string, FixtureEntry>()
  const add = (folder: string, name: string, schema: z.ZodType, valid: Record<string, unknown> = {}) => {
    const file = `${folder}/${fileNameOf(name)}`
    if (Object.keys(valid).length === 0) throw new Error(`there is no example of ${file}`)
    const invalid: Record<string, unknown> = {}
    for (const [what, value] of Object.values(valid).flatMap(spoiled)) {
      // A change of a value may leave it valid: optional keys, free JSON.
      if (!(what in invalid) && !schema.safeParse(value).success) invalid[what] = value
    }
    files.set(file, { fixture: { valid, invalid: { ...invalid, ...REFUSED[file] } }, schema })
  }
  for (const [name, { request, response }] of Object.entries(REQUESTS)) {
    add('requests', name, request, REQUEST_EXAMPLES[name])
    add('responses', name, response, RESPONSE_EXAMPLES[name])
  }
  for (const [name, schema] of Object.entries(NOTICES)) add('notices', name, schema, NOTICE_EXAMPLES[name])
  for (const option of RoomEvent.options) {
    const type = option.shape.type.value
    add('events', type, option, EVENT_EXAMPLES[type])
  }
  for (const [name, route] of Object.entries(ROUTES)) {
    if ('body' in route && route.body !== 'bytes')
      add('rest', `${name}.body`, route.body, BODY_EXAMPLES[name])
    if (route.response !== 'bytes') add('rest', `${name}.response`, route.response, ANSWER_EXAMPLES[name])
  }
  return files
}
