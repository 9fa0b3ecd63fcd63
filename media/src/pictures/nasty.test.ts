import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import sharp from 'sharp'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { randomFrom, rounds } from '../../../test/src/support/rounds.ts'
import { detectKind, kindOf } from '../files/kind.ts'
import { MediaFault, type Produced } from '../jobs/processor.ts'
import { damaged } from '../testing/damaged.ts'
import { hasHeic, heic } from '../testing/heic.ts'
import { nastyPictures } from '../testing/nasty-pictures.ts'
import { document } from '../testing/pdf.ts'
import { quiet } from '../testing/platform.ts'
import { picture } from '../testing/samples.ts'
import { workOf } from '../testing/work.ts'
import { createPictures, type Pictures } from './pictures.ts'

// TRUNKLINE_ROUNDS multiplies the damaged files; TRUNKLINE_SEED repeats a run.
const DAMAGED = rounds(20)
const SEED = Number(process.env.TRUNKLINE_SEED ?? Date.now() % 2 ** 31)

let folder = ''
let pictures: Pictures
const asked: string[] = []
const server = createServer((request, response) => {
  asked.push(request.url ?? '')
  response.end()
})
const CANARY = { url: '', path: '' }
const SECRET = 'a canary that nobody may read'

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'trunkline-nasty-'))
  pictures = createPictures({ logger: quiet, folder, timeoutMs: 10_000 })
})
afterAll(async () => {
  await pictures.close()
  server.close()
  await rm(folder, { recursive: true })
})

await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
CANARY.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/canary`
CANARY.path = join(tmpdir(), `trunkline-canary-${process.pid}`)
await writeFile(CANARY.path, SECRET)
afterAll(() => rm(CANARY.path))

/** What becomes of a file of any kind: what was made of it, or the sentence that says why nothing was. */
const look = async (bytes: Buffer): Promise<Produced | string> => {
  const own = await mkdtemp(join(folder, 'work-'))
  const path = join(own, 'holiday.jpg')
  await writeFile(path, bytes)
  const mime = await detectKind(path)
  const process = { picture: pictures.process, document: pictures.document }[
    kindOf(mime) as 'picture' | 'document'
  ]
  if (!process) return `This is a plain file: ${mime}.`
  const work = workOf({ path, mime, folder: own })
  try {
    return await process(work)
  } catch (error) {
    if (error instanceof MediaFault) return error.message
    throw error
  }
}

/** What is made of a file is small, of one kind, and holds nothing but pixels. */
const assertHarmless = async ({ made }: Produced): Promise<void> => {
  for (const { path, mime } of made) {
    const bytes = await readFile(path)
    const found = await sharp(bytes).metadata()
    expect([mime, found.format, found.exif, found.xmp, found.icc]).toEqual([
      'image/webp',
      'webp',
      undefined,
      undefined,
      undefined,
    ])
    expect(Math.max(found.width, found.height)).toBeLessThanOrEqual(1600)
    for (const trace of ['script', 'PK\x03\x04', SECRET]) expect(bytes.includes(trace)).toBe(false)
  }
}

describe('nasty files', () => {
  afterEach(async () => {
    expect(asked).toEqual([])
    expect(await look(await picture('png', 20, 20))).toMatchObject({ details: { width: 20, height: 20 } })
  })

  it.each(nastyPictures(CANARY))('$name: $outcome', { timeout: 90_000 }, async ({ make, outcome }) => {
    const found = await look(await make())
    if (typeof found === 'string') {
      expect(outcome).not.toBe('shown')
      expect(found).toMatch(/^This [\w ,:/.-]+\.$/)
    } else {
      expect(outcome).not.toBe('refused')
      await assertHarmless(found)
    }
  })
})

const isAble = await hasHeic()

describe('damaged files', () => {
  const samples: Record<string, () => Promise<Buffer>> = {
    JPEG: () => picture('jpeg', 64, 64),
    'progressive JPEG': async () =>
      sharp(await picture('png', 64, 64))
        .jpeg({ progressive: true })
        .toBuffer(),
    PNG: () => picture('png', 64, 64),
    WebP: () => picture('webp', 64, 64),
    GIF: () => picture('gif', 64, 64),
    AVIF: () => picture('avif', 64, 64),
    PDF: async () => document({ pages: 2 }),
  }

  const timeout = 30_000 + 1_000 * DAMAGED

  it.each(Object.entries(samples))(
    `${DAMAGED} of %s are shown or refused (seed ${SEED})`,
    { timeout },
    async (_, make) => {
      const whole = await make()
      const random = randomFrom(SEED)
      for (let round = 0; round < DAMAGED; round++) {
        const found = await look(damaged(whole, random))
        if (typeof found === 'string') expect(found).toMatch(/^This [\w ,:/.-]+\.$/)
        else await assertHarmless(found)
      }
    },
  )

  it.runIf(isAble)(`and of HEIC (seed ${SEED})`, { timeout }, async () => {
    const whole = await heic(await picture('jpeg', 64, 64))
    const random = randomFrom(SEED)
    for (let round = 0; round < DAMAGED / 4; round++) {
      const found = await look(damaged(whole, random))
      if (typeof found !== 'string') await assertHarmless(found)
    }
  })
})
