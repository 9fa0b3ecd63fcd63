import { fileURLToPath } from 'node:url'

/** Options of Node for a process that a test starts and that loads as much as the platform: see cli/src/fast-loading.ts. */
export const LOADS_FAST = [
  '--import',
  fileURLToPath(new URL('../../../cli/src/fast-loading.ts', import.meta.url)),
] as const
