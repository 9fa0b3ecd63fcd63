import type { z } from 'zod'
import { EVENTS, Handshake, NOTICES, Problem, REQUESTS, ROUTES, RoomEvent } from '../src/index.ts'
import { type Direction, type JsonSchema, toJsonSchema } from './json-schema.ts'

/** A colon is no part of a file name everywhere: `message:send` is kept in `message.send.json`. */
export const fileNameOf = (name: string): string => `${name.replaceAll(':', '.')}.json`

/** Every shape of the wire by the name of its file below `schemas/`, each file complete in itself. */
export const createSchemas = (): Map<string, JsonSchema> => {
  const files = new Map<string, JsonSchema>()
  const add = (folder: string, name: string, schema: z.ZodType, direction: Direction) => {
    const { $schema, ...rest } = toJsonSchema(schema, direction)
    files.set(`${folder}/${fileNameOf(name)}`, { $schema, title: name, ...rest })
  }
  for (const [name, { request, response }] of Object.entries(REQUESTS)) {
    add('requests', name, request, 'input')
    add('responses', name, response, 'output')
  }
  for (const [name, schema] of Object.entries(NOTICES)) add('notices', name, schema, 'output')
  const options = new Map(RoomEvent.options.map(option => [option.shape.type.value, option]))
  for (const type of Object.keys(EVENTS) as (keyof typeof EVENTS)[]) {
    const schema = options.get(type)
    if (!schema) throw new Error(`${type} is not part of RoomEvent`)
    add('events', type, schema, 'output')
  }
  for (const [name, route] of Object.entries(ROUTES)) {
    if ('body' in route && route.body !== 'bytes') add('rest', `${name}.body`, route.body, 'input')
    if (route.response !== 'bytes') add('rest', `${name}.response`, route.response, 'output')
  }
  add('.', 'handshake', Handshake, 'input')
  add('.', 'problem', Problem, 'output')
  return new Map([...files].map(([name, schema]) => [name.replace('./', ''), schema]))
}
