import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const MAIN = fileURLToPath(new URL('main.ts', import.meta.url))

test('where compiled code cannot be kept, the program starts all the same', () => {
  const env = { PATH: process.env.PATH, XDG_CACHE_HOME: '/dev/null' }
  expect(execFileSync(process.execPath, [MAIN, '--help'], { env, encoding: 'utf8' })).toContain('doctor')
})

test.each(['drizzle-orm', 'jose', 'pg-boss', 'zod'])(
  "what is said of %s's files holds for the one installed",
  name => {
    const folder = fileURLToPath(new URL('../../node_modules', import.meta.url))
    const { type } = JSON.parse(readFileSync(join(folder, name, 'package.json'), 'utf8'))
    expect(type).toBe('module')
  },
)
