import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { DrizzleQueryError } from 'drizzle-orm'
import { expect, it } from 'vitest'
import { statementFault } from './database.ts'

const failed = () =>
  new DrizzleQueryError('insert into "api_keys"', ['tlk_of-somebody'], new Error('duplicate key value'))

it('says why a statement failed without the values it was about', () => {
  expect(statementFault(failed())).toBe('A statement failed in the database: duplicate key value')
  expect(statementFault(new Error('something else'))).toBeUndefined()
})

it('logs a failed statement without the values it was about, with a message or without', () => {
  const script = `
    import { DrizzleQueryError } from 'drizzle-orm'
    import { createLogger } from './logger.ts'
    const logger = createLogger({ name: 'test' })
    const failed = new DrizzleQueryError('insert into "api_keys"', ['tlk_of-somebody'], new Error('duplicate key value'))
    const around = new Error('a job failed', { cause: failed })
    for (const err of [failed, around]) {
      logger.error({ err }, 'it failed')
      logger.error({ err })
      logger.error(err)
    }
  `
  const { stderr } = spawnSync(process.execPath, ['--input-type=module-typescript', '--eval', script], {
    cwd: fileURLToPath(new URL('.', import.meta.url)),
    encoding: 'utf8',
  })
  expect(stderr.match(/duplicate key value/g)?.length).toBeGreaterThanOrEqual(6)
  expect(stderr).not.toContain('tlk_of-somebody')
})
