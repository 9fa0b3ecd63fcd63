/**
 * How often a test repeats: its own number, times TRUNKLINE_ROUNDS (0.1 for a quick look; 5 for 5,000 joins, 10,000 events
 * and 50 kills).
 */
export const rounds = (usual: number): number =>
  Math.max(1, Math.round(usual * Number(process.env.TRUNKLINE_ROUNDS || 1)))

/** Seed of a random test: printed, and taken from TRUNKLINE_SEED to repeat a run. */
export const seed = (): number => {
  const value = Number(process.env.TRUNKLINE_SEED) || Math.floor(Math.random() * 2 ** 31)
  console.log(`seed ${value} (TRUNKLINE_SEED=${value} repeats it)`)
  return value
}

/** A small repeatable random source (mulberry32): numbers in [0, 1). */
export const randomFrom = (start: number): (() => number) => {
  let state = start >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
