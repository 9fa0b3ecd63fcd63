import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { itSurvivesKills } from '../testing/staging-crash-suite.ts'
import { describeStaging } from '../testing/staging-suite.ts'
import { openStore } from './open.ts'

const folder = await mkdtemp(join(tmpdir(), 'trunkline-staging-'))
afterAll(() => rm(folder, { recursive: true }))

describeStaging('a folder', () => openStore({ folder }))

const killed = await mkdtemp(join(tmpdir(), 'trunkline-staging-'))
afterAll(() => rm(killed, { recursive: true }))
itSurvivesKills('a folder', () => ({ folder: killed }), 6)
