import { type Box, CANVAS } from '../recordings/layout.ts'
import type { Image } from './picture.ts'

// Pictures as yuv420p: brightness of every pixel, then each of the two colours of every four.

const { width: WIDTH, height: HEIGHT } = CANVAS
/** Of a whole picture. */
export const CANVAS_BYTES = (WIDTH * HEIGHT * 3) / 2

/** Something one looks through: what it makes of black and of white. */
export type Veil = Box & { black: Buffer; white: Buffer }

type Plane = { offset: number; width: number; height: number }

const planesOf = ({ width, height }: { width: number; height: number }): [Plane, Plane, Plane] => {
  const [w, h] = [width / 2, height / 2]
  return [
    { offset: 0, width, height },
    { offset: width * height, width: w, height: h },
    { offset: width * height + w * h, width: w, height: h },
  ]
}
const CANVAS_PLANES = planesOf(CANVAS)

/** Puts an image into a place of a picture, larger or smaller where it has another size. */
export const putImage = (canvas: Buffer, image: Image, { x, y, width, height }: Box): void => {
  const isFitting = image.width === width && image.height === height
  planesOf(image).forEach((from, n) => {
    const to = CANVAS_PLANES[n] as Plane
    const by = n === 0 ? 1 : 2
    const [left, top, columns, rows] = [x / by, y / by, width / by, height / by]
    for (let row = 0; row < rows; row++) {
      const target = to.offset + (top + row) * to.width + left
      const source = from.offset + Math.floor((row * from.height) / rows) * from.width
      if (isFitting) image.data.copy(canvas, target, source, source + columns)
      else
        for (let column = 0; column < columns; column++)
          canvas[target + column] = image.data[source + Math.floor((column * from.width) / columns)] ?? 0
    }
  })
}

/** Luma of black and of white in video; colours are 0 at 128. */
export const BLACK = 16
export const WHITE = 235
const RANGE = WHITE - BLACK
const NO_COLOUR = 128

/** Puts a veil over what is in a picture. */
export const putVeil = (canvas: Buffer, { x, y, width, height, black, white }: Veil): void => {
  for (let row = y; row < y + height; row++) {
    for (let at = row * WIDTH + x; at < row * WIDTH + x + width; at++) {
      const dark = black[at] ?? 0
      const through = (white[at] ?? 0) - dark
      canvas[at] = dark + (((canvas[at] ?? 0) - BLACK) * through) / RANGE
    }
  }
  const [, u, v] = CANVAS_PLANES
  for (const { offset, width: line } of [u, v]) {
    for (let row = y / 2; row < (y + height) / 2; row++) {
      for (let column = x / 2; column < (x + width) / 2; column++) {
        const bright = 2 * row * WIDTH + 2 * column
        const through = ((white[bright] ?? 0) - (black[bright] ?? 0)) / RANGE
        const at = offset + row * line + column
        canvas[at] = NO_COLOUR + ((canvas[at] ?? 0) - NO_COLOUR) * through
      }
    }
  }
}
