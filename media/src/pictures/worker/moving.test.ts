import sharp from 'sharp'
import { describe, expect, it } from 'vitest'
import { randomFrom } from '../../../../test/src/support/rounds.ts'
import { MediaFault } from '../../jobs/processor.ts'
import { damaged } from '../../testing/damaged.ts'
import { animation, apng } from '../../testing/samples.ts'
import { withoutMetadata } from './moving.ts'

const SEED = Number(process.env.TRUNKLINE_SEED ?? Date.now() % 2 ** 31)
const SECRET = 'SecretCamera'

const samples = {
  gif: async () => {
    const whole = await animation('gif', 60, 40, 4)
    const note = Buffer.from(`\x21\xfe\x0c${SECRET}\0\x21\xff\x0bXMP DataXMP\x0c${SECRET}\0`, 'latin1')
    const at = whole.indexOf(Buffer.of(0x21, 0xf9))
    return Buffer.concat([whole.subarray(0, at), note, whole.subarray(at)])
  },
  webp: async () =>
    sharp(await animation('webp', 60, 40, 4), { animated: true })
      .withExif({ IFD0: { Make: SECRET } })
      .withIccProfile('p3')
      .webp({ lossless: true })
      .toBuffer(),
  png: () => apng(60, 40, 4, SECRET),
} as const

const frames = (bytes: Buffer) => sharp(bytes, { animated: true }).raw().toBuffer()

describe('pictures that move lose their metadata and nothing else', () => {
  it.each(['gif', 'webp', 'png'] as const)('%s', async format => {
    const whole = await samples[format]()
    expect(whole.includes(SECRET)).toBe(true)
    const clean = withoutMetadata(whole, format)
    expect(clean.includes(SECRET)).toBe(false)
    const before = await sharp(whole, { animated: true }).metadata()
    const after = await sharp(clean, { animated: true }).metadata()
    expect([after.exif, after.icc, after.xmp, after.comments]).toEqual(Array(4).fill(undefined))
    for (const name of ['pages', 'delay', 'loop', 'width', 'height', 'pageHeight'] as const)
      expect(after[name]).toEqual(before[name])
    if (format === 'png') for (const type of ['acTL', 'fcTL', 'fdAT']) expect(clean.includes(type)).toBe(true)
    if (format !== 'webp') expect((await frames(clean)).equals(await frames(whole))).toBe(true)
    expect(withoutMetadata(clean, format).equals(clean)).toBe(true)
  })

  it(`or are refused when they are damaged (seed ${SEED})`, async () => {
    const random = randomFrom(SEED)
    for (const format of ['gif', 'webp', 'png'] as const) {
      const whole = await samples[format]()
      for (let round = 0; round < 500; round++) {
        const bytes = damaged(whole, random)
        try {
          expect(withoutMetadata(bytes, format).byteLength).toBeLessThanOrEqual(bytes.byteLength + 1)
        } catch (error) {
          expect(error).toBeInstanceOf(MediaFault)
        }
      }
      expect(() => withoutMetadata(whole.subarray(0, whole.byteLength >> 1), format)).toThrow(MediaFault)
    }
  })
})
