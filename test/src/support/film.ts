import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export type Film = {
  /** seconds */
  seconds: number
  /** such as 1280x720 */
  size: string
}

/**
 * A video of a test picture with a tone, in a form that browsers do not play: Motion JPEG in Matroska, quickly made and slow
 * to be turned into H.264.
 * @returns its path
 */
export const makeFilm = async (folder: string, { seconds, size }: Film): Promise<string> => {
  const path = join(folder, `film-${size}-${seconds}.mkv`)
  const picture = ['-f', 'lavfi', '-i', `testsrc2=size=${size}:rate=25:duration=${seconds}`]
  const sound = ['-f', 'lavfi', '-i', `sine=frequency=440:duration=${seconds}`]
  const form = ['-c:v', 'mjpeg', '-q:v', '4', '-pix_fmt', 'yuvj420p', '-c:a', 'pcm_s16le']
  await run('ffmpeg', ['-v', 'error', ...picture, ...sound, ...form, path], { timeout: 60_000 })
  return path
}
