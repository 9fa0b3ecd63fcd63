import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readPicture } from './image.ts'
import { phonePhoto, picture, pngHeader } from './testing/samples.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-image-'))
})
afterAll(() => rm(folder, { recursive: true }))

const read = async (bytes: Uint8Array | string) => {
  const path = join(folder, 'picture')
  await writeFile(path, bytes)
  return readPicture(path)
}

describe('pictures', () => {
  it.each(['jpeg', 'png', 'webp', 'gif'] as const)('%s: size and thumbnail', async format => {
    const { width, height, thumbnail } = await read(await picture(format, 1600, 900))
    expect([width, height]).toEqual([1600, 900])
    const found = await sharp(thumbnail).metadata()
    expect([found.format, found.width, found.height]).toEqual(['webp', 512, 288])
    const { data } = await sharp(thumbnail).removeAlpha().raw().toBuffer({ resolveWithObject: true })
    expect([data[0] ?? 0, data[2] ?? 0].map(value => value > 200)).toEqual([true, false])
  })

  it('does not enlarge a small one', async () => {
    const found = await sharp((await read(await picture('png', 20, 10))).thumbnail).metadata()
    expect([found.width, found.height]).toEqual([20, 10])
  })

  it('applies the orientation and leaves camera and place behind', async () => {
    const photo = await phonePhoto(800, 400)
    expect(photo.includes('SecretCamera')).toBe(true)
    const { width, height, thumbnail } = await read(photo)
    expect([width, height]).toEqual([400, 800])
    const found = await sharp(thumbnail).metadata()
    expect([found.width, found.height]).toEqual([256, 512])
    expect([found.exif, found.xmp, found.orientation]).toEqual([undefined, undefined, undefined])
    expect(thumbnail.includes('SecretCamera')).toBe(false)
  })

  it('takes a photo with stray bytes, as some cameras write them', async () => {
    const photo = await picture('jpeg', 600, 300)
    const scan = photo.indexOf(Buffer.from([0xff, 0xda]))
    const stray = Buffer.concat([photo.subarray(0, scan), Buffer.from('stray'), photo.subarray(scan)])
    expect(await read(stray)).toMatchObject({ width: 600, height: 300 })
  })

  it('takes 50 megapixels and not one more', async () => {
    const side = 7071
    const allowed = await sharp({ create: { width: side, height: side, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer()
    expect(await read(allowed)).toMatchObject({ width: side, height: side })
    await expect(read(pngHeader(side + 1, side + 1))).rejects.toThrow(/pixel limit/)
  })

  it.each([
    ['a bomb of 50,000 x 50,000', () => pngHeader(50_000, 50_000)],
    ['a PNG cut in half', async () => cut(await picture('png', 600, 600))],
    ['a JPEG cut in half', async () => cut(await picture('jpeg', 600, 600))],
    ['a WebP cut in half', async () => cut(await picture('webp', 600, 600))],
    ['a GIF cut in half', async () => cut(await picture('gif', 600, 600))],
    ['no bytes', () => ''],
  ])('refuses %s', async (_, make) => {
    await expect(read(await make())).rejects.toThrow()
  })

  it.each([
    ['an SVG', () => '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>1</script></svg>'],
    [
      'a TIFF',
      () =>
        sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
          .tiff()
          .toBuffer(),
    ],
    [
      'an AVIF',
      () =>
        sharp({ create: { width: 9, height: 9, channels: 3, background: 'red' } })
          .avif()
          .toBuffer(),
    ],
    ['a PPM', () => 'P3 1 1 255 255 0 0'],
    ['text', () => 'not a picture at all'],
  ])('do not even reach a decoder that is %s', async (_, make) => {
    await expect(read(await make())).rejects.toThrow('unsupported image format')
  })
})

const cut = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.byteLength >> 1)
