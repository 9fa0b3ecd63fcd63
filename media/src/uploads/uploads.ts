import { expressPath, type Logger } from '@trunkline/kit'
import { ROUTES, type RoomDesk, UPLOADS_PATH } from '@trunkline/protocol'
import { Router } from 'express'
import type { MediaDatabase } from '../database.ts'
import type { FileTable } from '../files/file-table.ts'
import type { MediaJobs } from '../jobs/media-jobs.ts'
import type { Staging } from '../store/staging.ts'
import { Completion } from './completion.ts'
import { HashThread } from './hash-thread.ts'
import { PlainUpload } from './plain-upload.ts'
import { Receiver } from './receive.ts'
import { RunningHashes } from './running-hashes.ts'
import { Slabs } from './slabs.ts'
import { TusRoutes } from './tus-routes.ts'
import { UploadLocks } from './upload-locks.ts'
import { type UploadLimits, UploadTable } from './upload-table.ts'

export type UploadsDeps = {
  logger: Logger
  db: MediaDatabase
  files: FileTable
  staging: Staging
  desk: RoomDesk
  jobs: Pick<MediaJobs, 'driveFile'>
  limits: UploadLimits
}

export type Uploads = {
  /** Serves UPLOADS_PATH and `POST /v1/rooms/{id}/files`; errors are thrown, for the app's error handler to answer. */
  router: Router
  /** Uploads under way keep what came of them. Idempotent. */
  close(): Promise<void>
}

/** Receives files: by tus 1.0, and by one request. */
export const createUploads = (deps: UploadsDeps): Uploads => {
  const { logger, db, files, staging, desk, jobs, limits } = deps
  const uploads = new UploadTable(db, limits)
  const slabs = new Slabs()
  const thread = new HashThread(slabs.memory)
  const hashes = new RunningHashes(thread)
  const receiver = new Receiver({ staging, slabs, thread, hashes })
  const completion = new Completion({ uploads, files, staging, jobs, logger })
  const locks = new UploadLocks({
    config: { connectionString: db.$client.options.connectionString },
    logger,
  })
  const shared = { desk, uploads, files, staging, receiver, hashes, completion }
  const tus = new TusRoutes({ ...shared, locks, limits })
  const plain = new PlainUpload({ ...shared, logger })

  const router = Router()
  router.post(expressPath(ROUTES.createFile.path), (request, response) => plain.handle(request, response))
  router.all(`${UPLOADS_PATH}{/:id}`, (request, response) => tus.handle(request, response))

  const close = async (): Promise<void> => {
    await locks.close()
    await thread.close()
  }
  let closing: Promise<void> | undefined
  return {
    router,
    close() {
      closing ??= close()
      return closing
    },
  }
}
