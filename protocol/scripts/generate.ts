/**
 * Writes what is derived from the protocol's tables: OpenAPI, AsyncAPI, JSON Schemas and fixtures into `generated/`, and
 * the tables of docs/messaging.md and docs/calls.md.
 */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { createAsyncApi } from './asyncapi.ts'
import { withTables } from './doc-tables.ts'
import { createFixtures } from './fixtures.ts'
import { createOpenApi } from './openapi.ts'
import { createSchemas } from './schemas.ts'

const FOLDER = join(import.meta.dirname, '../generated')
const GUIDES = ['messaging', 'calls'].map(name => join(import.meta.dirname, `../../docs/${name}.md`))

const files = new Map<string, unknown>([
  ['openapi.json', createOpenApi()],
  ['asyncapi.json', createAsyncApi()],
  ...[...createSchemas()].map(([name, schema]) => [join('schemas', name), schema] as const),
  ...[...createFixtures()].map(([name, { fixture }]) => [join('fixtures', name), fixture] as const),
])

mkdirSync(FOLDER, { recursive: true })
for (const entry of readdirSync(FOLDER, { recursive: true, withFileTypes: true })) {
  const path = join(entry.parentPath, entry.name)
  // A request that was renamed leaves no file of its old name.
  if (entry.isFile() && !files.has(relative(FOLDER, path))) rmSync(path)
}
for (const [name, content] of files) {
  const path = join(FOLDER, name)
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, `${JSON.stringify(content, null, 2)}\n`)
}

for (const guide of GUIDES) writeFileSync(guide, withTables(readFileSync(guide, 'utf8')))
