import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, it } from 'vitest'
import { withTables } from '../scripts/doc-tables.ts'
import { WHEP_PATH, WHIP_PATH } from './call.ts'
import { UPLOADS_PATH } from './file.ts'
import { LIMITS } from './limits.ts'
import { NOTICES } from './notices.ts'
import { OPERATIONS } from './operations.ts'
import { REQUESTS } from './requests.ts'
import { ROUTES } from './rest.ts'
import { SFU_REQUESTS } from './sfu.ts'

const ROOT = join(import.meta.dirname, '../..')
const GUIDE = 'docs/messaging.md'
const CALLS = 'docs/calls.md'
const DOCUMENTS = [
  'README.md',
  'sdk/js/README.md',
  ...readdirSync(join(ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter(name => name.endsWith('.md'))
    .map(name => join('docs', name)),
]
const read = (name: string): string => readFileSync(join(ROOT, name), 'utf8')

/** What stands in `code spans`. */
const spans = (text: string): string[] => [...text.matchAll(/`([^`\n]+)`/g)].map(([, span = '']) => span)

const PATHS = [
  ...Object.values(OPERATIONS).map(({ rest }) => rest.path),
  ...Object.values(ROUTES).map(({ path }) => path),
  '/v1/openapi.json',
  '/v1/asyncapi.json',
  UPLOADS_PATH,
  WHEP_PATH,
  WHIP_PATH,
].map(path => new RegExp(`^${path.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/]+')}$`))

it('the tables of the guide are those of the protocol: node protocol/scripts/generate.ts writes them', () => {
  for (const guide of [GUIDE, 'docs/calls.md']) expect(read(guide)).toBe(withTables(read(guide)))
})

it('the guides name every operation outside the table, too, and every notice but those of calls', () => {
  const guide = read(GUIDE).replace(/<!-- operations -->[\s\S]*<!-- \/operations -->/, '')
  const named = new Set(spans(guide + read(CALLS)))
  expect(Object.keys(OPERATIONS).filter(name => !named.has(name))).toEqual([])
  const ofCalls = /^(call|consumer|producer|speaker):/
  expect(Object.keys(NOTICES).filter(name => !named.has(name) && !ofCalls.test(name))).toEqual([])
})

it.each(DOCUMENTS)('%s speaks of paths, requests, notices, limits and files there are', name => {
  const text = read(name)
  const links = [...text.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map(([, to = '']) => to)
  const local = links.filter(to => !/^https?:/.test(to))
  expect(local.filter(to => !existsSync(join(ROOT, dirname(name), to)))).toEqual([])

  const paths = [...text.matchAll(/\/v1\/[a-z][^\s'"`?,)|;]*/g)].map(([path]) => path)
  expect(paths.filter(path => !PATHS.some(known => known.test(path)))).toEqual([])

  const names = spans(text).filter(span => /^[a-z]+:[a-z]+$/.test(span))
  expect(names.filter(it => !(it in REQUESTS) && !(it in NOTICES) && !(it in SFU_REQUESTS))).toEqual([])

  const limits = [...text.matchAll(/LIMITS\.(\w+)/g)].map(([, limit = '']) => limit)
  expect(limits.filter(limit => !(limit in LIMITS))).toEqual([])
})
