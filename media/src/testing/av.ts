import { execFile } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createLogger } from '@trunkline/kit'
import { createAv } from '../av/av.ts'
import type { Rendition } from '../av/video.ts'
import { findProgram } from '../fence.ts'
import type { Produced } from '../jobs/processor.ts'
import { createPictures } from '../pictures/pictures.ts'
import { workOf } from './work.ts'

const execute = promisify(execFile)

export const ffmpegProgram = await findProgram('ffmpeg')
export const ffprobeProgram = await findProgram('ffprobe')
export const hasFfmpeg = ffmpegProgram !== undefined && ffprobeProgram !== undefined
if (!hasFfmpeg) process.stdout.write('tests with a real ffmpeg are skipped: ffmpeg is not installed\n')

/** A moving test picture. */
export const pictures = (size: string, seconds: number, rate = 30): string[] => [
  ...['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=${rate}:duration=${seconds}`],
]
/** A tone that grows from silence. */
export const sound = (seconds: number): string[] => [
  ...['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds},volume='t/${seconds}':eval=frame`],
]

export const H264 = ['-c:v', 'libx264', '-preset', 'ultrafast', '-pix_fmt', 'yuv420p']
/** A film to be converted, made in a fraction of the time that the encoder takes if it is let. */
export const VP8 = ['-c:v', 'libvpx', '-deadline', 'realtime', '-cpu-used', '8']

export type Track = Readonly<Record<string, unknown>>

export type Looked = {
  /** s */
  seconds: number
  tags: Readonly<Record<string, string>>
  streams: readonly Track[]
}

/** Somewhere to make samples, and a real {@link createAv} to give them to. */
export const openStudio = async (renditions: readonly Rendition[] = ['video']) => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-av-'))
  const logger = createLogger({ name: 'test', level: 'silent' })
  const drawer = createPictures({ logger, folder })
  const av = await createAv({ logger, pictures: drawer, renditions })
  if (!av) throw new Error('there is no ffmpeg')

  return {
    folder,
    /** Has ffmpeg make a file; the last of its arguments is its name in the folder. */
    async make(args: readonly string[]): Promise<string> {
      const path = join(folder, args.at(-1) ?? '')
      const [program, all] = [ffmpegProgram ?? '', ['-v', 'error', '-y', ...args.slice(0, -1), path]]
      await execute(program, all, { timeout: 60_000 })
      return path
    },
    /** Processes a file as a job does. */
    async process(
      path: string,
      mime: string,
      options: { signal?: AbortSignal; progress?: (fraction: number) => void } = {},
    ): Promise<Produced & { folder: string }> {
      const work = await mkdtemp(join(folder, 'work-'))
      const process = mime.startsWith('audio/') ? av.audio : av.video
      return {
        ...(await process(workOf({ path, mime, folder: work }, options))),
        folder: work,
      }
    },
    /** What ffprobe says of a file, which nobody made up. */
    async look(path: string): Promise<Looked> {
      const args = ['-v', 'error', '-of', 'json', '-show_format', '-show_streams', path]
      const { stdout } = await execute(ffprobeProgram ?? '', args)
      const { format, streams } = JSON.parse(stdout)
      return { seconds: Number(format.duration), tags: format.tags ?? {}, streams }
    },
    async close(): Promise<void> {
      await drawer.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
export type Studio = Awaited<ReturnType<typeof openStudio>>

/** Path of what was made under a name. */
export const madeAs = (produced: Produced, name: string): string => {
  const made = produced.made.find(each => each.name === name)
  if (!made) throw new Error(`there is no ${name}, only ${produced.made.map(each => each.name).join(', ')}`)
  return made.path
}

export const sizeOf = async (path: string): Promise<number> => (await stat(path)).size
