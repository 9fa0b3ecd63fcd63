import { crc32 } from 'node:zlib'
import sharp from 'sharp'

type PictureFormat = 'jpeg' | 'png' | 'webp' | 'gif' | 'avif'

/** A picture, red on the left and blue on the right. */
export const picture = (format: PictureFormat, width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: 'red' } })
    .composite([
      {
        input: { create: { width: Math.ceil(width / 2), height, channels: 3, background: 'blue' } },
        gravity: 'east',
      },
    ])
    .toFormat(format)
    .toBuffer()

/** A photo as a phone held upright takes it: stored lying, with an orientation, a camera and a place. */
export const phonePhoto = (width: number, height: number): Promise<Buffer> =>
  sharp({ create: { width, height, channels: 3, background: 'green' } })
    .withExif({
      IFD0: { Make: 'SecretCamera', Orientation: '6' },
      IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 51/1 30/1' },
    })
    .withMetadata({ orientation: 6 })
    .jpeg()
    .toBuffer()

/** One chunk of a PNG. */
export const pngChunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data])
  const frame = Buffer.alloc(8)
  frame.writeUInt32BE(data.byteLength, 0)
  frame.writeUInt32BE(crc32(body), 4)
  return Buffer.concat([frame.subarray(0, 4), body, frame.subarray(4)])
}

/** A PNG of a few bytes whose header announces a picture of any size. */
export const pngHeader = (width: number, height: number): Buffer => {
  const header = Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0])
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  return Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
    pngChunk('IHDR', header),
    pngChunk('IDAT', Buffer.from('789c030000000001', 'hex')),
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}

/** A GIF or WebP of so many frames, each of another colour. */
export const animation = async (
  format: 'gif' | 'webp',
  width: number,
  height: number,
  frames: number,
): Promise<Buffer> => {
  const colours = ['red', 'lime', 'blue']
  const stills = await Promise.all(
    Array.from({ length: frames }, (_, index) =>
      sharp({ create: { width, height, channels: 3, background: colours[index % 3] ?? 'red' } })
        .png()
        .toBuffer(),
    ),
  )
  return sharp(stills, { join: { animated: true } })
    .toFormat(format, { delay: 100 })
    .toBuffer()
}

/** A PNG of so many frames, each of another grey, with a note. */
export const apng = async (width: number, height: number, frames: number, note: string): Promise<Buffer> => {
  const stills = await Promise.all(
    Array.from({ length: frames }, (_, index) => {
      const background = { r: 60 * index, g: 60 * index, b: 60 * index }
      return sharp({ create: { width, height, channels: 3, background } })
        .png()
        .toBuffer()
    }),
  )
  const word = (value: number): Buffer => {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32BE(value)
    return bytes
  }
  /** Its pixels, packed: a small PNG has them in one chunk. */
  const pixelsOf = (png: Buffer): Buffer => {
    const at = png.indexOf('IDAT', 0, 'latin1')
    return png.subarray(at + 4, at + 4 + png.readUInt32BE(at - 4))
  }
  let sequence = 0
  const chunks = stills.flatMap((still, index) => {
    const control = [
      word(sequence++),
      word(width),
      word(height),
      word(0),
      word(0),
      Buffer.from('006403e80000', 'hex'),
    ]
    const pixels = pixelsOf(still)
    return [
      pngChunk('fcTL', Buffer.concat(control)),
      index === 0 ? pngChunk('IDAT', pixels) : pngChunk('fdAT', Buffer.concat([word(sequence++), pixels])),
    ]
  })
  return Buffer.concat([
    (stills[0] ?? Buffer.alloc(0)).subarray(0, 33),
    pngChunk('acTL', Buffer.concat([word(frames), word(0)])),
    pngChunk('tEXt', Buffer.from(`Comment\0${note}`, 'latin1')),
    ...chunks,
    pngChunk('IEND', Buffer.alloc(0)),
  ])
}
