import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import asyncApiSchema from '@asyncapi/specs/schemas/3.0.0-without-$id.json' with { type: 'json' }
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { createAsyncApi } from '../scripts/asyncapi.ts'
import { createFixtures } from '../scripts/fixtures.ts'
import { createOpenApi } from '../scripts/openapi.ts'
import { createSchemas } from '../scripts/schemas.ts'
import { ERRORS } from './errors.ts'
import { NOTICES } from './notices.ts'
import { OPERATIONS } from './operations.ts'
import { REQUESTS } from './requests.ts'
import { ROUTES } from './rest.ts'

const FOLDER = join(import.meta.dirname, '../generated')
const read = (name: string): unknown => JSON.parse(readFileSync(join(FOLDER, name), 'utf8'))

const schemas = createSchemas()
const fixtures = createFixtures()

/** Only what JSON Schema has no words for may pass it: bytes, broken Unicode. */
const BEYOND_JSON_SCHEMA = / holds a NUL$/

describe('openapi.json', () => {
  it('is a valid OpenAPI 3.1 document', async () => {
    const validator = new Validator()
    const result = await validator.validate(read('openapi.json') as Record<string, unknown>)
    expect(result.errors).toBeUndefined()
    expect(result.valid).toBe(true)
    expect(validator.version).toBe('3.1')
  })

  it('refers only to what it holds', () => {
    const document = createOpenApi()
    const references = JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)
    for (const [, path = ''] of references) {
      const target = path
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document)
      expect(target, path).toBeDefined()
    }
  })

  it('puts each operation under one tag that it describes, and describes none that is not used', () => {
    const { tags, paths } = createOpenApi() as {
      tags: { name: string }[]
      paths: Record<string, Record<string, { tags: string[] }>>
    }
    const used = Object.values(paths).flatMap(item => Object.values(item).map(it => it.tags))
    expect(used.filter(names => names.length !== 1)).toEqual([])
    expect([...new Set(used.flat())].sort()).toEqual(tags.map(({ name }) => name).sort())
  })

  it('has every route and every error', () => {
    const { paths, components } = createOpenApi() as {
      paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>
      components: { responses: Record<string, { description: string }> }
    }
    const found = new Map(
      Object.values(paths).flatMap(item =>
        Object.entries(item).map(([method, operation]) => [operation.operationId, { method, ...operation }]),
      ),
    )
    for (const [name, { method, status }] of Object.entries(ROUTES)) {
      expect(found.get(name)?.method, name).toBe(method)
      expect(Object.keys(found.get(name)?.responses ?? {})).toContain(String(status))
    }
    for (const [name, { rest }] of Object.entries(OPERATIONS)) {
      expect(paths[rest.path]?.[rest.method], name).toMatchObject({ 'x-socket-request': name })
    }
    // What tus asks for is in no table.
    expect(Object.keys(paths['/v1/uploads'] ?? {})).toEqual(['options', 'post'])
    expect(Object.keys(paths['/v1/uploads/{id}'] ?? {})).toEqual(['head', 'patch', 'delete'])
    const described = Object.values(components.responses).map(response => response.description)
    for (const code of Object.keys(ERRORS)) expect(described.join()).toContain(`\`${code}\``)
  })
})

it('what is committed is what the tables say', () => {
  const expected = new Map<string, unknown>([
    ['openapi.json', createOpenApi()],
    ['asyncapi.json', createAsyncApi()],
    ...[...schemas].map(([name, schema]) => [`schemas/${name}`, schema] as const),
    ...[...fixtures].map(([name, { fixture }]) => [`fixtures/${name}`, fixture] as const),
  ])
  const found = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.json'),
  )
  expect(found.sort()).toEqual([...expected.keys()].sort())
  for (const [name, content] of expected) expect(read(name), name).toEqual(content)
})

describe('asyncapi.json', () => {
  const document = createAsyncApi() as {
    operations: Record<string, { action: string }>
    channels: { socket: { messages: Record<string, unknown> } }
  }

  it('is a valid AsyncAPI 3.0 document', () => {
    // The specification's schema is of draft 7, and lists of alternatives in it are long: one error is enough.
    const validator = new Ajv({ strict: false, allErrors: false })
    addFormats.default(validator)
    const isValid = validator.validate(asyncApiSchema, read('asyncapi.json'))
    expect(validator.errors).toBeNull()
    expect(isValid).toBe(true)
  })

  it('has every request and every notice', () => {
    const named = (names: readonly string[]) => names.map(name => name.replaceAll(':', '.')).sort()
    const those = (action: string) =>
      Object.keys(document.operations)
        .filter(name => document.operations[name]?.action === action)
        .sort()
    expect(those('receive')).toEqual(named(Object.keys(REQUESTS)))
    expect(those('send')).toEqual(named(Object.keys(NOTICES)))
  })

  it('refers only to what it holds', () => {
    for (const [, path = ''] of JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)) {
      const target = path
        .split('/')
        .reduce<unknown>((at, key) => (at as Record<string, unknown>)?.[key], document)
      expect(target, path).toBeDefined()
    }
  })
})

describe('fixtures', () => {
  const ajv = addFormats.default(new Ajv2020({ strict: false, allErrors: false }))

  it.each([...fixtures])('%s', (name, { schema }) => {
    const { valid, invalid } = read(`fixtures/${name}`) as Record<
      'valid' | 'invalid',
      Record<string, unknown>
    >
    const jsonSchema = schemas.get(name)
    if (!jsonSchema) throw new Error(`there is no JSON Schema of ${name}`)
    const matches = ajv.compile(jsonSchema)
    expect(Object.keys(valid)).not.toHaveLength(0)
    expect(Object.keys(invalid)).not.toHaveLength(0)
    for (const [what, value] of Object.entries(valid)) {
      expect(schema.safeParse(value).error?.issues, what).toBeUndefined()
      expect(matches(value), `${what}: ${ajv.errorsText(matches.errors)}`).toBe(true)
    }
    for (const [what, value] of Object.entries(invalid)) {
      expect(schema.safeParse(value).success, what).toBe(false)
      if (!BEYOND_JSON_SCHEMA.test(what)) expect(matches(value), what).toBe(false)
    }
  })
})
