import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { crc32 } from 'node:zlib'
import sharp from 'sharp'

const run = promisify(execFile)

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

/** A video made by ffmpeg: two seconds of a test picture. */
export const video = async (
  ffmpeg: string,
  format: 'mp4' | 'webm',
  size: string,
  extra: string[] = [],
): Promise<Buffer> => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-video-'))
  try {
    const path = join(folder, `video.${format}`)
    const codec =
      format === 'mp4'
        ? ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
        : ['-c:v', 'libvpx']
    const source = ['-f', 'lavfi', '-i', `testsrc=size=${size}:rate=10:duration=2`]
    const sound = ['-f', 'lavfi', '-i', 'sine=duration=2', '-shortest']
    await run(ffmpeg, ['-v', 'error', ...source, ...sound, ...codec, ...extra, path], { timeout: 60_000 })
    return await readFile(path)
  } finally {
    await rm(folder, { recursive: true })
  }
}
