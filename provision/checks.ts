import { findDrift, GENERATED } from './drift.ts'
import { findLockfileFaults } from './lockfile.ts'

/** One line of `npm run check`: programs whose exit code counts, or a function that finds faults. */
export interface Check {
  readonly name: string
  readonly command?: readonly [string, ...string[]]
  readonly find?: () => Promise<string[]>
}

/** The slowest first, so that the others fill the time beside it. */
export const CHECKS: readonly Check[] = [
  { name: 'types', command: ['tsc', '-p', 'tsconfig.json', '--noEmit'] },
  {
    name: 'promises and imports',
    command: ['oxlint', '--type-aware', '--deny-warnings'],
  },
  {
    name: 'generated files',
    // One after the other: they are short, and each may run what the next one reads.
    find: async () => {
      const faults: string[] = []
      for (const generated of GENERATED) faults.push(...(await findDrift(generated)))
      return faults
    },
  },
  {
    name: 'format and lint',
    command: ['biome', 'ci', '--colors=off', '--diagnostic-level=warn', '--error-on-warnings'],
  },
  { name: 'lockfile', find: findLockfileFaults },
  { name: 'unused code', command: ['knip', '--no-progress', '--no-config-hints'] },
]
