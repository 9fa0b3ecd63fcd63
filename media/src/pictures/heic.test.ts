import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { detectKind } from '../files/kind.ts'
import { hasHeic, heic, turned } from '../testing/heic.ts'
import { quiet } from '../testing/platform.ts'
import { phonePhoto, picture } from '../testing/samples.ts'
import { workOf } from '../testing/work.ts'
import { createPictures, type Pictures } from './pictures.ts'

let folder = ''
let pictures: Pictures
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-heic-test-'))
  pictures = createPictures({ logger: quiet, folder })
})
afterAll(async () => {
  await pictures.close()
  await rm(folder, { recursive: true })
})

const make = async (bytes: Buffer, service = pictures) => {
  const own = await mkdtemp(join(folder, 'work-'))
  const path = join(own, 'file')
  await writeFile(path, bytes)
  const mime = await detectKind(path)
  const work = workOf({ path, mime, folder: own })
  return { mime, path, ...(await service.process(work)) }
}

const isAble = await hasHeic()
if (!isAble) console.warn('HEIC is not tested: libheif-examples is not installed')

describe.runIf(isAble)('pictures of iPhones', () => {
  it('are shown as others are', async () => {
    const { mime, details, made } = await make(await heic(await picture('jpeg', 800, 400)))
    expect(mime).toBe('image/heic')
    expect(details).toMatchObject({ width: 800, height: 400 })
    expect(made.map(({ name, width, height }) => `${name} ${width}x${height}`)).toEqual([
      'thumb128 128x64',
      'thumb512 512x256',
      'thumb1600 800x400',
    ])
    const corner = await sharp(made[2]?.path)
      .extract({ left: 10, top: 10, width: 1, height: 1 })
      .raw()
      .toBuffer()
    expect([...corner].map(value => value > 200)).toEqual([true, false, false])
  })

  it('are turned as their container says, once, whatever their EXIF says', async () => {
    const lying = await heic(await phonePhoto(800, 400))
    expect((await make(lying)).details).toMatchObject({ width: 800, height: 400 })
    const upright = await make(turned(lying))
    expect(upright.details).toMatchObject({ width: 400, height: 800 })
    const found = await sharp(upright.made[2]?.path).metadata()
    expect([found.width, found.height, found.exif, found.orientation]).toEqual([
      400,
      800,
      undefined,
      undefined,
    ])
  })

  it('lose camera and place, and become what everybody can open', async () => {
    const { path } = await make(turned(await heic(await phonePhoto(800, 400))))
    expect(await pictures.strip(path, `${path}.clean`)).toBe('image/jpeg')
    const found = await sharp(`${path}.clean`).metadata()
    expect([found.format, found.width, found.height, found.exif]).toEqual(['jpeg', 400, 800, undefined])
    expect((await sharp(await pictures.avatar(path)).metadata()).width).toBe(512)
  })

  it('of a burst show the first', async () => {
    expect((await make(await heic(await picture('jpeg', 64, 32), 3))).details).toMatchObject({
      width: 64,
      height: 32,
    })
  })

  it('that are broken say so, and nothing is left behind', async () => {
    const whole = await heic(await picture('jpeg', 800, 400))
    await expect(make(whole.subarray(0, whole.byteLength >> 1))).rejects.toThrow(
      'This picture is damaged and cannot be shown.',
    )
    expect((await readdir(folder)).filter(name => !name.startsWith('work-'))).toEqual([])
  })

  it('say so where nothing can read them', async () => {
    const bytes = await heic(await picture('jpeg', 64, 32))
    const path = process.env.PATH
    process.env.PATH = '/nowhere'
    try {
      await expect(make(bytes)).rejects.toThrow('This server cannot show HEIC pictures.')
    } finally {
      process.env.PATH = path
    }
  })
})
