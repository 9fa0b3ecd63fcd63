/** Where something is in the picture, in pixels; even numbers, as H.264 has it. */
export type Box = { x: number; y: number; width: number; height: number }

/** Of the film, and of what is shown live. */
export const CANVAS = { width: 1_280, height: 720 } as const
/** As ffmpeg takes colours: what is between tiles, and tiles without a picture. */
export const BACKGROUND = '0x14181d'
export const EMPTY_TILE = '0x2a313a'
/** Between tiles, pixels. */
const GAP = 8
/** Beside who speaks. */
const STRIP_TILES = 4

const even = (value: number): number => Math.floor(value / 2) * 2

/** Tiles of 16:9, as large as that many can be, the last row in the middle. */
export const gridBoxes = (count: number): Box[] => {
  if (count === 0) return []
  if (count === 1) return [{ x: 0, y: 0, ...CANVAS }]
  const columns = Math.ceil(Math.sqrt(count))
  const rows = Math.ceil(count / columns)
  const width = even(
    Math.min(
      (CANVAS.width - GAP * (columns + 1)) / columns,
      (((CANVAS.height - GAP * (rows + 1)) / rows) * 16) / 9,
    ),
  )
  const height = even((width * 9) / 16)
  const top = even((CANVAS.height - rows * height - (rows - 1) * GAP) / 2)
  return Array.from({ length: count }, (_, n) => {
    const row = Math.floor(n / columns)
    const inRow = Math.min(columns, count - row * columns)
    const left = even((CANVAS.width - inRow * width - (inRow - 1) * GAP) / 2)
    return { x: left + (n % columns) * (width + GAP), y: top + row * (height + GAP), width, height }
  })
}

/** The first large, some of the others in a column beside it. */
export const speakerBoxes = (count: number): Box[] => {
  if (count <= 1) return gridBoxes(count)
  const height = even((CANVAS.height - GAP * (STRIP_TILES + 1)) / STRIP_TILES)
  const width = even((height * 16) / 9)
  const large = even(CANVAS.width - width - 3 * GAP)
  const largeHeight = even((large * 9) / 16)
  const others = Math.min(STRIP_TILES, count - 1)
  const top = even((CANVAS.height - others * height - (others - 1) * GAP) / 2)
  return [
    { x: GAP, y: even((CANVAS.height - largeHeight) / 2), width: large, height: largeHeight },
    ...Array.from({ length: others }, (_, n) => ({
      x: large + 2 * GAP,
      y: top + n * (height + GAP),
      width,
      height,
    })),
  ]
}
