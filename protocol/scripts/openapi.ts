import { z } from 'zod'
import {
  type Caller,
  ERRORS,
  type ErrorCode,
  IdempotencyKey,
  OPERATIONS,
  type Operation,
  type OperationName,
  PROTOCOL_VERSION,
  Problem,
  ROUTES,
  type RouteName,
  UserId,
} from '../src/index.ts'
import { Components } from './components.ts'
import { type JsonSchema, toJsonSchema } from './json-schema.ts'
import { TAGS, tagOf } from './tags.ts'
import { uploadPaths } from './uploads.ts'
import { whipPaths } from './whip.ts'

type Route = {
  method: string
  path: string
  summary: string
  callers: readonly Caller[]
  /** The socket request that does the same. */
  socket?: string
  params?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType | 'bytes'
  response: z.ZodType | 'bytes'
  status: number
}

/** Kind of bytes a route answers with, where it is always the same. */
const MEDIA_TYPE_OF: Partial<Record<RouteName, string>> = { getAvatar: 'image/webp' }

const SECURITY: Readonly<Record<Caller, Record<string, string[]>>> = {
  key: { apiKey: [] },
  user: { userToken: [] },
  anyone: {},
}

const parametersOf = (components: Components, place: 'path' | 'query', schema?: z.ZodObject) => {
  if (!schema) return []
  const { properties } = components.add(schema, 'output') as { properties: Record<string, JsonSchema> }
  // What has a default may be left out, which only the input says.
  const { required = [] } = toJsonSchema(schema, 'input') as { required?: string[] }
  return Object.entries(properties).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path' || required.includes(name),
    schema: property,
    // `ids=a,b`, not `ids=a&ids=b`.
    ...(property.type === 'array' ? { explode: false } : {}),
  }))
}

const { $schema: _, ...idempotencyKey } = toJsonSchema(IdempotencyKey, 'input')

const IDEMPOTENCY_KEY = {
  name: 'Idempotency-Key',
  in: 'header',
  required: false,
  description: 'A retry with the same key has the effect of one request.',
  schema: idempotencyKey,
}

/** Statuses a route may refuse with. */
const refusalsOf = ({ method, callers, params, query, body, response, socket }: Route): number[] => {
  const statuses = new Set([500, 503])
  if (params || query || body || method === 'post') statuses.add(400)
  if (!callers.includes('anyone') || callers.length > 1) for (const status of [401, 403]) statuses.add(status)
  if (callers.includes('anyone')) statuses.add(401)
  if (query && 'signature' in query.shape) statuses.add(403)
  if (params || callers.includes('anyone')) statuses.add(404)
  if (body) for (const status of [409, 413, 415, 422, 429]) statuses.add(status)
  if (socket) for (const status of [409, 422, 429]) statuses.add(status)
  if (response === 'bytes') statuses.add(416)
  return [...statuses].sort((a, b) => a - b)
}

/** Socket requests whose REST route answers in another shape. */
const SOCKET_REQUEST_OF: Partial<Record<RouteName, string>> = {
  createMessage: 'message:send',
  listEvents: 'room:sync',
}

/** A name that generators of clients take: `message:send` is `messageSend`. */
const idOf = (name: string): string => name.replace(/:(\w)/, (_, letter: string) => letter.toUpperCase())

const SENDER = UserId.optional().describe(
  "For API keys: the user it is done in the name of. A user's token names its own user.",
)

/** An operation as REST offers it: its fields shared out over path, query and body. */
const routeOf = (name: OperationName): Route => {
  const { request, response, rest, summary, right, sender }: Operation = OPERATIONS[name]
  const inPath = [...rest.path.matchAll(/\{(\w+)\}/g)].map(([, field]) => field as string)
  // Checks over several fields have no place in parts of them; what they demand stands among the rules.
  const fields = request.shape as Record<string, z.ZodType>
  const only = (names: readonly string[]) =>
    z.strictObject(Object.fromEntries(names.map(name => [name, fields[name] as z.ZodType])))
  const elsewhere = Object.keys(request.shape).filter(field => !inPath.includes(field))
  const others = only(elsewhere).extend({ sender: SENDER })
  const hasBody = rest.method !== 'get' && rest.method !== 'delete'
  const inRoom = right === 'none' ? '' : ` Needs the right to ${right} in the room.`
  const named = sender === 'required' ? ' An API key names the user in sender.' : ''
  return {
    ...rest,
    summary: `${summary}.${inRoom}${named}`,
    callers: ['key', 'user'],
    socket: name,
    ...(inPath.length > 0 ? { params: only(inPath) } : {}),
    ...(hasBody ? { body: others } : { query: others }),
    response,
  }
}

const operationOf = (components: Components, name: RouteName | OperationName, route: Route) => {
  const { method, summary, callers, body, response, status } = route
  const parameters = [
    ...parametersOf(components, 'path', route.params),
    ...parametersOf(components, 'query', route.query),
    // Somebody unknown cannot be told apart from somebody else who chose the same key.
    ...(method === 'post' && !callers.includes('anyone')
      ? [{ $ref: '#/components/parameters/IdempotencyKey' }]
      : []),
  ]
  const requestBody = body && {
    required: true,
    content:
      body === 'bytes'
        ? { 'application/octet-stream': {} }
        : { 'application/json': { schema: components.add(body, 'input') } },
  }
  const isBytes = response === 'bytes'
  const content = isBytes
    ? { [MEDIA_TYPE_OF[name as RouteName] ?? 'application/octet-stream']: {} }
    : { 'application/json': { schema: components.add(response, 'output') } }
  const responses = {
    [status]: { description: summary, content },
    ...(isBytes
      ? {
          206: { description: 'The part that Range asked for', content },
          304: { description: 'Not changed since If-None-Match' },
        }
      : {}),
    ...Object.fromEntries(
      refusalsOf(route).map(refusal => [refusal, { $ref: `#/components/responses/Problem${refusal}` }]),
    ),
  }
  return {
    operationId: idOf(name),
    ...(route.socket ? { 'x-socket-request': route.socket } : {}),
    summary,
    tags: [tagOf(name)],
    security: callers.map(caller => SECURITY[caller]),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(requestBody ? { requestBody } : {}),
    responses,
  }
}

/** The same route with its field called as in another path. */
const renamed = (route: Route, path: string): Route => {
  const [schema] = Object.values(route.params?.shape ?? {}) as z.ZodType[]
  const [, name = ''] = /\{(\w+)\}/.exec(path) ?? []
  return schema === undefined ? route : { ...route, path, params: z.object({ [name]: schema }) }
}

/** One answer per HTTP status, naming the codes it may carry. */
const problems = (components: Components) => {
  const byStatus = new Map<number, ErrorCode[]>()
  for (const [code, { status }] of Object.entries(ERRORS)) {
    byStatus.set(status, [...(byStatus.get(status) ?? []), code as ErrorCode])
  }
  const schema = components.add(Problem, 'output')
  return Object.fromEntries(
    [...byStatus].map(([status, codes]) => [
      `Problem${status}`,
      {
        description: codes
          .map(code => `\`${code}\`: ${ERRORS[code].title}${ERRORS[code].retryable ? ' (try again)' : ''}`)
          .join('. '),
        content: { 'application/problem+json': { schema } },
      },
    ]),
  )
}

/** The REST API as an OpenAPI 3.1 document: https://spec.openapis.org/oas/v3.1.1.html */
export const createOpenApi = (): JsonSchema => {
  const components = new Components()
  const paths: Record<string, Record<string, unknown>> = {}
  const add = (name: RouteName | OperationName, route: Route) => {
    paths[route.path] = { ...paths[route.path], [route.method]: operationOf(components, name, route) }
  }
  for (const name of Object.keys(OPERATIONS) as OperationName[]) add(name, routeOf(name))
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const socket = SOCKET_REQUEST_OF[name]
    const route: Route = { ...ROUTES[name], ...(socket ? { socket } : {}) }
    // One path is one item, whatever its field is called.
    const known = Object.keys(paths).find(
      path => path.replaceAll(/\{\w+\}/g, '{}') === route.path.replaceAll(/\{\w+\}/g, '{}'),
    )
    add(name, known && route.params ? renamed(route, known) : route)
  }
  Object.assign(paths, uploadPaths(), whipPaths())
  const responses = problems(components)
  return {
    openapi: '3.1.1',
    info: {
      title: 'Trunkline',
      summary: 'Rooms with calls, chat, presence and files',
      version: String(PROTOCOL_VERSION),
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: {
      securitySchemes: {
        apiKey: {
          type: 'http',
          scheme: 'bearer',
          description: "An API key: your app's server, which may act for any user",
        },
        userToken: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description: "A user's token, minted with POST /v1/tokens or signed by your app with its API key",
        },
      },
      parameters: { IdempotencyKey: IDEMPOTENCY_KEY },
      responses,
      schemas: components.all(),
    },
  }
}
