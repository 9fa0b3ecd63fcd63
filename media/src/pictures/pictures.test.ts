import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { thumbHashToApproximateAspectRatio } from 'thumbhash'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { MediaFault, type Work } from '../jobs/processor.ts'
import { document, filledForm, lockedDocument } from '../testing/pdf.ts'
import { quiet } from '../testing/platform.ts'
import { animation, phonePhoto, picture, pngHeader } from '../testing/samples.ts'
import { workOf } from '../testing/work.ts'
import { createPictures, type Pictures, type PicturesDeps } from './pictures.ts'

let folder = ''
let pictures: Pictures
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-pictures-'))
  pictures = createPictures({ logger: quiet, folder })
})
afterAll(async () => {
  await pictures.close()
  await rm(folder, { recursive: true })
})

const place = async (bytes: Uint8Array | string): Promise<string> => {
  const path = join(await mkdtemp(join(folder, 'in-')), 'file')
  await writeFile(path, bytes)
  return path
}

const workOn = async (bytes: Uint8Array | string, more: Partial<Work> = {}): Promise<Work> =>
  workOf({ path: await place(bytes), mime: 'image/jpeg', folder: await mkdtemp(join(folder, 'out-')) }, more)

/** A service of its own with other limits, closed and with no process left when the test ends. */
const withPictures = async (deps: Partial<PicturesDeps>, use: (own: Pictures) => Promise<void>) => {
  const own = createPictures({ logger: quiet, folder, ...deps })
  try {
    await use(own)
  } finally {
    await own.close()
  }
}

const make = async (bytes: Uint8Array | string) => pictures.process(await workOn(bytes))

/** Format, width and height of each, which are also what is said of it. */
const sizes = async (made: Awaited<ReturnType<Pictures['process']>>['made']) =>
  Promise.all(
    made.map(async ({ name, mime, path, width, height }) => {
      const found = await sharp(path).metadata()
      expect([mime, found.format, found.width, found.height]).toEqual(['image/webp', 'webp', width, height])
      return `${name} ${width}x${height}`
    }),
  )

/** The colour of a pixel, each channel either high, low or between. */
const colourAt = async (path: string | Buffer, x: number, y: number): Promise<string> => {
  const { data, info } = await sharp(path).removeAlpha().raw().toBuffer({ resolveWithObject: true })
  const at = (y * info.width + x) * info.channels
  return [...data.subarray(at, at + 3)]
    .map(value => (value > 190 ? 'high' : value < 65 ? 'low' : 'mid'))
    .join(' ')
}
const RED = 'high low low'
const BLUE = 'low low high'

/** One that takes long and much memory: its lines are interlaced, so all of it is decoded before the first is known. */
const heavy = (side: number) =>
  sharp({ create: { width: side, height: side, channels: 4, background: 'red' } })
    .png({ progressive: true, compressionLevel: 1 })
    .toBuffer()

describe('pictures', () => {
  it.each(['jpeg', 'png', 'webp', 'gif', 'avif'] as const)('%s: size and thumbnails', async format => {
    const { details, made } = await make(await picture(format, 2000, 1000))
    expect(details).toMatchObject({ width: 2000, height: 1000 })
    expect(details).not.toHaveProperty('animated')
    expect(await sizes(made)).toEqual(['thumb128 128x64', 'thumb512 512x256', 'thumb1600 1600x800'])
    for (const { path, width = 0, height = 0 } of made) {
      expect(await colourAt(path, 2, height >> 1)).toBe(RED)
      expect(await colourAt(path, width - 3, height >> 1)).toBe(BLUE)
    }
  })

  it.each([
    [20, 10, ['thumb128 20x10']],
    [128, 128, ['thumb128 128x128']],
    [129, 10, ['thumb128 128x10', 'thumb512 129x10']],
    [600, 900, ['thumb128 85x128', 'thumb512 341x512', 'thumb1600 600x900']],
    [60_000, 1, ['thumb128 128x1', 'thumb512 512x1', 'thumb1600 1600x1']],
    [1, 1, ['thumb128 1x1']],
  ])('of %d x %d are never enlarged, and no size is there twice', async (width, height, expected) => {
    const { details, made } = await make(await picture('png', width, height))
    expect(details).toMatchObject({ width, height })
    expect(await sizes(made)).toEqual(expected)
  })

  it('have a placeholder of their shape and the colour that dominates', async () => {
    const { details } = await make(await picture('png', 400, 200))
    const placeholder = Buffer.from(details.placeholder ?? '', 'base64')
    expect(placeholder.byteLength).toBeLessThan(40)
    expect(thumbHashToApproximateAspectRatio(placeholder)).toBeGreaterThan(1.4)
    const green = await sharp({ create: { width: 300, height: 300, channels: 3, background: '#00ff00' } })
      .composite([
        {
          input: { create: { width: 100, height: 300, channels: 3, background: '#ff0000' } },
          left: 0,
          top: 0,
        },
      ])
      .png()
      .toBuffer()
    expect((await make(green)).details.color).toMatch(/^#0[0-9]f[0-9a-f]0[0-9]$/)
    const nothing = { r: 0, g: 0, b: 0, alpha: 0 }
    const clear = await sharp({ create: { width: 9, height: 9, channels: 4, background: nothing } })
      .png()
      .toBuffer()
    expect((await make(clear)).details.color).toBe('#ffffff')
  })

  it('apply the orientation and leave camera and place behind', async () => {
    const photo = await phonePhoto(800, 400)
    expect(photo.includes('SecretCamera')).toBe(true)
    const { details, made } = await make(photo)
    expect(details).toMatchObject({ width: 400, height: 800 })
    expect(await sizes(made)).toEqual(['thumb128 64x128', 'thumb512 256x512', 'thumb1600 400x800'])
    for (const { path } of made) {
      const found = await sharp(path).metadata()
      expect([found.exif, found.xmp, found.iptc, found.icc, found.orientation]).toEqual(
        Array(5).fill(undefined),
      )
      expect((await readFile(path)).includes('SecretCamera')).toBe(false)
    }
  })

  it.each([
    ['CMYK', 'jpeg', 'cmyk'],
    ['16 bits', 'png', 'rgb16'],
  ] as const)('of %s are seen in their colours', async (_, format, space) => {
    const source = await sharp(await picture('png', 700, 300))
      .toColourspace(space)
      .toFormat(format)
      .toBuffer()
    expect((await sharp(source).metadata()).space).toBe(space)
    const { made } = await make(source)
    for (const { path, width = 0 } of made) {
      expect((await sharp(path).metadata()).space).toBe('srgb')
      expect(await colourAt(path, 2, 2)).toMatch(/^high (low|mid) (low|mid)$/)
      expect(await colourAt(path, width - 3, 2)).toMatch(/^(low|mid) (low|mid) (mid|high)$/)
    }
  })

  it('of a wide gamut come in sRGB, their profile left behind', async () => {
    const source = await sharp(await picture('png', 300, 300))
      .withIccProfile('p3')
      .png()
      .toBuffer()
    expect((await sharp(source).metadata()).icc).toBeDefined()
    const { made } = await make(source)
    expect((await sharp(made[0]?.path).metadata()).icc).toBeUndefined()
    expect(await colourAt(made[0]?.path ?? '', 2, 2)).toBe(RED)
  })

  it('one can see through stay so', async () => {
    const half = await sharp({
      create: { width: 300, height: 300, channels: 4, background: { r: 255, g: 0, b: 0, alpha: 0.5 } },
    })
      .png()
      .toBuffer()
    const { made } = await make(half)
    for (const { path } of made) {
      const { channels } = await sharp(path).stats()
      expect(channels[3]?.mean).toBeGreaterThan(120)
      expect(channels[3]?.mean).toBeLessThan(135)
    }
  })

  it('with stray bytes, as some cameras write them, are taken', async () => {
    const photo = await picture('jpeg', 600, 300)
    const scan = photo.indexOf(Buffer.from([0xff, 0xda]))
    const stray = Buffer.concat([photo.subarray(0, scan), Buffer.from('stray'), photo.subarray(scan)])
    expect((await make(stray)).details).toMatchObject({ width: 600, height: 300 })
  })

  it('of 50 megapixels are taken, and of not one more', async () => {
    const side = 7071
    const allowed = await sharp({ create: { width: side, height: side, channels: 3, background: 'red' } })
      .jpeg()
      .toBuffer()
    expect((await make(allowed)).details).toMatchObject({ width: side, height: side })
    await expect(make(pngHeader(side + 1, side + 1))).rejects.toThrow(
      'This picture is too large to be shown: it has more than 50 megapixels.',
    )
  })
})

describe('pictures that move', () => {
  it.each(['gif', 'webp'] as const)('go on moving: %s', async format => {
    const { details, made } = await make(await animation(format, 600, 300, 5))
    expect(details).toMatchObject({ width: 600, height: 300, animated: true })
    expect(details.color).toMatch(/^#f[0-9a-f]0[0-9]0[0-9]$/)
    expect(made.map(({ name, width, height }) => `${name} ${width}x${height}`)).toEqual([
      'thumb128 128x64',
      'thumb512 512x256',
      'thumb1600 600x300',
    ])
    for (const { path, width, height } of made) {
      const found = await sharp(path, { animated: true }).metadata()
      expect([found.width, found.pageHeight, found.pages]).toEqual([width, height, 5])
      expect(found.delay).toEqual([100, 100, 100, 100, 100])
    }
  })

  it('stand still where that would be too much', async () => {
    const { details, made } = await make(await animation('gif', 1000, 1000, 51))
    expect(details).not.toHaveProperty('animated')
    expect((await sharp(made[1]?.path).metadata()).pages).toBeUndefined()
    expect(await colourAt(made[1]?.path ?? '', 9, 9)).toBe(RED)
  })
})

describe('documents', () => {
  const read = async (bytes: Uint8Array | string) =>
    pictures.document(await workOn(bytes, { mime: 'application/pdf' }))

  it('have their first page as a picture', async () => {
    const { details, made } = await read(document({ pages: 3 }))
    expect(details).toMatchObject({ pages: 3, color: '#ff0000' })
    expect(details.placeholder).toBeDefined()
    expect(await sizes(made)).toEqual(['thumb128 96x128', 'thumb512 384x512', 'thumb1600 1200x1600'])
    expect(await colourAt(made[2]?.path ?? '', 20, 800)).toBe(RED)
    expect(await colourAt(made[2]?.path ?? '', 1100, 800)).toBe('high high high')
  })

  it('that only a password opens have none, and are no failure', async () => {
    expect(await read(lockedDocument())).toEqual({ details: {}, made: [] })
  })

  it('show what people filled in', async () => {
    const { made } = await read(filledForm())
    expect(await colourAt(made[2]?.path ?? '', 400, 1200)).toBe(BLUE)
    expect(await colourAt(made[2]?.path ?? '', 400, 200)).toBe('high high high')
  })

  it('leave nothing behind for the next', async () => {
    const [first, , third] = [
      await read(document()),
      await read(document({ size: '50 50' })),
      await read(document()),
    ]
    const bytes = await Promise.all([first, third].map(({ made }) => readFile(made[2]?.path ?? '')))
    expect(bytes[0]?.equals(bytes[1] ?? Buffer.alloc(0))).toBe(true)
  })
})

describe('a picture on its own', () => {
  it('becomes a square avatar', async () => {
    const avatar = await pictures.avatar(await place(await phonePhoto(800, 400)))
    const found = await sharp(avatar).metadata()
    expect([found.format, found.width, found.height, found.exif]).toEqual(['webp', 512, 512, undefined])
    const small = await sharp(await pictures.avatar(await place(await picture('gif', 10, 30)))).metadata()
    expect([small.width, small.height]).toEqual([512, 512])
  })

  it.each([
    ['a document', () => document()],
    ['an SVG', () => '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>'],
    ['nothing', () => ''],
  ])('is not %s', async (_, bytes) => {
    const refused = pictures.avatar(await place(bytes()))
    await expect(refused).rejects.toThrow(MediaFault)
    await expect(refused).rejects.toThrow('This is not a picture of a kind that is known here.')
  })

  it('is a frame of a video too', async () => {
    const { details, made } = await pictures.poster(
      await place(await picture('png', 640, 360)),
      await workOn(''),
    )
    expect(details).toMatchObject({ width: 640, height: 360 })
    expect(await sizes(made)).toEqual(['thumb128 128x72', 'thumb512 512x288', 'thumb1600 640x360'])
  })

  it.each([
    ['jpeg', 'image/jpeg'],
    ['png', 'image/png'],
    ['webp', 'image/webp'],
    ['avif', 'image/jpeg'],
  ] as const)('loses what it says about camera and place: %s', async (format, mime) => {
    const source = await sharp(await picture('png', 300, 200))
      .removeAlpha()
      .withExif({
        IFD0: { Make: 'SecretCamera' },
        IFD3: { GPSLatitudeRef: 'N', GPSLatitude: '48/1 51/1 30/1' },
      })
      .toFormat(format)
      .toBuffer()
    expect(source.includes('SecretCamera')).toBe(true)
    const to = join(await mkdtemp(join(folder, 'out-')), 'clean')
    expect(await pictures.strip(await place(source), to)).toBe(mime)
    const clean = await readFile(to)
    const found = await sharp(clean).metadata()
    expect([`image/${found.format}`, found.width, found.height, found.exif]).toEqual([
      mime,
      300,
      200,
      undefined,
    ])
    expect(clean.includes('SecretCamera')).toBe(false)
    expect(await colourAt(clean, 2, 2)).toBe(RED)
  })

  it('is upright, and moves, without it', async () => {
    const to = join(await mkdtemp(join(folder, 'out-')), 'clean')
    await pictures.strip(await place(await phonePhoto(800, 400)), to)
    const upright = await sharp(to).metadata()
    expect([upright.width, upright.height, upright.orientation]).toEqual([400, 800, undefined])
    expect(await pictures.strip(await place(await animation('gif', 60, 40, 4)), `${to}.gif`)).toBe(
      'image/gif',
    )
    expect(await sharp(`${to}.gif`, { animated: true }).metadata()).toMatchObject({
      pages: 4,
      width: 60,
      pageHeight: 40,
    })
  })
})

/** Ids of the processes that this one started and that work on pictures. */
const workers = async (of = process.pid): Promise<number[]> => {
  const found: number[] = []
  for (const pid of (await readFile(`/proc/${of}/task/${of}/children`, 'utf8')).split(' ').filter(Boolean)) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')
    if (command.includes('worker/main.ts')) found.push(Number(pid))
  }
  return found
}

/** Time a process worked, in hundredths of a second. */
const ticks = async (pid: number): Promise<number> => {
  const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
  return Number(fields[11]) + Number(fields[12])
}

const isThere = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

describe.runIf(process.platform === 'linux')('processes for pictures', { timeout: 60_000 }, () => {
  let large: Buffer
  beforeAll(async () => {
    large = await heavy(6000)
  })

  it('are replaced when one is lost, and what it worked on is done again', async () => {
    await withPictures({ workers: 1 }, async own => {
      const before = await workers()
      await own.process(await workOn(await picture('png', 20, 20)))
      const [pid = 0] = (await workers()).filter(one => !before.includes(one))
      const idle = await ticks(pid)
      const done = own.process(await workOn(large))
      await expect.poll(async () => (await ticks(pid)) - idle).toBeGreaterThan(5)
      process.kill(pid, 'SIGKILL')
      expect((await done).details).toMatchObject({ width: 6000, height: 6000 })
      expect(await workers()).not.toContain(pid)
    })
  })

  it('that take too long are ended, and the file is at fault when that happens twice', async () => {
    await withPictures({ timeoutMs: 1 }, async own => {
      const slow = own.process(await workOn(await picture('png', 4000, 4000)))
      await expect(slow).rejects.toThrow(MediaFault)
      await expect(slow).rejects.toThrow('This file takes too much time or memory to be shown.')
    })
  })

  it('that take too much memory are ended, and the others go on', async () => {
    const larger = await heavy(7000)
    await withPictures({ memoryBytes: 800 * 1024 * 1024 }, async own => {
      await expect(own.process(await workOn(larger))).rejects.toThrow(MediaFault)
      expect((await own.process(await workOn(await picture('png', 20, 20)))).made).toHaveLength(1)
    })
    expect((await make(larger)).details).toMatchObject({ width: 7000, height: 7000 })
  })

  it('are ended with the work that nobody wants any more, and with the service', async () => {
    await withPictures({}, async own => {
      const before = await workers()
      const gone = new AbortController()
      const [dropped, waiting] = [
        own.process(await workOn(large, { signal: gone.signal })),
        own.process(await workOn(large)),
      ]
      await expect.poll(async () => (await workers()).length - before.length).toBe(2)
      gone.abort(new Error('deleted'))
      await expect(dropped).rejects.toThrow('deleted')
      const closed = own.close()
      await expect(waiting).rejects.toThrow('closing')
      await expect(waiting).rejects.not.toThrow(MediaFault)
      await closed
      expect((await workers()).length).toBe(before.length)
      await expect(own.process(await workOn(large))).rejects.toThrow('closing')
    })
  })

  it('know none of our secrets, and go on when a terminal ends us', async () => {
    process.env.TRUNKLINE_TEST_SECRET = 'whispered'
    try {
      await withPictures({}, async own => {
        const before = await workers()
        await own.process(await workOn(await picture('png', 20, 20)))
        const [pid = 0] = (await workers()).filter(one => !before.includes(one))
        expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('whispered')
        process.kill(pid, 'SIGINT')
        process.kill(pid, 'SIGTERM')
        await own.process(await workOn(await picture('png', 20, 20)))
        expect(isThere(pid)).toBe(true)
      })
    } finally {
      delete process.env.TRUNKLINE_TEST_SECRET
    }
  })

  it('do not outlive a service that is killed', async () => {
    const path = await place(large)
    const program = `
      import { createPictures } from ${JSON.stringify(join(import.meta.dirname, 'pictures.ts'))}
      const logger = { info() {}, warn() {} }
      createPictures({ logger, folder: ${JSON.stringify(folder)} }).avatar(${JSON.stringify(path)}).catch(() => {})`
    const service = spawn(process.execPath, ['--input-type=module', '--eval', program], { stdio: 'ignore' })
    const ended = once(service, 'exit')
    let left: number[] = []
    await expect.poll(async () => (left = await workers(service.pid))).toHaveLength(1)
    service.kill('SIGKILL')
    await ended
    await expect.poll(() => left.filter(isThere)).toEqual([])
  })

  it('leave no file behind', async () => {
    const own = await mkdtemp(join(folder, 'own-'))
    await withPictures({ folder: own }, async pictures => {
      await pictures.process(await workOn(await picture('png', 2000, 2000)))
      await pictures.document(await workOn(document()))
      await pictures.process(await workOn('no')).catch(() => undefined)
    })
    expect(await readdir(own)).toEqual([])
  })
})
