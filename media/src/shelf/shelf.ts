import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import { KeyedMutex } from '@trunkline/kit'
import { type FileShelf, LIMITS, type ShelfFile, TrunklineError } from '@trunkline/protocol'
import type { Avatars } from '../avatars/avatars.ts'
import type { MediaDatabase } from '../database.ts'
import type { FileKeeper } from '../files/file-keeper.ts'
import type { FileTable } from '../files/file-table.ts'
import { detectHead, KIND_BYTES } from '../files/kind.ts'
import { measure } from '../files/measure.ts'
import { safeName } from '../files/name.ts'
import { type FoundFile, objectKey, toStoredFile } from '../files/stored-file.ts'
import type { MediaJobs } from '../jobs/media-jobs.ts'
import type { Live } from '../live/live.ts'
import { files as fileRows } from '../schema.ts'
import { isFull } from '../store/full.ts'
import { isStagingId, type Staging } from '../store/staging.ts'
import { ObjectNotFoundError, type ObjectStore } from '../store/store.ts'

export type ShelfDeps = {
  db: MediaDatabase
  files: FileTable
  keeper: FileKeeper
  jobs: MediaJobs
  objects: ObjectStore
  staging: Staging
  avatars: Pick<Avatars, 'removeOf'>
  live: Pick<Live, 'start'>
  /** bytes */
  maxBytes: number
}

/** Where a part of a job is. */
export const partKey = (jobId: string, n: number): string => `jobs/${jobId}/${n}`

const noFile = (id: string) => new TrunklineError('not_found', `There is no file ${id}.`)

/**
 * Files as the server itself reads and writes them, for the jobs of signalling: nobody's rights are asked for here, and what
 * is still checked or was quarantined is carried along: wherever it is restored it is checked again.
 */
export const createShelf = (deps: ShelfDeps): FileShelf => {
  const { db, files, keeper, jobs, objects, staging, avatars, live, maxBytes } = deps
  const writing = new KeyedMutex()

  /** While a file is checked its bytes move from the one place to the other. */
  const read = async (id: string): Promise<Readable> => {
    const open = async ({ file, content }: FoundFile): Promise<Readable | undefined> => {
      const opening =
        content === null || content.state === 'arriving'
          ? staging.read(file.id)
          : objects.get(objectKey(content.id, 'original'))
      return opening.catch((error: unknown) => {
        if (error instanceof ObjectNotFoundError) return undefined
        throw error
      })
    }
    for (let attempt = 0; attempt < 2; attempt++) {
      const found = await files.find(id)
      if (!found) throw noFile(id)
      const body = await open(found)
      if (body) return body
      const { content } = found
      if (content?.state !== 'arriving') continue
      const moved = await objects.stat(objectKey(content.id, 'original'))
      if (moved) return objects.get(objectKey(content.id, 'original'))
    }
    throw noFile(id)
  }

  const toShelfFile = async (found: FoundFile): Promise<ShelfFile> => {
    const { id, roomId, uploader, name, size, createdAt } = toStoredFile(found)
    const sha256 = found.content?.sha256 ?? (await measure(await read(id))).sha256
    return {
      id,
      roomId,
      uploader,
      name,
      mime: found.content?.mime ?? found.file.mime,
      size,
      sha256,
      createdAt,
    }
  }

  /** Writes what comes to the staging, and makes sure that it is what was announced. */
  const receive = async (file: ShelfFile, body: AsyncIterable<Uint8Array>): Promise<string> => {
    const hash = createHash('sha256')
    let size = 0
    const start: Uint8Array[] = []
    const measured = async function* () {
      for await (const chunk of body) {
        if (size < KIND_BYTES) start.push(chunk.subarray(0, KIND_BYTES - size))
        size += chunk.byteLength
        if (size > file.size) return
        hash.update(chunk)
        yield chunk
      }
    }
    // What an earlier attempt left that was broken off.
    await staging.delete(file.id)
    await staging.create(file.id)
    await staging.append(file.id, 0, Readable.from(measured()))
    if (size !== file.size || hash.digest('hex') !== file.sha256) {
      throw new TrunklineError(
        'invalid_request',
        `The bytes of the file ${file.id} are not those its size and sha256 speak of.`,
      )
    }
    // What a file is is never believed.
    return detectHead(Buffer.concat(start))
  }

  const write = async (file: ShelfFile, body: AsyncIterable<Uint8Array>): Promise<void> => {
    if (!isStagingId(file.id)) {
      throw new TrunklineError('invalid_request', `The id ${file.id} is too long for a file.`)
    }
    if (file.size > maxBytes) {
      throw new TrunklineError('too_large', `The file ${file.id} is larger than ${maxBytes} bytes.`, {
        details: { limit: maxBytes },
      })
    }
    const found = await files.findAny(file.id)
    if (found?.file.state === 'arrived') {
      const { roomId, sha256 } = await toShelfFile(found)
      if (roomId === file.roomId && sha256 === file.sha256) return
      throw new TrunklineError('conflict', `There is another file ${file.id} here already.`)
    }
    if (found) await keeper.erase(file.id)
    try {
      const mime = await receive(file, body)
      const { id, roomId, uploader, size } = file
      const row = { id, roomId, uploader, name: safeName(file.name), size, mime }
      await db.insert(fileRows).values({ ...row, createdAt: new Date(file.createdAt) })
    } catch (error) {
      await staging.delete(file.id)
      throw error
    }
    await jobs.driveFile(file.id, file.sha256)
  }

  return {
    async list({ roomId, uploader, after }) {
      const listed: ShelfFile[] = []
      // One at a time: those that are not checked yet are read as a whole.
      for (const found of await files.list({ roomId, uploader, after }, LIMITS.filesPerShelfPage))
        listed.push(await toShelfFile(found))
      return listed
    },
    homesOf: ids => files.homesOf(ids),
    read,
    write: (file, body) => writing.run(file.id, () => write(file, body)),
    delete: id => keeper.erase(id),
    removeAvatars: (owner, path) => avatars.removeOf(owner, path),
    reassign: (from, to) => files.reassign(from, to),
    async putPart(jobId, n, bytes) {
      try {
        await objects.put(partKey(jobId, n), bytes, { mime: 'application/x-ndjson' })
      } catch (error) {
        if (!isFull(error)) throw error
        throw new TrunklineError('limit_reached', 'There is no space left on the server to keep files.', {
          cause: error,
        })
      }
    },
    readPart: (jobId, n, range) => objects.get(partKey(jobId, n), range),
    async deleteParts(jobId) {
      const keys: string[] = []
      for await (const { key } of objects.list(`jobs/${jobId}/`)) keys.push(key)
      for (const key of keys) await objects.delete(key)
    },
    compose: order => jobs.composeRecording(order),
    stream: order => live.start(order),
  }
}
