export { serveSfu } from './serve-sfu.ts'
export type { SfuOptions } from './settings.ts'
export { createSfu, type LocalSfu } from './sfu.ts'
export type { WorkerCounts } from './worker.ts'
