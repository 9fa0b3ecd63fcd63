import type { z } from 'zod'
import {
  type Caller,
  ERRORS,
  type ErrorCode,
  IdempotencyKey,
  PROTOCOL_VERSION,
  Problem,
  ROUTES,
  type RouteName,
} from '../src/index.ts'
import { type Direction, type JsonSchema, toJsonSchema } from './json-schema.ts'

type Route = {
  method: string
  path: string
  summary: string
  callers: readonly Caller[]
  params?: z.ZodObject
  query?: z.ZodObject
  body?: z.ZodType | 'bytes'
  response: z.ZodType | 'bytes'
  status: number
}

/** Kind of bytes a route answers with, where it is always the same. */
const MEDIA_TYPE_OF: Partial<Record<RouteName, string>> = { getThumbnail: 'image/webp' }

const SECURITY: Readonly<Record<Caller, Record<string, string[]>>> = {
  key: { apiKey: [] },
  user: { userToken: [] },
  anyone: {},
}

/** Collects the named schemas that others refer to. */
class Components {
  readonly #schemas = new Map<string, JsonSchema>()

  /** A schema as it stands in the document, its named parts moved to the components. */
  add(schema: z.ZodType, direction: Direction): JsonSchema {
    const { $schema: _, $defs, ...own } = relink(toJsonSchema(schema, direction)) as JsonSchema
    for (const [name, definition] of Object.entries(($defs ?? {}) as Record<string, JsonSchema>)) {
      const known = this.#schemas.get(name)
      if (known && JSON.stringify(known) !== JSON.stringify(definition)) {
        throw new Error(
          `${name} is sent in one shape and answered in another: give the two names of their own`,
        )
      }
      this.#schemas.set(name, definition)
    }
    return own
  }

  all(): Record<string, JsonSchema> {
    return Object.fromEntries([...this.#schemas].sort(([a], [b]) => (a < b ? -1 : 1)))
  }
}

/** `#/$defs/User` as OpenAPI places it. */
const relink = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(relink)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [
      key,
      key === '$ref' && typeof entry === 'string'
        ? entry.replace('#/$defs/', '#/components/schemas/')
        : relink(entry),
    ]),
  )
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
const refusalsOf = ({ method, callers, params, query, body, response }: Route): number[] => {
  const statuses = new Set([500, 503])
  if (params || query || body || method === 'post') statuses.add(400)
  if (!callers.includes('anyone') || callers.length > 1) for (const status of [401, 403]) statuses.add(status)
  if (callers.includes('anyone')) statuses.add(401)
  if (params || callers.includes('anyone')) statuses.add(404)
  if (body) for (const status of [409, 413, 415, 422, 429]) statuses.add(status)
  if (response === 'bytes') statuses.add(416)
  return [...statuses].sort((a, b) => a - b)
}

const operationOf = (components: Components, name: RouteName) => {
  const route: Route = ROUTES[name]
  const { method, path, summary, callers, body, response, status } = route
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
    ? { [MEDIA_TYPE_OF[name] ?? 'application/octet-stream']: {} }
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
    operationId: name,
    summary,
    tags: [path.split('/')[2]],
    security: callers.map(caller => SECURITY[caller]),
    ...(parameters.length > 0 ? { parameters } : {}),
    ...(requestBody ? { requestBody } : {}),
    responses,
  }
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
  for (const name of Object.keys(ROUTES) as RouteName[]) {
    const { path, method } = ROUTES[name]
    paths[path] = { ...paths[path], [method]: operationOf(components, name) }
  }
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
