import { execFile } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createLogger } from '@trunkline/kit'
import { createPictures } from '../../media/src/pictures/pictures.ts'
import { workOf } from '../../media/src/testing/work.ts'
import { scratchFolder } from '../server.ts'

const run = promisify(execFile)

const ROUNDS = 5
/** As many pictures at a time as there are cores, for both: each process works on one, with one thread. */
const AT_ONCE = availableParallelism()

// Named by its package's own name for it: `convert` may be another program on somebody's PATH.
const IMAGEMAGICK = 'convert-im6.q16'

/** Three sizes, each made of the one before, with the quality, effort and format of ours. */
const argumentsFor = (photo: string, folder: string, hint: readonly string[]): string[] => [
  ...hint,
  photo,
  ...['-auto-orient', '-strip', '-quality', '80', '-define', 'webp:method=1'],
  ...['-resize', '1600x1600>', '-write', join(folder, '1600.webp')],
  ...['-resize', '512x512>', '-write', join(folder, '512.webp')],
  ...['-resize', '128x128>', join(folder, '128.webp')],
]

const middle = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** How many of a kind of work are done in a second. */
const rate = async (seconds: number, work: () => Promise<unknown>): Promise<number> => {
  const start = performance.now()
  let done = 0
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      do {
        await work()
        done++
      } while (performance.now() - start < seconds * 1_000)
    }),
  )
  return (done * 1_000) / (performance.now() - start)
}

/**
 * A photo of 12 megapixels to three thumbnails: ours (which looks for orientation, colour and placeholder too) beside
 * Debian's ImageMagick, in turns, medians.
 * @param seconds of each measurement
 */
export const measurePictures = async (seconds: number): Promise<void> => {
  const scratch = scratchFolder()
  mkdirSync(join(scratch.path, 'work'))
  const folder = join(scratch.path, 'work')
  const pictures = createPictures({
    logger: createLogger({ name: 'bench', level: 'warn' }),
    folder,
    workers: AT_ONCE,
  })
  const photo = join(scratch.path, 'photo.jpg')
  const inFolder = async (work: (own: string) => Promise<unknown>) => {
    const own = await mkdtemp(join(folder, 'one-'))
    await work(own)
    await rm(own, { recursive: true })
  }
  const ours = () =>
    inFolder(own => pictures.process(workOf({ path: photo, mime: 'image/jpeg', folder: own })))
  const env = { PATH: process.env.PATH, OMP_NUM_THREADS: '1' }
  const theirs = (hint: readonly string[]) => () =>
    inFolder(own => run(IMAGEMAGICK, argumentsFor(photo, own, hint), { env }))
  try {
    await run(
      IMAGEMAGICK,
      [...['-seed', '42', '-size', '4000x3000', 'plasma:fractal'], '-quality', '90', photo],
      {
        env,
      },
    )
    const { stdout } = await run(IMAGEMAGICK, ['-version'])
    // The first starts processes.
    await rate(0, ours)
    const works: [name: string, work: () => Promise<unknown>, rates: number[]][] = [
      ['Trunkline', ours, []],
      ['ImageMagick', theirs([]), []],
      // It may decode a JPEG smaller than it is when it is told to, which is not always faster.
      ['ImageMagick, told the size', theirs(['-define', 'jpeg:size=1600x1600']), []],
    ]
    for (let round = 0; round < ROUNDS; round++)
      for (const [, work, rates] of works) rates.push(await rate(seconds, work))
    console.log(
      `A JPEG of 4000 x 3000 to WebP of 1600, 512 and 128 pixels, ${AT_ONCE} at a time (${stdout.split('\n', 1)[0]}).\n`,
    )
    console.log('| | pictures/s |\n|---|---|')
    const medians = works.map(([name, , rates]) => [name, middle(rates)] as const)
    for (const [name, value] of medians) console.log(`| ${name} | ${value.toFixed(1)} |`)
    const [[, own = 0] = [], ...others] = medians
    const best = Math.max(...others.map(([, value]) => value))
    console.log(`\n${(own / best).toFixed(1)} times ImageMagick; the aim is 3.`)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
    throw new Error(
      'ImageMagick is not installed: apt-get install --no-install-recommends imagemagick, then run this again.',
    )
  } finally {
    await pictures.close()
    scratch.remove()
  }
}
