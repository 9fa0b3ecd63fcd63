import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { itSurvivesKills } from '../testing/staging-crash-suite.ts'
import { describeStaging } from '../testing/staging-suite.ts'
import { openStore } from './open.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-staging-'))
})
afterAll(() => rm(folder, { recursive: true }))

describeStaging('a folder', () => openStore({ folder: join(folder, 'suite') }))

itSurvivesKills('a folder', () => ({ folder: join(folder, 'killed') }), 6)
