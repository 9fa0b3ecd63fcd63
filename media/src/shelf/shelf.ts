import { createHash, randomUUID } from 'node:crypto'
import { open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Logger } from '@trunkline/kit'
import { type FileShelf, type ShelfFile, TrunklineError } from '@trunkline/protocol'
import { examine } from './examine.ts'
import type { Ffmpeg } from './ffmpeg.ts'
import type { FileKeeper } from './file-keeper.ts'
import { type FileRow, type FileTable, objectKeys } from './files.ts'
import { safeName } from './name.ts'
import type { ObjectStore } from './store/store.ts'

const PAGE = 100

export type ShelfDeps = {
  logger: Logger
  files: FileTable
  keeper: FileKeeper
  store: ObjectStore
  ffmpeg: Ffmpeg | undefined
  /** Where what is written is until it is stored. */
  folder: string
  /** bytes */
  maxBytes: number
}

const toShelfFile = (row: FileRow): ShelfFile => ({
  id: row.id,
  roomId: row.roomId,
  uploader: row.uploader,
  name: row.name,
  mime: row.mime,
  size: row.size,
  sha256: row.sha256,
  createdAt: row.createdAt.toISOString(),
})

const partKey = (jobId: string, n: number): string => `jobs/${jobId}/${n}`

/** Files as the server itself reads and writes them, for the jobs of signalling: nobody's rights are asked for here. */
export const createShelf = (deps: ShelfDeps): FileShelf => {
  const { logger, files, keeper, store, ffmpeg, folder, maxBytes } = deps

  /** Writes what comes to a file, and makes sure that it is what was announced. */
  const receive = async (file: ShelfFile, body: AsyncIterable<Uint8Array>, path: string): Promise<void> => {
    if (file.size > maxBytes) {
      throw new TrunklineError('too_large', `The file ${file.id} is larger than ${maxBytes} bytes.`, {
        details: { limit: maxBytes },
      })
    }
    const hash = createHash('sha256')
    let size = 0
    const handle = await open(path, 'wx', 0o600)
    try {
      for await (const chunk of body) {
        size += chunk.byteLength
        if (size > file.size) break
        hash.update(chunk)
        await handle.appendFile(chunk)
      }
    } finally {
      await handle.close()
    }
    if (size !== file.size || hash.digest('hex') !== file.sha256) {
      throw new TrunklineError(
        'invalid_request',
        `The bytes of the file ${file.id} are not those its size and sha256 speak of.`,
      )
    }
  }

  return {
    list: async ({ roomId, uploader, after }) =>
      (await files.list({ roomId, uploader, after }, PAGE)).map(toShelfFile),

    homesOf: ids => files.homesOf(ids),

    async read(id) {
      const row = await files.find(id)
      if (!row) throw new TrunklineError('not_found', `There is no file ${id}.`)
      return store.get(objectKeys(id).original)
    },

    async write(file, body) {
      const taken = await files.findAny(file.id)
      if (taken?.state === 'ready') {
        if (taken.roomId === file.roomId && taken.sha256 === file.sha256) return
        throw new TrunklineError('conflict', `There is another file ${file.id} here already.`)
      }
      // What an earlier attempt left that was broken off.
      if (taken) await keeper.delete(file.id)
      const path = join(folder, randomUUID())
      try {
        await receive(file, body, path)
        // What a file is is never believed.
        const { thumbnail, ...examined } = await examine(path, { ffmpeg, folder, logger })
        const { id, roomId, uploader, size, sha256 } = file
        const row = { id, roomId, uploader, name: safeName(file.name), size, sha256, ...examined }
        await keeper.keep(
          { ...row, createdAt: new Date(file.createdAt) },
          { path, thumbnail },
          { requestKey: undefined, cancelled: () => false },
        )
      } finally {
        await rm(path, { force: true })
      }
    },

    delete: id => keeper.delete(id),
    reassign: (from, to) => files.reassign(from, to),
    putPart: (jobId, n, bytes) => store.put(partKey(jobId, n), bytes, { mime: 'application/x-ndjson' }),
    readPart: (jobId, n, range) => store.get(partKey(jobId, n), range),
    async deleteParts(jobId) {
      const keys: string[] = []
      for await (const { key } of store.list(`jobs/${jobId}/`)) keys.push(key)
      for (const key of keys) await store.delete(key)
    },
  }
}
