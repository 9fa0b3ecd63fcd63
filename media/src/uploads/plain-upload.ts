import type { Logger } from '@trunkline/kit'
import { IdempotencyKey, parse, ROUTES, type RoomDesk } from '@trunkline/protocol'
import type { Request, Response } from 'express'
import { askerOf } from '../asker.ts'
import type { FileTable } from '../files/file-table.ts'
import { safeName } from '../files/name.ts'
import { type FoundFile, newFileId, toStoredFile } from '../files/stored-file.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import type { Staging } from '../store/staging.ts'
import type { Completion } from './completion.ts'
import { brokenOff, drain, type Receiver } from './receive.ts'
import { refuseForms } from './refuse-forms.ts'
import type { RunningHashes } from './running-hashes.ts'
import { assertWriter } from './upload-rights.ts'
import { keyUsed, type UploadTable } from './upload-table.ts'

export type PlainUploadDeps = {
  logger: Logger
  desk: RoomDesk
  uploads: UploadTable
  files: FileTable
  staging: Staging
  receiver: Receiver
  hashes: RunningHashes
  completion: Completion
}

/** `POST /v1/rooms/{id}/files?name=`: the body is the file. With an `Idempotency-Key` a repeated one is stored once. */
export class PlainUpload {
  readonly #deps: PlainUploadDeps

  constructor(deps: PlainUploadDeps) {
    this.#deps = deps
  }

  async handle(request: Request, response: Response): Promise<void> {
    try {
      const found = await this.#receive(request, response)
      response.status(ROUTES.createFile.status).json(toStoredFile(found))
    } finally {
      drain(request)
    }
  }

  async #receive(request: Request, response: Response): Promise<FoundFile> {
    const { logger, desk, uploads, files, staging, receiver, hashes, completion } = this.#deps
    const asker = askerOf(request)
    refuseForms(request)
    const { id: roomId } = parse(ROUTES.createFile.params, request.params, 'the path')
    const { name } = parse(ROUTES.createFile.query, { ...request.query }, 'the query')
    const requestKey = parse(IdempotencyKey.optional(), request.get('Idempotency-Key'), 'Idempotency-Key')
    const uploader = await assertWriter(desk, asker, roomId)

    const earlier = requestKey && (await files.findByRequestKey(uploader, requestKey))
    if (earlier) {
      if (earlier.file.roomId === roomId) return earlier
      throw keyUsed()
    }

    const id = newFileId()
    const announced = request.get('content-length')
    const size = announced === undefined ? null : Number(announced)
    const upload = { id, roomId, uploader, name: safeName(name), size }
    const row = await uploads.create(upload, MEDIA_LIMITS.plainUploadMs)
    if (!row) throw new Error('an upload of a new id was there already')
    // Nobody can go on with it when this process dies: it is kept only as long as somebody receives it.
    const renewal = setInterval(() => {
      uploads.renew(id, MEDIA_LIMITS.plainUploadMs).catch((error: unknown) => {
        logger.warn({ err: error, uploadId: id }, 'an upload was not prolonged; it is tried again')
      })
    }, MEDIA_LIMITS.plainUploadRenewMs)
    try {
      await staging.create(id)
      const arrived = await receiver.receive(request, id, { offset: 0, most: row.reserved })
      // Asked again: whoever was banned while sending gets nothing in.
      await assertWriter(desk, asker, roomId)
      // Nobody would know of it, and send it again.
      if (response.closed || request.socket.destroyed) throw brokenOff()
      const sha256 = await hashes.finish(id, arrived)
      const found = await completion.complete(row, { size: arrived, sha256, requestKey })
      if (found.file.roomId !== roomId) throw keyUsed()
      return found
    } catch (error) {
      await completion.discard(id)
      throw error
    } finally {
      clearInterval(renewal)
    }
  }
}
