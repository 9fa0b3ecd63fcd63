import { AsyncLocalStorage } from 'node:async_hooks'
import type { Readable } from 'node:stream'
import { LIMITS, TrunklineError, UPLOADS_PATH } from '@trunkline/protocol'
import { DataStore, ERRORS, type Lock, Server, Upload } from '@tus/server'
import type { Request } from 'express'
import type { FileTable } from '../files/file-table.ts'
import type { Staging } from '../store/staging.ts'
import type { Completion } from './completion.ts'
import type { Checksum, Receiver } from './receive.ts'
import type { UploadLocks } from './upload-locks.ts'
import type { NewUpload, UploadRow, UploadTable } from './upload-table.ts'

/** What @tus/server does not know of a request that it answers. */
export type Exchange = {
  request: Request
  method: string
  /** Of the upload; of one that is created too. */
  id: string
  /** What is created. */
  creates?: NewUpload
  /** Bytes the upload is to have, where that was said before. */
  size?: number | null | undefined
  checksum?: Checksum | undefined
}

export type TusAnswer = { status: number; headers: Headers }

export type TusDeps = {
  uploads: UploadTable
  files: FileTable
  staging: Staging
  receiver: Receiver
  completion: Completion
  locks: UploadLocks
  /** Called once all bytes of an upload are there. */
  onFinish: (exchange: Exchange, upload: UploadRow) => Promise<void>
}

/** The same request created an upload already, while this one was looked at. */
export class RepeatedRequest extends Error {}

export const EXTENSIONS = [
  'creation',
  'creation-with-upload',
  'creation-defer-length',
  'checksum',
  'concatenation',
  'termination',
  'expiration',
]

/** What @tus/server says, in our words. */
const REFUSALS = new Map<unknown, () => TrunklineError>([
  [ERRORS.FILE_NOT_FOUND, () => notFound()],
  [ERRORS.FILE_NO_LONGER_EXISTS, () => notFound()],
  [
    ERRORS.INVALID_OFFSET,
    () =>
      new TrunklineError(
        'conflict',
        'Upload-Offset is not how much is there: ask for that by HEAD and go on.',
      ),
  ],
  [
    ERRORS.INVALID_LENGTH,
    () =>
      new TrunklineError(
        'invalid_request',
        'Send either Upload-Length, in bytes, or Upload-Defer-Length: 1; once the length was said it stays.',
      ),
  ],
  [
    ERRORS.ERR_SIZE_EXCEEDED,
    () => new TrunklineError('too_large', 'The body has more bytes than the upload was to have.'),
  ],
])

export const notFound = () =>
  new TrunklineError(
    'not_found',
    'There is no such upload of yours, or it lay about for too long. Begin it anew.',
  )

/** Headers that @tus/server looks at; from others it concludes things of its own. */
const HEADERS = [
  'tus-resumable',
  'upload-length',
  'upload-defer-length',
  'upload-offset',
  'upload-metadata',
  'content-type',
  'content-length',
]

/** Uploads as @tus/server asks for them. */
class UploadStore extends DataStore {
  readonly #deps: TusDeps
  readonly #current: () => Exchange

  constructor(deps: TusDeps, current: () => Exchange) {
    super()
    this.#deps = deps
    this.#current = current
    this.extensions = EXTENSIONS
  }

  override async create(upload: Upload): Promise<Upload> {
    const { creates } = this.#current()
    if (!creates) throw new Error('an upload was created by a request that creates none')
    const row = await this.#deps.uploads.create({ ...creates, size: upload.size ?? null })
    if (!row) throw new RepeatedRequest()
    await this.#deps.staging.create(upload.id)
    return upload
  }

  override async getUpload(id: string): Promise<Upload> {
    const { uploads, files } = this.#deps
    const row = await uploads.find(id)
    if (row) {
      const offset = await this.#sizeOf(row)
      return new Upload({
        id,
        offset,
        ...(row.size !== null && { size: row.size }),
        ...(row.roomId !== null && { metadata: { roomId: row.roomId, name: row.name } }),
        creation_date: row.createdAt.toISOString(),
      })
    }
    const file = (await files.find(id))?.file
    if (!file) throw ERRORS.FILE_NOT_FOUND
    const { size, roomId, name, createdAt } = file
    const metadata = { roomId, name }
    return new Upload({ id, offset: size, size, metadata, creation_date: createdAt.toISOString() })
  }

  override async declareUploadLength(id: string, size: number): Promise<void> {
    await this.#deps.uploads.declareSize(id, size)
  }

  override async write(nothing: Readable, id: string, offset: number): Promise<number> {
    // The body of the request that @tus/server was given has no bytes; it waits until that was seen.
    nothing.resume()
    const { uploads, receiver } = this.#deps
    const { request, checksum } = this.#current()
    const row = await uploads.find(id)
    if (!row) throw ERRORS.FILE_NOT_FOUND
    // Noted before the first of them is there: a crash must not leave bytes that nobody compared.
    if (checksum) await uploads.setUncheckedFrom(id, offset)
    const size = await receiver.receive(request, id, { offset, most: row.size ?? row.reserved, checksum })
    if (checksum) await uploads.setUncheckedFrom(id, null)
    return size
  }

  override async remove(id: string): Promise<void> {
    if (await this.#deps.completion.discard(id)) return
    if (!(await this.#deps.files.find(id))) throw ERRORS.FILE_NOT_FOUND
    throw new TrunklineError('conflict', `The upload is a file by now: DELETE /v1/files/${id} deletes it.`)
  }

  override getExpiration(): number {
    return LIMITS.uploadSeconds * 1000
  }

  /** How many bytes are there, without those of which it is not known whether they are the right ones. */
  async #sizeOf(row: UploadRow): Promise<number> {
    const { staging, uploads } = this.#deps
    const { id, uncheckedFrom } = row
    const size = await staging.size(id)
    if (size === undefined) {
      // A crash came between row and bytes.
      await staging.create(id)
      return 0
    }
    if (uncheckedFrom === null) return size
    await staging.truncate(id, uncheckedFrom)
    await uploads.setUncheckedFrom(id, null)
    return uncheckedFrom
  }
}

/**
 * Speaks tus 1.0: https://tus.io/protocols/resumable-upload by @tus/server, which sees what the protocol is about, and none of
 * the bytes: those go from the request into the staging.
 */
export class TusServer {
  readonly #deps: TusDeps
  readonly #server: Server
  readonly #exchanges = new AsyncLocalStorage<Exchange>()

  constructor(deps: TusDeps) {
    this.#deps = deps
    this.#server = new Server({
      path: UPLOADS_PATH,
      // Proxies in front may have another idea of where we are.
      relativeLocation: true,
      datastore: new UploadStore(deps, () => this.#current()),
      locker: { newLock: id => this.#createLock(id) },
      namingFunction: () => this.#current().id,
      getFileIdFromRequest: (_request, id) => id,
      onUploadFinish: async (_request, { id }) => {
        const row = await deps.uploads.find(id)
        // Nothing is there when another request completed it.
        if (row && !row.isPart) await deps.onFinish(this.#current(), row)
        return {}
      },
      onResponseError: (_request, error) => {
        throw REFUSALS.get(error)?.() ?? error
      },
    })
  }

  /**
   * Answers a request whose rights were checked.
   * @throws TrunklineError
   * @throws RepeatedRequest
   */
  async answer(exchange: Exchange): Promise<TusAnswer> {
    const { request, method, id, size } = exchange
    const headers = new Headers()
    for (const name of HEADERS) {
      const value = request.get(name)
      if (value) headers.set(name, value)
    }
    // Clients that did not hear the answer say the length once more.
    if (method === 'PATCH' && headers.get('upload-length') === String(size)) headers.delete('upload-length')
    const path = method === 'POST' ? UPLOADS_PATH : `${UPLOADS_PATH}/${encodeURIComponent(id)}`
    const bare = new Request(new URL(path, 'http://uploads.invalid'), { method, headers })
    const { status, headers: answered } = await this.#exchanges.run(exchange, () =>
      this.#server.handleWeb(bare),
    )
    if (status === 404) throw notFound()
    // All that is left of what it refuses by itself: headers that are not as the protocol has them.
    if (status >= 400)
      throw new TrunklineError('invalid_request', 'A header of tus has a value it cannot have.')
    return { status, headers: answered }
  }

  #current(): Exchange {
    const exchange = this.#exchanges.getStore()
    if (!exchange) throw new Error('an upload outside of a request')
    return exchange
  }

  #createLock(id: string): Lock {
    const { locks } = this.#deps
    const { request } = this.#current()
    let release = async () => {}
    return {
      lock: async () => {
        // What came of its body is kept; its client has another connection by now.
        release = await locks.acquire(id, () => {
          if (!request.complete) request.destroy()
        })
      },
      unlock: () => release(),
    }
  }
}
