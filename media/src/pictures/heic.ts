import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@trunkline/kit'
import { ended, type Fence, findProgram } from '../fence.ts'
import { MediaFault } from '../jobs/processor.ts'
import { MEDIA_LIMITS } from '../limits.ts'

/**
 * Turns a HEIC picture, as iPhones take them, into a JPEG and calls with its path; the JPEG is removed afterwards. Its pixels
 * are upright, but what it was told of its orientation is still in it. sharp's own libheif has no HEVC, for its patents;
 * Debian's has, in `heif-convert` of libheif-examples.
 * @throws MediaFault when there is no such program, or it cannot read the picture
 */
export const convertHeic = async <T>(
  path: string,
  options: { fence: () => Promise<Fence>; folder: string; logger: Logger; signal: AbortSignal | undefined },
  use: (path: string) => Promise<T>,
): Promise<T> => {
  const { folder, logger, signal } = options
  const program = await findProgram('heif-convert')
  if (!program) throw new MediaFault('This server cannot show HEIC pictures.')
  const own = join(folder, randomUUID())
  await mkdir(own)
  try {
    const limits = {
      memoryBytes: MEDIA_LIMITS.heicMemoryBytes,
      fileBytes: MEDIA_LIMITS.pictureFileBytes,
      cpuSeconds: Math.ceil(MEDIA_LIMITS.pictureMs / 1000),
    }
    const [command, ...args] = (await options.fence()).wrap(program, limits)
    signal?.throwIfAborted()
    const child = spawn(command, [...args, '-q', '95', path, join(own, 'picture.jpg')], {
      cwd: own,
      stdio: 'ignore',
      timeout: MEDIA_LIMITS.pictureMs,
      killSignal: 'SIGKILL',
    })
    const kill = () => child.kill('SIGKILL')
    signal?.addEventListener('abort', kill, { once: true })
    const how = await ended(child)
    signal?.removeEventListener('abort', kill)
    signal?.throwIfAborted()
    // Of a file with several pictures it writes several, numbered.
    const jpeg = (await readdir(own)).toSorted()[0]
    if (how !== 'exit code 0' || jpeg === undefined) {
      logger.info({ how }, 'a HEIC picture could not be converted')
      throw new MediaFault('This picture is damaged and cannot be shown.')
    }
    return await use(join(own, jpeg))
  } finally {
    await rm(own, { recursive: true, force: true })
  }
}
