import { rgbaToThumbHash } from 'thumbhash'

/**
 * ThumbHash in base64: some 25 bytes that a client turns into a blurred picture. https://evanw.github.io/thumbhash
 * @param rgba of at most 100 x 100 pixels
 */
export const placeholderOf = (rgba: Uint8Array, width: number, height: number): string =>
  Buffer.from(rgbaToThumbHash(width, height, rgba)).toString('base64')

type Bin = { red: number; green: number; blue: number; alpha: number }

/** Bits of each channel that two colours have to share to count as one. */
const BITS = 3

/**
 * The colour that dominates, as `#rrggbb`: the mean of the most frequent among similar ones. What one can see through
 * counts less; a picture of nothing else is white.
 */
export const dominantColor = (rgba: Uint8Array): string => {
  const bins = new Map<number, Bin>()
  const drop = 8 - BITS
  for (let at = 0; at + 3 < rgba.length; at += 4) {
    const [red = 0, green = 0, blue = 0, alpha = 0] = rgba.subarray(at, at + 4)
    const key = ((red >> drop) << (2 * BITS)) | ((green >> drop) << BITS) | (blue >> drop)
    const bin = bins.get(key) ?? { red: 0, green: 0, blue: 0, alpha: 0 }
    bins.set(key, bin)
    bin.red += red * alpha
    bin.green += green * alpha
    bin.blue += blue * alpha
    bin.alpha += alpha
  }
  const best = [...bins.values()].toSorted((a, b) => b.alpha - a.alpha)[0]
  if (!best?.alpha) return '#ffffff'
  const channels = [best.red, best.green, best.blue].map(sum => Math.round(sum / best.alpha))
  return `#${channels.map(value => value.toString(16).padStart(2, '0')).join('')}`
}
