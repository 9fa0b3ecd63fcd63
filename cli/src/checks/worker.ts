import { createLogger } from '@trunkline/kit'
import { createSfu } from '@trunkline/sfu'
import { ensureWorker } from '@trunkline/sfu/provision'
import { type Check, failed, ok } from './check.ts'

/** The media worker is there and runs: one is started, asked for a router, and ended. */
export const worker: Check = {
  name: 'worker',
  run: async () => {
    const logger = createLogger({ name: 'doctor', level: 'silent' })
    try {
      const { path } = await ensureWorker({ env: process.env, report: () => {} })
      const sfu = await createSfu({ logger, workerBin: path })
      await sfu.close()
      return ok(path)
    } catch (error) {
      const fix = (error as { fix?: unknown }).fix
      return failed(
        `the media worker does not run, so there are no calls: ${(error as Error).message}`,
        typeof fix === 'string' ? fix : 'run `npm start`: it gets or compiles the worker',
      )
    }
  },
}
