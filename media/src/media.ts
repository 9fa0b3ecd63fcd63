import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createJobs, type Logger, type Task } from '@trunkline/kit'
import { type FileShelf, LIMITS, type RoomDesk } from '@trunkline/protocol'
import { Router } from 'express'
import type pg from 'pg'
import { type Av, createAv } from './av/av.ts'
import { createAvatars } from './avatars/avatars.ts'
import { openMediaDatabase } from './database.ts'
import { createDownloads } from './downloads/download.ts'
import { ContentTable } from './files/content-table.ts'
import { FileKeeper } from './files/file-keeper.ts'
import { FileTable } from './files/file-table.ts'
import { kindOf } from './files/kind.ts'
import { createContentTask } from './jobs/content-job.ts'
import { createDeletionTask, createFileTask } from './jobs/file-job.ts'
import { CONTENT_QUEUES, MediaJobs, QUEUES } from './jobs/media-jobs.ts'
import type { Processor } from './jobs/processor.ts'
import { createScanTask } from './jobs/scan-job.ts'
import { createSweep } from './jobs/sweep.ts'
import { MEDIA_LIMITS } from './limits.ts'
import { createLive } from './live/live.ts'
import { createPictures, type Pictures } from './pictures/pictures.ts'
import { createRecordingTask } from './recordings/recording-job.ts'
import { openScanner } from './scan/open.ts'
import { createShelf, partKey } from './shelf/shelf.ts'
import { shelfRoutes } from './shelf/shelf-routes.ts'
import { assertOwnStore } from './store/own-store.ts'
import type { Staging } from './store/staging.ts'
import type { ObjectStore } from './store/store.ts'
import { createUploads } from './uploads/uploads.ts'

export type MediaDeps = {
  logger: Logger
  /** Stays the caller's to close, as do the two stores. */
  pool: pg.Pool
  objects: ObjectStore
  staging: Staging
  desk: RoomDesk
  /** For what is written on the way: its `work` is emptied at the start, so it belongs to one process. */
  folder: string
  /** Under this signalling processes use the shelf over HTTP; left out, they cannot. */
  linkSecret?: string | undefined
  /** Signs links to files; the same in all processes of an installation. */
  linkKey: Buffer
  /** Path of an ffmpeg; looked for on PATH when left out, `false` for none. */
  ffmpeg?: string | false | undefined
  /** Who looks at files before anybody gets them, as SCAN_URL names it; nobody does when left out. */
  scanUrl?: string | undefined
  /** bytes of one file; LIMITS.uploadBytes when left out */
  uploadBytes?: number | undefined
  /** bytes of all files of one user; LIMITS.userFilesBytes when left out */
  userFilesBytes?: number | undefined
  /** Whether pictures are kept as they were uploaded, with what they say of camera and place. True when left out. */
  keepsOriginals?: boolean | undefined
  /** Whether videos are also made small, for those who have little bandwidth. False when left out. */
  makesSmallVideos?: boolean | undefined
  /** Whether downloads are redirected to the object store, where it can be reached by all. False when left out. */
  redirects?: boolean | undefined
  /** Streams of calls at once, in all processes; LIMITS.streams when left out. */
  streams?: number | undefined
  /** Whether streams may be sent to addresses that are not public. False when left out. */
  allowsPrivateTargets?: boolean | undefined
  /** ms after which a file is looked after that makes no progress; only tests need another value. */
  stalledMs?: number | undefined
  /** ms after which bytes of which nothing is known are taken away; likewise. */
  strayMs?: number | undefined
}

export type Media = {
  /** Serves uploads, downloads and avatars; errors are thrown, for the app's error handler to answer. */
  router: Router
  /** Files as the server reads and writes them. */
  shelf: FileShelf
  /** Looks for what was left half-way, which it does by itself from time to time. */
  sweep(): Promise<void>
  /** Calls that are shown live by this process. */
  streams(): number
  /** Stops what is made of files; it goes on after the next start. Idempotent. */
  close(): Promise<void>
}

const processorsOf = (pictures: Pictures, av: Av | undefined) => {
  return (mime: string): Processor | undefined => {
    const kind = kindOf(mime)
    switch (kind) {
      case 'picture':
        return pictures.process
      case 'document':
        return pictures.document
      case 'video':
      case 'audio':
        return av?.[kind]
      case 'other':
        return undefined
    }
  }
}

/**
 * Starts the media service: its tables are migrated, and what an earlier process left half-done goes on.
 * @throws ConfigError when the store is not the one that the files of this database are in
 */
export const createMedia = async (deps: MediaDeps): Promise<Media> => {
  const { logger, pool, objects, staging, desk } = deps
  const folder = join(deps.folder, 'work')
  await rm(folder, { recursive: true, force: true })
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const db = await openMediaDatabase(pool)
  await assertOwnStore(db, objects)
  const files = new FileTable(db)
  const contents = new ContentTable(db)

  const tasks = new Map<string, Task>()
  const streams = deps.streams ?? LIMITS.streams
  const queue = await createJobs({ pool, logger, tasks, atOnce: new Map([[QUEUES.stream, streams]]) })
  const jobs = new MediaJobs(queue)
  const keeper = new FileKeeper({ files, jobs })
  const pictures = createPictures({ logger, folder })
  const av = await createAv({
    logger,
    ffmpeg: deps.ffmpeg,
    pictures,
    renditions: deps.makesSmallVideos ? ['video', 'videoSmall'] : ['video'],
  })
  const scans = deps.scanUrl !== undefined
  const strip = deps.keepsOriginals === false ? pictures.strip : undefined

  const checking = { logger, files, contents, jobs, objects, staging, desk, scans, strip, folder }
  tasks.set(QUEUES.file, createFileTask(checking))
  if (deps.scanUrl !== undefined) {
    const scanner = openScanner(deps.scanUrl)
    tasks.set(QUEUES.scan, createScanTask({ logger, files, contents, jobs, objects, scanner }))
  }
  tasks.set(QUEUES.deletion, createDeletionTask({ files, jobs, desk }))
  const processorOf = processorsOf(pictures, av)
  const content = createContentTask({ logger, files, contents, objects, desk, processorOf, folder })
  for (const name of CONTENT_QUEUES) tasks.set(name, content)

  const limits = {
    uploadBytes: deps.uploadBytes ?? LIMITS.uploadBytes,
    userFilesBytes: deps.userFilesBytes ?? LIMITS.userFilesBytes,
  }
  const uploads = createUploads({ logger, db, files, staging, desk, jobs, limits })
  const downloads = createDownloads({
    logger,
    files,
    objects,
    desk,
    linkKey: deps.linkKey,
    deleteFile: ({ fileId, roomId }, userId) => keeper.delete({ id: fileId, roomId }, userId),
    redirects: deps.redirects ?? false,
  })
  const avatars = createAvatars({
    logger,
    db,
    objects,
    desk,
    folder: join(folder, 'avatars'),
    picture: path => pictures.avatar(path),
  })
  const live = createLive({
    logger,
    jobs,
    objects,
    desk,
    program: av?.live,
    partKey,
    linkKey: deps.linkKey,
    folder,
    streams,
    allowsPrivate: deps.allowsPrivateTargets ?? false,
  })
  tasks.set(QUEUES.stream, live.task)
  tasks.set(QUEUES.streamEnd, live.forgetting)
  const shelf = createShelf({
    db,
    files,
    keeper,
    jobs,
    objects,
    staging,
    avatars,
    live,
    maxBytes: limits.uploadBytes,
  })
  tasks.set(
    QUEUES.recording,
    createRecordingTask({ logger, files, jobs, objects, desk, shelf, partKey, film: av?.film, folder }),
  )
  const lookAfterFiles = createSweep({
    logger,
    db,
    files,
    contents,
    jobs,
    staging,
    stalledMs: deps.stalledMs,
    strayMs: deps.strayMs,
  })

  const sweep = async (): Promise<void> => {
    try {
      await lookAfterFiles()
      await avatars.sweep()
    } catch (error) {
      logger.warn({ err: error }, 'looking for what was left half-way failed; it is tried again')
    }
  }
  let sweeping = sweep()
  const sweepNext = (): Promise<void> => {
    sweeping = sweeping.then(sweep)
    return sweeping
  }
  const timer = setInterval(() => void sweepNext(), MEDIA_LIMITS.sweepEveryMs)
  timer.unref()
  await sweeping
  await queue.start()

  const router = Router()
  if (deps.linkSecret !== undefined) router.use(shelfRoutes(shelf, deps.linkSecret))
  for (const part of [uploads, downloads, avatars, live]) router.use(part.router)

  let closed: Promise<void> | undefined
  const close = async (): Promise<void> => {
    clearInterval(timer)
    downloads.close()
    await uploads.close()
    await sweeping
    await queue.close()
    await pictures.close()
  }
  return {
    router,
    shelf,
    sweep: sweepNext,
    streams: live.running,
    close() {
      closed ??= close()
      return closed
    },
  }
}
