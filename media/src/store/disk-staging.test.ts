import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { describeStaging } from '../testing/staging-suite.ts'
import { openStore } from './open.ts'

const folder = await mkdtemp(join(tmpdir(), 'trunkline-staging-'))
afterAll(() => rm(folder, { recursive: true }))

describeStaging('a folder', () => openStore({ folder }))
