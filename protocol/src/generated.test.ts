import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { createFixtures } from '../scripts/fixtures.ts'
import { createOpenApi } from '../scripts/openapi.ts'
import { createSchemas } from '../scripts/schemas.ts'
import { ERRORS } from './errors.ts'
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

  it('has every route and every error', () => {
    const { paths, components } = createOpenApi() as {
      paths: Record<string, Record<string, { operationId: string; responses: Record<string, unknown> }>>
      components: { responses: Record<string, { description: string }> }
    }
    for (const [name, { path, method, status }] of Object.entries(ROUTES)) {
      expect(paths[path]?.[method]?.operationId).toBe(name)
      expect(Object.keys(paths[path]?.[method]?.responses ?? {})).toContain(String(status))
    }
    const described = Object.values(components.responses).map(response => response.description)
    for (const code of Object.keys(ERRORS)) expect(described.join()).toContain(`\`${code}\``)
  })
})

it('what is committed is what the tables say', () => {
  const expected = new Map<string, unknown>([
    ['openapi.json', createOpenApi()],
    ...[...schemas].map(([name, schema]) => [`schemas/${name}`, schema] as const),
    ...[...fixtures].map(([name, { fixture }]) => [`fixtures/${name}`, fixture] as const),
  ])
  const found = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter(name =>
    name.endsWith('.json'),
  )
  expect(found.sort()).toEqual([...expected.keys()].sort())
  for (const [name, content] of expected) expect(read(name), name).toEqual(content)
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
