import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, it, onTestFinished } from 'vitest'
import { describeOwnStore } from '../testing/own-store-suite.ts'
import { startDatabase, startMedia } from '../testing/platform.ts'
import { openStore } from './open.ts'

const newFolder = async (): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-own-store-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  return folder
}

describeOwnStore('a folder', async name => openStore({ folder: join(await newFolder(), name) }))

it('media does not start with another store than before, and touches nothing of it', {
  timeout: 60_000,
}, async () => {
  const { pool, close } = await startDatabase()
  onTestFinished(() => close())
  const [first, second] = [await newFolder(), await newFolder()]
  await (await startMedia({ pool, folder: first })).close()
  await expect(startMedia({ pool, folder: second })).rejects.toThrow('in another store')
  await (await startMedia({ pool, folder: first })).close()
})
