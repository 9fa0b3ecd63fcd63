import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { type Check, ok, warning } from './check.ts'

const run = promisify(execFile)

/** ffmpeg and the ffprobe that comes with it are on the PATH. */
export const ffmpeg: Check = {
  name: 'ffmpeg',
  run: async () => {
    try {
      const { stdout } = await run('ffmpeg', ['-version'], { timeout: 5_000 })
      await run('ffprobe', ['-version'], { timeout: 5_000 })
      return ok(stdout.split('\n', 1)[0]?.replace(/ Copyright.*/, '') ?? 'there')
    } catch {
      return warning(
        'not found: nothing is made of video and sound, which are played as they came',
        'apt-get install ffmpeg',
      )
    }
  },
}
