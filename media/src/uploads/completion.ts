import { isUniqueViolation, type Logger } from '@trunkline/kit'
import { LIMITS, TrunklineError } from '@trunkline/protocol'
import type { FileTable } from '../files/file-table.ts'
import { detectHead, KIND_BYTES, type Kind, kindOf } from '../files/kind.ts'
import type { FoundFile } from '../files/stored-file.ts'
import type { MediaJobs } from '../jobs/media-jobs.ts'
import type { Staging } from '../store/staging.ts'
import { ObjectNotFoundError } from '../store/store.ts'
import type { UploadRow, UploadTable } from './upload-table.ts'

/** Videos and what is nothing to look at may be as large as any file. */
const LARGEST = new Map<Kind, { what: string; limit: number }>([
  ['picture', { what: 'A picture', limit: LIMITS.pictureBytes }],
  ['audio', { what: 'A recording', limit: LIMITS.audioBytes }],
  ['document', { what: 'A document', limit: LIMITS.documentBytes }],
])

const assertSize = (mime: string, size: number): void => {
  const largest = LARGEST.get(kindOf(mime))
  if (!largest || size <= largest.limit) return
  const { what, limit } = largest
  throw new TrunklineError('too_large', `${what} must be at most ${limit} bytes.`, { details: { limit } })
}

/** Makes files of uploads whose bytes are all there. */
export class Completion {
  readonly #uploads: UploadTable
  readonly #files: FileTable
  readonly #staging: Staging
  readonly #jobs: Pick<MediaJobs, 'driveFile'>
  readonly #logger: Logger

  constructor(deps: {
    uploads: UploadTable
    files: FileTable
    staging: Staging
    jobs: Pick<MediaJobs, 'driveFile'>
    logger: Logger
  }) {
    this.#uploads = deps.uploads
    this.#files = deps.files
    this.#staging = deps.staging
    this.#jobs = deps.jobs
    this.#logger = deps.logger
  }

  /**
   * Puts a file of its room in the place of an upload, in one transaction, and has a job look at it. Done again, it finds the
   * file; where another came by the same request, that one is it. Rights are the caller's to check, right before.
   * @param found.size bytes
   * @param found.sha256 hex, when it was computed while the bytes came in
   * @param found.requestKey of the request that brought it, when that was not the one that created it
   * @throws TrunklineError `too_large` for its kind: the upload is then the caller's to discard; `not_found` when it was
   *   taken away meanwhile
   */
  async complete(
    upload: UploadRow,
    found: { size: number; sha256?: string | undefined; requestKey?: string | undefined },
  ): Promise<FoundFile> {
    const { id, roomId, uploader, name, parts } = upload
    if (roomId === null || name === null) throw new TypeError('a part never becomes a file itself')
    const { size, sha256 } = found
    const mime = await this.#look(id, size)
    if (mime === undefined) return this.#done(id)
    assertSize(mime, size)
    const requestKey = found.requestKey ?? upload.requestKey
    try {
      const row = await this.#uploads.replaceByFile({
        id,
        roomId,
        uploader,
        name,
        size,
        mime,
        requestKey,
        parts,
      })
      if (row) {
        await this.#begin(id, sha256)
        return { file: row, content: null }
      }
    } catch (error) {
      const earlier = isUniqueViolation(error) && requestKey !== null
      const other = earlier ? await this.#files.findByRequestKey(uploader, requestKey) : undefined
      if (!other) throw error
      await this.discard(id)
      return other
    }
    return this.#done(id)
  }

  /** Takes an upload away, its bytes included; one that has become a file is left alone. */
  async discard(id: string): Promise<boolean> {
    if (!(await this.#uploads.delete(id))) return false
    try {
      await this.#staging.delete(id)
    } catch (error) {
      this.#logger.warn(
        { err: error, uploadId: id },
        'bytes of an upload were not deleted; it is tried again',
      )
    }
    return true
  }

  /** What another request completed meanwhile. */
  async #done(id: string): Promise<FoundFile> {
    const done = await this.#files.find(id)
    if (done) return done
    throw new TrunklineError('not_found', 'This upload was taken away. Begin it anew.')
  }

  /** @returns nothing when its bytes are not there any more */
  async #look(id: string, size: number): Promise<string | undefined> {
    const chunks: Uint8Array[] = []
    try {
      const body =
        size > 0 ? await this.#staging.read(id, { start: 0, end: Math.min(size, KIND_BYTES) - 1 }) : []
      for await (const chunk of body) chunks.push(chunk as Uint8Array)
    } catch (error) {
      if (error instanceof ObjectNotFoundError) return undefined
      throw error
    }
    return detectHead(Buffer.concat(chunks))
  }

  async #begin(fileId: string, sha256: string | undefined): Promise<void> {
    try {
      await this.#jobs.driveFile(fileId, sha256)
    } catch (error) {
      // The file is there, and what stands still is looked for.
      this.#logger.warn({ err: error, fileId }, 'the job of a file was not added; it is added later')
    }
  }
}
