import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { access, constants, rm } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { Semaphore } from 'async-mutex'
import ffmpeg from 'fluent-ffmpeg'
import { MEDIA_LIMITS } from './limits.ts'

// The only file that imports fluent-ffmpeg.

/** Containers a poster is taken from. What is left out matters: a playlist named .mp4 would read other files. */
const CONTAINERS = 'mov,matroska,webm,ogg'

/**
 * Arguments for one poster frame of a file nobody trusts: no network, no playlists, one thread, bounded input, frame
 * size and output. https://ffmpeg.org/ffmpeg-formats.html#Format-Options
 */
export const posterArguments = (): { input: string[]; output: string[] } => {
  const side = MEDIA_LIMITS.thumbnailPixels
  return {
    input: [
      ...['-nostdin', '-hide_banner'],
      ...['-protocol_whitelist', 'file,pipe'],
      ...['-format_whitelist', CONTAINERS],
      ...['-threads', '1'],
      ...['-max_pixels', String(MEDIA_LIMITS.pixels)],
      ...['-t', String(MEDIA_LIMITS.posterInputSeconds)],
    ],
    output: [
      ...['-map', '0:v:0', '-an', '-sn', '-dn'],
      ...['-map_metadata', '-1'],
      // First made small, then the least black of the first frames: the filter keeps all of them in memory.
      ...['-vf', `scale=${side}:${side}:force_original_aspect_ratio=decrease,thumbnail=24`],
      ...['-filter_threads', '1', '-threads', '1'],
      ...['-frames:v', '1', '-update', '1'],
      ...['-fs', String(MEDIA_LIMITS.posterBytes)],
    ],
  }
}

/** Arguments of `prlimit` for a running ffmpeg: what it may take when a file has taken it over or sent it in circles. */
export const limitArguments = (pid: number): string[] => [
  `--pid=${pid}`,
  `--as=${MEDIA_LIMITS.posterMemoryBytes}`,
  `--cpu=${Math.ceil(MEDIA_LIMITS.posterMs / 1000)}`,
  `--fsize=${MEDIA_LIMITS.posterBytes}`,
  '--nofile=64',
  '--core=0',
]

/** Finds a program as a shell would, or says that there is none. */
export const findProgram = async (
  name: string,
  path = process.env.PATH ?? '',
): Promise<string | undefined> => {
  for (const folder of path.split(delimiter).filter(Boolean)) {
    const candidate = join(folder, name)
    const found = await access(candidate, constants.X_OK).then(
      () => true,
      () => false,
    )
    if (found) return candidate
  }
  return undefined
}

const run = promisify(execFile)

/** Fences a running ffmpeg in. Where there is no prlimit (util-linux) the time limit alone holds. */
const limit = async (command: unknown): Promise<void> => {
  const pid = (command as { ffmpegProc?: { pid?: number } }).ffmpegProc?.pid
  if (pid === undefined) return
  await run('prlimit', limitArguments(pid), { timeout: 2_000 }).catch(() => undefined)
}

/** Takes pictures out of videos with one ffmpeg binary. */
export class Ffmpeg {
  readonly #binary: string
  readonly #timeoutMs: number
  readonly #turns = new Semaphore(MEDIA_LIMITS.postersAtOnce)

  /** @param options.binary path of the program */
  constructor(options: { binary: string; timeoutMs?: number }) {
    this.#binary = options.binary
    this.#timeoutMs = options.timeoutMs ?? MEDIA_LIMITS.posterMs
  }

  /**
   * Writes a poster frame as PNG into `folder`.
   * @returns its path; whoever asked removes it
   * @throws Error when the file has no frame ffmpeg can and may read, or it took too long
   */
  poster(video: string, folder: string): Promise<string> {
    return this.#turns.runExclusive(async () => {
      const poster = join(folder, `${randomUUID()}.png`)
      try {
        await this.#run(video, poster)
        await access(poster)
        return poster
      } catch (error) {
        await rm(poster, { force: true })
        throw error
      }
    })
  }

  #run(video: string, poster: string): Promise<void> {
    const { input, output } = posterArguments()
    return new Promise((resolve, reject) => {
      let timedOut = false
      const command = ffmpeg({ niceness: 10, stdoutLines: 20 })
        .setFfmpegPath(this.#binary)
        .input(video)
        .inputOptions(input)
        .output(poster)
        .outputOptions(output)
      // Its own timeout asks politely (SIGTERM), and what it asks may no longer be listening.
      const timer = setTimeout(() => {
        timedOut = true
        command.kill('SIGKILL')
      }, this.#timeoutMs)
      command
        .on('start', () => {
          // It asks ffmpeg what it can do first, and that may have taken all of the time.
          if (timedOut) command.kill('SIGKILL')
          else void limit(command)
        })
        .on('end', () => {
          clearTimeout(timer)
          resolve()
        })
        .on('error', error => {
          clearTimeout(timer)
          reject(
            timedOut ? new Error(`ffmpeg was killed after ${this.#timeoutMs} ms`, { cause: error }) : error,
          )
        })
        .run()
    })
  }
}
