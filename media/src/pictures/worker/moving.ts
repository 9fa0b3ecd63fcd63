import { MediaFault } from '../../jobs/processor.ts'

// Pictures that move keep their frames as they are when they lose their metadata: decoding and encoding hundreds of them
// takes long, and GIF would lose colours. Their formats are rows of blocks, of which those are left out that say something
// about camera, place, author or programs.

/** Of a PNG: what its pixels need. https://www.w3.org/TR/png-3/#11Chunks */
const PNG_KEPT: ReadonlySet<string> = new Set([
  ...['IHDR', 'PLTE', 'tRNS', 'IDAT', 'IEND'],
  ...['acTL', 'fcTL', 'fdAT'],
  ...['cHRM', 'gAMA', 'sRGB', 'cICP', 'sBIT', 'bKGD', 'pHYs'],
])

/** Of a WebP: its metadata and colour profile. https://developers.google.com/speed/webp/docs/riff_container */
const WEBP_LEFT_OUT: ReadonlySet<string> = new Set(['EXIF', 'XMP ', 'ICCP'])
/** Bits of its header that announce those. */
const WEBP_FLAGS = 0x20 | 0x08 | 0x04

/** Extensions of a GIF that say how often it is repeated; others of applications hold what they like. */
const GIF_KEPT = ['NETSCAPE2.0', 'ANIMEXTS1.0']

/**
 * The same picture without metadata. https://www.w3.org/Graphics/GIF/spec-gif89a.txt
 * @throws MediaFault when it is cut off or broken
 */
export const withoutMetadata = (bytes: Buffer, format: 'png' | 'gif' | 'webp'): Buffer => {
  try {
    return { png, gif, webp }[format](bytes)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    throw new MediaFault('This picture is damaged and cannot be shown.', { cause: error })
  }
}

/** A piece of a file. @throws RangeError when that is not all there */
const slice = (bytes: Buffer, start: number, end: number): Buffer => {
  if (end > bytes.byteLength) throw new RangeError(`${end} is beyond the end, ${bytes.byteLength}`)
  return bytes.subarray(start, end)
}

const png = (bytes: Buffer): Buffer => {
  const kept = [slice(bytes, 0, 8)]
  for (let at = 8, type = ''; type !== 'IEND'; ) {
    type = slice(bytes, at + 4, at + 8).toString('latin1')
    const chunk = slice(bytes, at, at + 12 + bytes.readUInt32BE(at))
    if (PNG_KEPT.has(type)) kept.push(chunk)
    at += chunk.byteLength
  }
  return Buffer.concat(kept)
}

const webp = (bytes: Buffer): Buffer => {
  const kept = [Buffer.from(slice(bytes, 0, 12))]
  const end = Math.min(bytes.byteLength, 8 + bytes.readUInt32LE(4))
  for (let at = 12; at < end; ) {
    const type = slice(bytes, at, at + 4).toString('latin1')
    const size = bytes.readUInt32LE(at + 4)
    const chunk = Buffer.from(slice(bytes, at, at + 8 + size + (size & 1)))
    if (type === 'VP8X') chunk.writeUInt8(chunk.readUInt8(8) & ~WEBP_FLAGS, 8)
    if (!WEBP_LEFT_OUT.has(type)) kept.push(chunk)
    at += chunk.byteLength
  }
  const whole = Buffer.concat(kept)
  whole.writeUInt32LE(whole.byteLength - 8, 4)
  return whole
}

const gif = (bytes: Buffer): Buffer => {
  /** Where the pieces of data end that follow one another from here, each with its size in front. */
  const endOfData = (at: number): number => {
    for (let size = bytes.readUInt8(at); size > 0; size = bytes.readUInt8(at)) at += 1 + size
    return at + 1
  }
  const colours = (flags: number): number => (flags & 0x80 ? 3 * (2 << (flags & 7)) : 0)

  let at = 13 + colours(bytes.readUInt8(10))
  const kept = [slice(bytes, 0, at)]
  for (let block = bytes.readUInt8(at); block !== 0x3b; block = bytes.readUInt8(at)) {
    const start = at
    let isKept = true
    if (block === 0x2c) {
      at = endOfData(at + 10 + colours(bytes.readUInt8(at + 9)) + 1)
    } else if (block === 0x21) {
      const label = bytes.readUInt8(at + 1)
      const name = bytes.subarray(at + 3, at + 14).toString('latin1')
      isKept = label === 0xf9 || (label === 0xff && GIF_KEPT.includes(name))
      at = endOfData(at + 2)
    } else throw new RangeError(`a block of kind ${block}`)
    if (isKept) kept.push(slice(bytes, start, at))
  }
  return Buffer.concat([...kept, Buffer.of(0x3b)])
}
