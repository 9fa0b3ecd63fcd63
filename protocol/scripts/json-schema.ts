import { z } from 'zod'
import * as protocol from '../src/index.ts'

/** A JSON Schema (2020-12) as plain data. */
export type JsonSchema = { [keyword: string]: unknown }

/** Whether a schema describes what is sent to us (defaults may be left out) or what we answer. */
export type Direction = 'input' | 'output'

/** Shapes with a name of their own in the documents: whatever contains one refers to it. */
const NAMED = {
  Call: protocol.Call,
  ConsumerOptions: protocol.ConsumerOptions,
  DtlsParameters: protocol.DtlsParameters,
  GrantedRole: protocol.GrantedRole,
  IceParameters: protocol.IceParameters,
  IceServer: protocol.IceServer,
  IssuedToken: protocol.IssuedToken,
  Member: protocol.Member,
  Message: protocol.Message,
  MessagePart: protocol.MessagePart,
  MessagePost: protocol.MessagePost,
  Participant: protocol.Participant,
  PresenceStatus: protocol.PresenceStatus,
  Problem: protocol.Problem,
  Role: protocol.Role,
  Room: protocol.Room,
  RoomEvent: protocol.RoomEvent,
  RoomKind: protocol.RoomKind,
  RoomPost: protocol.RoomPost,
  StoredFile: protocol.StoredFile,
  TokenRequest: protocol.TokenRequest,
  Track: protocol.Track,
  TransportOptions: protocol.TransportOptions,
  User: protocol.User,
}
for (const [id, schema] of Object.entries(NAMED)) {
  z.globalRegistry.add(schema, { ...z.globalRegistry.get(schema), id })
}

/** Rules that the zod schemas state in code, said in JSON Schema. */
const RULES = new Map<z.core.$ZodType, JsonSchema>([
  [protocol.MessageSend, { oneOf: [{ required: ['text'] }, { required: ['parts'] }] }],
  [protocol.MessagePost, { oneOf: [{ required: ['text'] }, { required: ['parts'] }] }],
])

/**
 * What a zod schema accepts (`input`) or gives (`output`), as JSON Schema; named parts are in `$defs`.
 * Limits in bytes and the refusal of broken Unicode have no words there: the server checks them all the same.
 */
export const toJsonSchema = (schema: z.ZodType, direction: Direction): JsonSchema => {
  const json = z.toJSONSchema(schema, {
    io: direction,
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema }) => {
      Object.assign(jsonSchema, RULES.get(zodSchema))
      delete (jsonSchema as JsonSchema).id
      // zod's own pattern spells the calendar out; the format says that already, all but the time zone.
      if (jsonSchema.format === 'date-time') jsonSchema.pattern = 'Z$'
    },
  }) as JsonSchema
  // zod hangs a reference to itself on its answer; what is wanted is the data.
  return JSON.parse(JSON.stringify(json))
}
