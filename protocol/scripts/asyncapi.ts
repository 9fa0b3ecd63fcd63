import type { z } from 'zod'
import {
  ERRORS,
  Handshake,
  NOTICES,
  OPERATIONS,
  PROTOCOL_VERSION,
  REQUESTS,
  type RequestName,
} from '../src/index.ts'
import { Components } from './components.ts'
import type { JsonSchema } from './json-schema.ts'

const ref = (to: string) => ({ $ref: to })
const nameOf = (name: string): string => name.replaceAll(':', '.')

/** What is sent with a request, and what its acknowledgement carries. */
const requestMessages = (components: Components, name: RequestName) => {
  const { request, response } = REQUESTS[name] as { request: z.ZodType; response: z.ZodType }
  const summary = name in OPERATIONS ? OPERATIONS[name as keyof typeof OPERATIONS].summary : undefined
  return {
    [nameOf(name)]: {
      name,
      ...(summary ? { summary } : {}),
      payload: components.add(request, 'input'),
    },
    [`${nameOf(name)}.answer`]: {
      name: `${name} (acknowledgement)`,
      payload: {
        oneOf: [
          {
            type: 'object',
            required: ['ok', 'data'],
            properties: { ok: { const: true }, data: components.add(response, 'output') },
          },
          ref('#/components/schemas/Refusal'),
        ],
      },
    },
  }
}

/** The Socket.IO side as an AsyncAPI 3.0 document: https://www.asyncapi.com/docs/reference/specification/v3.0.0 */
export const createAsyncApi = (): JsonSchema => {
  const components = new Components()
  const requests = Object.keys(REQUESTS) as RequestName[]
  const messages = {
    ...Object.assign({}, ...requests.map(name => requestMessages(components, name))),
    ...Object.fromEntries(
      Object.entries(NOTICES).map(([name, schema]) => [
        nameOf(name),
        { name, payload: components.add(schema, 'output') },
      ]),
    ),
  }
  const channel = ref('#/channels/socket')
  const inChannel = (name: string) => ref(`#/channels/socket/messages/${name}`)
  const operations = {
    ...Object.fromEntries(
      requests.map(name => [
        nameOf(name),
        {
          // Seen from the server, which this document describes.
          action: 'receive',
          channel,
          messages: [inChannel(nameOf(name))],
          reply: { channel, messages: [inChannel(`${nameOf(name)}.answer`)] },
        },
      ]),
    ),
    ...Object.fromEntries(
      Object.keys(NOTICES).map(name => [
        nameOf(name),
        { action: 'send', channel, messages: [inChannel(nameOf(name))] },
      ]),
    ),
  }
  const handshake = components.add(Handshake, 'input')
  return {
    asyncapi: '3.0.0',
    info: {
      title: 'Trunkline',
      version: String(PROTOCOL_VERSION),
      description:
        'Socket.IO 4 at the path /socket.io. A request is an event with one object and an acknowledgement, answered exactly once: {ok: true, data} or {ok: false, error}. Notices are events with one object and no acknowledgement.',
      license: { name: 'Apache-2.0' },
    },
    defaultContentType: 'application/json',
    channels: {
      socket: {
        address: '/socket.io',
        description: 'What the client sends as `auth` when it connects stands in the binding.',
        bindings: { ws: { method: 'GET', bindingVersion: '0.1.0' } },
        'x-socket-io-auth': handshake,
        messages: Object.fromEntries(
          Object.keys(messages).map(name => [name, ref(`#/components/messages/${name}`)]),
        ),
      },
    },
    operations,
    components: {
      messages,
      schemas: {
        ...components.all(),
        Refusal: {
          type: 'object',
          required: ['ok', 'error'],
          properties: {
            ok: { const: false },
            error: {
              type: 'object',
              required: ['code', 'message'],
              properties: {
                code: { enum: Object.keys(ERRORS) },
                message: { type: 'string', description: 'What was wrong and what to do' },
                details: { type: 'object' },
                requestId: { type: 'string' },
              },
            },
          },
        },
      },
    },
  }
}
