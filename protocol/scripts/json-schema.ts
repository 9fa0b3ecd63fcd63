import { z } from 'zod'
import * as protocol from '../src/index.ts'

/** A JSON Schema (2020-12) as plain data. */
export type JsonSchema = { [keyword: string]: unknown }

/** Whether a schema describes what is sent to us (defaults may be left out) or what we answer. */
export type Direction = 'input' | 'output'

/** Shapes with a name of their own in the documents: whatever contains one refers to it. */
const NAMED = {
  AccessModel: protocol.AccessModel,
  Ban: protocol.Ban,
  Call: protocol.Call,
  ConsumerOptions: protocol.ConsumerOptions,
  CustomStatus: protocol.CustomStatus,
  Derivative: protocol.Derivative,
  DtlsParameters: protocol.DtlsParameters,
  GrantedRole: protocol.GrantedRole,
  IceParameters: protocol.IceParameters,
  IceServer: protocol.IceServer,
  InboxEntry: protocol.InboxEntry,
  IssuedToken: protocol.IssuedToken,
  Job: protocol.Job,
  LinkedFile: protocol.LinkedFile,
  Member: protocol.Member,
  Message: protocol.Message,
  MessagePart: protocol.MessagePart,
  MessagePost: protocol.MessagePost,
  MessageVersion: protocol.MessageVersion,
  NodeItem: protocol.NodeItem,
  Participant: protocol.Participant,
  PendingEntry: protocol.PendingEntry,
  Presence: protocol.Presence,
  PresenceStatus: protocol.PresenceStatus,
  Problem: protocol.Problem,
  ReactionCount: protocol.ReactionCount,
  Role: protocol.Role,
  Room: protocol.Room,
  RoomEvent: protocol.RoomEvent,
  RoomKind: protocol.RoomKind,
  RoomNews: protocol.RoomNews,
  RoomPost: protocol.RoomPost,
  RoomPreview: protocol.RoomPreview,
  RoomWithMembership: protocol.RoomWithMembership,
  ScheduledMessage: protocol.ScheduledMessage,
  SearchHit: protocol.SearchHit,
  Storyboard: protocol.Storyboard,
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
  [
    protocol.OPERATIONS['ephemeral:show'].request,
    { oneOf: [{ required: ['text'] }, { required: ['parts'] }] },
  ],
  [protocol.OPERATIONS['message:edit'].request, { oneOf: [{ required: ['text'] }, { required: ['parts'] }] }],
  [
    protocol.OPERATIONS['message:schedule'].request,
    { oneOf: [{ required: ['text'] }, { required: ['parts'] }] },
  ],
  [
    protocol.OPERATIONS['export:create'].request,
    { oneOf: [{ required: ['roomId'] }, { required: ['userId'] }] },
  ],
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
