import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expressPath, type Logger, openDatabase } from '@trunkline/kit'
import { type FileShelf, LIMITS, ROUTES } from '@trunkline/protocol'
import { Router } from 'express'
import type pg from 'pg'
import type { RoomAccess } from './access.ts'
import { createDownloadHandlers } from './download.ts'
import { Ffmpeg, findProgram } from './ffmpeg.ts'
import { FileKeeper } from './file-keeper.ts'
import { FileTable } from './files.ts'
import { MEDIA_LIMITS } from './limits.ts'
import { files } from './schema.ts'
import { createShelf } from './shelf.ts'
import { shelfRoutes } from './shelf-routes.ts'
import type { ObjectStore } from './store/store.ts'
import { createUploadHandler } from './upload.ts'

export type MediaDeps = {
  logger: Logger
  /** Stays the caller's to close, as does the store. */
  pool: pg.Pool
  store: ObjectStore
  access: RoomAccess
  /** Uploads are in its `incoming` until they are stored; that is emptied at the start, so it belongs to one process. */
  folder: string
  /** Under this signalling processes use the shelf over HTTP; left out, they cannot. */
  linkSecret?: string | undefined
  /** Path of an ffmpeg; looked for on PATH when left out, `false` for none. */
  ffmpeg?: string | false
  /** bytes; LIMITS.uploadBytes when left out */
  maxUploadBytes?: number
  /** ms after which an unfinished upload counts as abandoned; only tests need another value. */
  abandonedMs?: number
}

export type Media = {
  /** Serves `/v1/rooms/{id}/files` and `/v1/files/...`; errors are thrown, for the app's error handler to answer. */
  router: Router
  /** Files as the server reads and writes them. */
  shelf: FileShelf
  /** Stops the sweep. Idempotent. */
  close(): Promise<void>
}

const openFfmpeg = async (given: MediaDeps['ffmpeg'], logger: Logger): Promise<Ffmpeg | undefined> => {
  if (given === false) return undefined
  const binary = given ?? (await findProgram('ffmpeg'))
  if (binary !== undefined) return new Ffmpeg({ binary })
  logger.info('no ffmpeg on PATH: videos get no thumbnail')
  return undefined
}

/** Starts the media service: its table is migrated, what an earlier process left half-done is removed. */
export const createMedia = async (deps: MediaDeps): Promise<Media> => {
  const { logger, pool, store, access } = deps
  const folder = join(deps.folder, 'incoming')
  const abandonedMs = deps.abandonedMs ?? MEDIA_LIMITS.abandonedMs
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const db = await openDatabase({
    pool,
    schema: { files },
    migrations: fileURLToPath(new URL('../drizzle', import.meta.url)),
    table: 'media_migrations',
  })
  const ffmpeg = await openFfmpeg(deps.ffmpeg, logger)
  const table = new FileTable(db)
  const keeper = new FileKeeper({ files: table, store, logger })

  const sweep = async (): Promise<void> => {
    try {
      const removed = await keeper.sweep(abandonedMs)
      if (removed > 0) logger.info({ removed }, 'removed uploads that were broken off')
    } catch (error) {
      logger.warn({ err: error }, 'looking for abandoned uploads failed; it is tried again')
    }
  }
  let sweeping = sweep()
  const timer = setInterval(() => {
    sweeping = sweeping.then(sweep)
  }, MEDIA_LIMITS.sweepEveryMs)
  timer.unref()
  await sweeping

  const maxBytes = deps.maxUploadBytes ?? LIMITS.uploadBytes
  const upload = createUploadHandler({ logger, access, files: table, keeper, ffmpeg, folder, maxBytes })
  const download = createDownloadHandlers({ access, files: table, store })
  const shelf = createShelf({ logger, files: table, keeper, store, ffmpeg, folder, maxBytes })
  const router = Router()
  if (deps.linkSecret !== undefined) router.use(shelfRoutes(shelf, deps.linkSecret))
  router.post(expressPath(ROUTES.createFile.path), upload)
  router.get(expressPath(ROUTES.getFile.path), download.file)
  router.get(expressPath(ROUTES.getThumbnail.path), download.thumbnail)

  return {
    router,
    shelf,
    async close() {
      clearInterval(timer)
      await sweeping
    },
  }
}
