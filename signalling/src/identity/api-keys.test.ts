import { randomBytes } from 'node:crypto'
import { beforeAll, expect, it } from 'vitest'
import type { Database } from '../database.ts'
import { apiKeys } from '../schema.ts'
import { startTestDatabase } from '../testing/log-database.ts'
import { ApiKeys } from './api-keys.ts'
import { Vault } from './vault.ts'

const newVault = () => new Vault(randomBytes(16).toString('hex'))

let database: Database

beforeAll(async () => {
  const server = await startTestDatabase()
  database = await server.open()
}, 60_000)

it('takes a key that was made here as the one the operator chose, under the id it has', async () => {
  const keys = new ApiKeys(database, newVault())
  const made = await keys.create()
  await keys.preset(made.key)
  expect(await keys.identify(made.key)).toBe(made.id)
  expect(await keys.secretOf(made.id)).toBe(made.key)

  const underAnother = new ApiKeys(database, newVault())
  await expect(underAnother.secretOf(made.id)).rejects.toThrow('TRUNKLINE_SECRET')
  await underAnother.preset(made.key)
  expect(await underAnother.secretOf(made.id)).toBe(made.key)
})

it('keeps a key chosen by the operator once, however many nodes start with it', async () => {
  const before = await database.$count(apiKeys)
  const nodes = Array.from({ length: 8 }, () => new ApiKeys(database, newVault()))
  await Promise.all(nodes.map(node => node.preset('chosen-by-the-operator')))
  expect(await database.$count(apiKeys)).toBe(before + 1)
  expect(await nodes[0]?.identify('chosen-by-the-operator')).toMatch(/^key_[0-9a-f]{12}$/)
})
