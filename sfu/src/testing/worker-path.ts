import { createLogger } from '@trunkline/kit'
import { ensureWorker } from '../../provision/index.ts'

export const quiet = createLogger({ name: 'test', level: process.env.TRUNKLINE_TEST_LOG ?? 'silent' })

/** The engine's worker, compiled now if it never was. */
export const workerPath = async (): Promise<string> =>
  (await ensureWorker({ env: process.env, report: () => {} })).path
