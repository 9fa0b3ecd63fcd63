import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createHttpApp } from '@trunkline/kit'
import {
  type DerivativeName,
  type FileDetails,
  type HomedFile,
  LinkedFile,
  type Reader,
  TrunklineError,
} from '@trunkline/protocol'
import type pg from 'pg'
import { openMediaDatabase } from '../database.ts'
import { createDownloads } from '../downloads/download.ts'
import { FileTable } from '../files/file-table.ts'
import { type ContentRow, newContentId, newFileId, objectKey } from '../files/stored-file.ts'
import { contents, files } from '../schema.ts'
import { openDiskStore } from '../store/disk.ts'
import type { ObjectStore } from '../store/store.ts'
import { quiet, TestRooms } from './platform.ts'

type Made = { name: DerivativeName; mime: string; bytes: Buffer }

export type StagedFile = {
  room: string
  uploader: string
  name: string
  mime: string
  bytes: Buffer
  /** `ready` when left out; null for one that has no content yet. */
  state?: ContentRow['state'] | null
  reason?: string
  details?: FileDetails
  made?: Made[]
}

/** Rooms of a signalling that can be out of reach. */
class StagedRooms extends TestRooms {
  isAway = false

  override async readable(reader: Reader, files: readonly HomedFile[]) {
    const answer = await super.readable(reader, files)
    if (this.isAway) throw new TrunklineError('unavailable', 'Signalling is away.')
    return answer
  }
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

/** For tests: downloads alone behind a real HTTP server, of files in whatever state a test puts them. */
export const stageDownloads = async (options: {
  pool: pg.Pool
  objects?: ObjectStore
  redirects?: boolean
  linkKey?: Buffer
}) => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-downloads-'))
  const db = await openMediaDatabase(options.pool)
  const objects = options.objects ?? (await openDiskStore(folder))
  const rooms = new StagedRooms()
  const linkKey = options.linkKey ?? randomBytes(32)
  const deleted: { file: HomedFile; userId: string }[] = []
  const table = new FileTable(db)
  const downloads = createDownloads({
    logger: quiet,
    files: table,
    objects,
    desk: rooms,
    linkKey,
    redirects: options.redirects ?? false,
    deleteFile: async (file, userId) => {
      deleted.push({ file, userId })
      await table.hide(file.fileId)
    },
  })
  const { app, finish } = createHttpApp(quiet)
  app.use(downloads.router)
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const get = (user: string, path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(url + path, { method, headers: { authorization: `Bearer token-of-${user}`, ...headers } })

  return {
    url,
    rooms,
    objects,
    linkKey,
    /** What was asked to be deleted. */
    deleted,
    /** @returns the file's id */
    async add(file: StagedFile): Promise<string> {
      const { room: roomId, uploader, name, mime, bytes, state = 'ready', made = [] } = file
      const size = bytes.byteLength
      const id = newFileId()
      const contentId = state === null ? null : newContentId()
      if (contentId !== null && state !== null) {
        await objects.put(objectKey(contentId, 'original'), bytes, { mime })
        for (const { name, mime, bytes } of made)
          await objects.put(objectKey(contentId, name), bytes, { mime })
        await db.insert(contents).values({
          id: contentId,
          roomId,
          sha256: sha256(bytes),
          size,
          mime,
          state,
          reason: file.reason ?? null,
          details: file.details ?? {},
          derivatives: made.map(({ name, mime, bytes }) => ({
            name,
            mime,
            size: bytes.byteLength,
            sha256: sha256(bytes),
          })),
        })
      }
      await db.insert(files).values({ id, roomId, uploader, name, size, mime, contentId })
      return id
    },
    get,
    /** Follows a link, without a token. */
    follow: (path: string, headers: Record<string, string> = {}, method = 'GET') =>
      fetch(url + path, { method, headers, redirect: 'manual' }),
    /** Files as `GET /v1/files` tells them. */
    async list(user: string, ids: readonly string[]): Promise<LinkedFile[]> {
      const response = await get(user, `/v1/files?${new URLSearchParams({ ids: ids.join(',') })}`)
      const body = (await response.json()) as { data: unknown[] }
      if (response.status !== 200) throw new Error(`${response.status}: ${JSON.stringify(body)}`)
      return body.data.map(file => LinkedFile.parse(file))
    },
    async close() {
      downloads.close()
      server.close()
      server.closeAllConnections()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type DownloadStage = Awaited<ReturnType<typeof stageDownloads>>
