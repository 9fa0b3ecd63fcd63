import type { Logger } from '@trunkline/kit'
import { Fence } from '../fence.ts'
import { detectKind, isHeic, isPicture } from '../files/kind.ts'
import { MediaFault, type Processor, type Produced, type Work } from '../jobs/processor.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import { convertHeic } from './heic.ts'
import { ProcessPool } from './process-pool.ts'

export type Pictures = {
  /** Of a picture: size, placeholder, colour and thumbnails. */
  process: Processor
  /** Of a PDF: how many pages, and its first page as a picture. One that only a password opens has no picture. */
  document: Processor
  /**
   * Thumbnails, placeholder and colour of a frame of a video.
   * @param path of the frame, a picture of any kind that is read
   * @throws MediaFault
   */
  poster(path: string, work: Work): Promise<Produced>
  /**
   * @returns WebP of 512 x 512 pixels, the middle of the picture
   * @throws MediaFault when it is not a picture, or cannot be read
   */
  avatar(path: string, signal?: AbortSignal): Promise<Buffer>
  /**
   * Writes the picture anew without what it says about camera, place and author, turned as it is seen; those that move
   * keep their frames as they are. HEIC and AVIF become JPEG or, when one can see through them, WebP: others can open
   * those, and they are written in a moment.
   * @param to of a file that does not exist
   * @returns the MIME type of what was written
   * @throws MediaFault
   */
  strip(path: string, to: string, signal?: AbortSignal): Promise<string>
  /** Ends its processes; what is under way is rejected. Idempotent. */
  close(): Promise<void>
}

export type PicturesDeps = {
  logger: Logger
  /** For what is written on the way; exists, and is emptied by whoever owns it. */
  folder: string
  /** Pictures worked on at a time. */
  workers?: number
  /** ms for one; only tests need another value. */
  timeoutMs?: number
  /** bytes a process may hold; only tests need another value. */
  memoryBytes?: number
}

/** Pictures and documents, made small in processes of their own. Nothing is started before there is something to do. */
export const createPictures = (deps: PicturesDeps): Pictures => {
  const { logger, folder } = deps
  let opened: Promise<Fence> | undefined
  const fence = (): Promise<Fence> => (opened ??= Fence.open(logger))
  const pool = new ProcessPool({
    logger,
    fence,
    folder,
    workers: deps.workers ?? MEDIA_LIMITS.picturesAtOnce,
    timeoutMs: deps.timeoutMs ?? MEDIA_LIMITS.pictureMs,
    memoryBytes: deps.memoryBytes ?? MEDIA_LIMITS.pictureMemoryBytes,
  })

  /** Calls with a path that sharp reads: HEIC is turned into JPEG first, for as long as the call lasts. */
  const asReadable = <T>(
    path: string,
    mime: string,
    signal: AbortSignal | undefined,
    use: (source: { path: string; isUpright: boolean }) => Promise<T>,
  ): Promise<T> =>
    isHeic(mime)
      ? convertHeic(path, { fence, folder, logger, signal }, jpeg => use({ path: jpeg, isUpright: true }))
      : use({ path, isUpright: false })

  const detected = async (path: string): Promise<string> => {
    const mime = await detectKind(path)
    if (isPicture(mime)) return mime
    throw new MediaFault('This is not a picture of a kind that is known here.')
  }

  return {
    process: async ({ path, mime, folder: own, signal, progress }) => {
      const produced = await asReadable(path, mime, signal, source =>
        pool.run({ do: 'picture', ...source, folder: own }, signal),
      )
      progress(1)
      return produced
    },
    document: async ({ path, folder: own, signal, progress }) => {
      const produced = await pool.run({ do: 'document', path, folder: own }, signal)
      progress(1)
      return produced
    },
    poster: (path, work) =>
      pool.run({ do: 'picture', path, isUpright: true, folder: work.folder }, work.signal),
    avatar: async (path, signal) => {
      const bytes = await asReadable(path, await detected(path), signal, source =>
        pool.run({ do: 'avatar', ...source }, signal),
      )
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    },
    strip: async (path, to, signal) => {
      const mime = await detected(path)
      return asReadable(path, mime, signal, source => pool.run({ do: 'strip', ...source, mime, to }, signal))
    },
    close: () => pool.close(),
  }
}
