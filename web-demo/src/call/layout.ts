export type Box = { x: number; y: number; width: number; height: number }
/** What is to be placed: `pip` floats above the others. */
export type Placed = Box & { pip: boolean }
export type Piece = { key: string; screen: boolean; local: boolean }

const GAP = 10
/** Shapes a tile may have, width to height: from a phone held upright to a television. */
const ASPECT = { min: 0.72, max: 16 / 9 }

/** The grid whose tiles are largest, each row centred. */
export const gridBoxes = (count: number, area: Box): Box[] => {
  let best: { columns: number; width: number; height: number } | undefined
  for (let columns = 1; columns <= count; columns += 1) {
    const rows = Math.ceil(count / columns)
    const cellWidth = (area.width - GAP * (columns - 1)) / columns
    const cellHeight = (area.height - GAP * (rows - 1)) / rows
    const width = Math.max(0, Math.min(cellWidth, cellHeight * ASPECT.max))
    const height = Math.max(0, Math.min(cellHeight, cellWidth / ASPECT.min))
    if (!best || width * height > best.width * best.height) best = { columns, width, height }
  }
  if (!best) return []
  const { columns, width, height } = best
  const rows = Math.ceil(count / columns)
  const top = area.y + (area.height - rows * height - (rows - 1) * GAP) / 2
  return Array.from({ length: count }, (_, index) => {
    const row = Math.floor(index / columns)
    const inRow = Math.min(columns, count - row * columns)
    const left = area.x + (area.width - inRow * width - (inRow - 1) * GAP) / 2
    return { x: left + (index % columns) * (width + GAP), y: top + row * (height + GAP), width, height }
  })
}

/** A small picture of oneself in the corner. */
const cornerBox = (area: Box): Box => {
  const upright = area.height > area.width
  const width = Math.round(Math.min(230, Math.max(96, Math.min(area.width, area.height) * 0.28)))
  const height = Math.round(upright ? width * 1.35 : width / 1.6)
  return { x: area.x + area.width - width - 14, y: area.y + area.height - height - 14, width, height }
}

/** Area left over for the others beside a large picture: at the side of a wide stage, below on a tall one. */
const splitForStrip = (area: Box): { large: Box; strip: Box } => {
  if (area.width > area.height * 1.15) {
    const width = Math.min(240, Math.max(140, area.width * 0.2))
    const large = { ...area, width: area.width - width - GAP }
    return { large, strip: { ...area, x: area.x + large.width + GAP, width } }
  }
  // A screen is wide: more height than that would only be empty.
  const large = { ...area, height: Math.min(area.height * 0.78, area.width / 1.5) }
  const strip = { ...area, y: area.y + large.height + GAP, height: area.height - large.height - GAP }
  return { large, strip }
}

/**
 * Where each tile goes: a shared screen large and the rest in a strip; two people as a conversation, the other large
 * and oneself in the corner; more as a grid.
 */
export const layoutStage = (pieces: readonly Piece[], width: number, height: number): Map<string, Placed> => {
  const area = { x: 0, y: 0, width, height }
  const placed = new Map<string, Placed>()
  const place = (list: readonly Piece[], boxes: readonly Box[], pip = false) =>
    list.forEach((piece, index) => {
      const box = boxes[index]
      if (box) placed.set(piece.key, { ...box, pip })
    })
  // Somebody else's screen is what one came to see; one's own is known.
  const screen = pieces.find(piece => piece.screen && !piece.local) ?? pieces.find(piece => piece.screen)
  const [local, other] = [pieces.find(piece => piece.local), pieces.find(piece => !piece.local)]
  if (screen) {
    const rest = pieces.filter(piece => piece !== screen)
    const { large, strip } = splitForStrip(area)
    place([screen], [rest.length > 0 ? large : area])
    place(rest, gridBoxes(rest.length, strip))
  } else if (pieces.length === 2 && local && other) {
    place([other], [area])
    place([local], [cornerBox(area)], true)
  } else if (pieces.length === 1) {
    place(pieces, [area])
  } else {
    place(pieces, gridBoxes(pieces.length, area))
  }
  return placed
}
