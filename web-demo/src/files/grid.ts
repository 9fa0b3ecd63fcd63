/** Wider and higher ones are cut, so that a row stays one. */
const WIDEST = 2.4
const HIGHEST = 0.62

export type GridCell = {
  /** Which of the pictures. */
  index: number
  /** Width by height it is shown in. */
  aspect: number
}
export type GridRow = { cells: GridCell[]; aspect: number }

/** How many stand in each row: three, with pairs above where that does not come out even. */
const rowLengths = (count: number): number[] => {
  if (count === 1) return [1]
  if (count === 3) return [1, 2]
  const pairs = count % 3 === 0 ? 0 : count % 3 === 1 ? 2 : 1
  return [...Array<number>(pairs).fill(2), ...Array<number>((count - pairs * 2) / 3).fill(3)]
}

const between = (value: number, least: number, most: number) => Math.min(most, Math.max(least, value))

/**
 * Several pictures as rows of one width: within a row all are equally high and nothing is cut but what is very wide or
 * very high.
 * @param aspects width by height of each
 */
export const gridOf = (aspects: readonly number[]): GridRow[] => {
  let next = 0
  return rowLengths(aspects.length).map(length => {
    const cells = Array.from({ length }, () => {
      const index = next++
      return { index, aspect: between(aspects[index] ?? 1, HIGHEST, WIDEST) }
    })
    const sum = cells.reduce((width, { aspect }) => width + aspect, 0)
    // One that stands alone above others is no tower.
    const least = aspects.length > 1 ? 1.3 : HIGHEST
    return { cells, aspect: Math.max(least, sum) }
  })
}
