/**
 * Loudness over the whole length as so many bars: the loudest of what each stands for.
 * @param peaks any number, 0 to 100
 */
export const barsOf = (peaks: readonly number[], count: number): number[] =>
  Array.from({ length: count }, (_, bar) => {
    const from = Math.floor((bar * peaks.length) / count)
    const to = Math.max(from + 1, Math.floor(((bar + 1) * peaks.length) / count))
    return Math.max(0, ...peaks.slice(from, to))
  })
