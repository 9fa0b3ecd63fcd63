import { randomUUID } from 'node:crypto'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isUnchanged, rangeOf } from '@trunkline/kit'
import { parse, ROUTES, TrunklineError } from '@trunkline/protocol'
import type { Request, Response } from 'express'
import type { RoomAccess } from './access.ts'
import { type FileRow, type FileTable, objectKeys } from './files.ts'
import { isInline } from './kind.ts'
import { contentDisposition } from './name.ts'
import type { ObjectStore } from './store/store.ts'
import { requireToken } from './upload.ts'

export type DownloadDeps = { access: RoomAccess; files: FileTable; store: ObjectStore }

type Content = { key: string; size: number; mime: string; etag: string; name: string }

const notFound = () =>
  new TrunklineError('not_found', 'There is no such file, or you are not in the room it belongs to.')

/** Refusals that would tell a stranger that the file exists. */
const isRefusal = (error: unknown): boolean =>
  error instanceof TrunklineError && (error.code === 'room_not_found' || error.code === 'forbidden')

const setHeaders = (response: Response, content: Content): void => {
  response.set({
    'Content-Type': content.mime,
    'Content-Disposition': contentDisposition(isInline(content.mime) ? 'inline' : 'attachment', content.name),
    'X-Content-Type-Options': 'nosniff',
    'Content-Security-Policy': "sandbox; default-src 'none'",
    // Kept by the browser, but asked for each time: who was banned sees nothing more.
    'Cache-Control': 'private, no-cache',
    Vary: 'Authorization',
    ETag: content.etag,
    'Accept-Ranges': 'bytes',
  })
}

const pump = async (body: Readable, response: Response): Promise<void> => {
  try {
    await pipeline(body, response)
  } catch (error) {
    // Whoever stops listening has seen enough.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
  }
}

/** `GET /v1/files/{id}` and `GET /v1/files/{id}/thumbnail`. */
export const createDownloadHandlers = (deps: DownloadDeps) => {
  const { access, files, store } = deps

  /** @throws TrunklineError the same `not_found` for a file that is not there and one of a room the caller is not in */
  const assertReadable = async (request: Request): Promise<FileRow> => {
    const token = requireToken(request)
    const { id } = parse(ROUTES.getFile.params, request.params, 'the path')
    const row = await files.find(id)
    // A file that does not exist is asked about too, in a room nobody is in: the answer, a bad token's included, and
    // the time it takes are those of other people's files.
    await access
      .readerOf(token, { fileId: id, roomId: row?.roomId ?? randomUUID() })
      .catch((error: unknown) => {
        throw isRefusal(error) ? notFound() : error
      })
    if (!row) throw notFound()
    return row
  }

  const send = async (request: Request, response: Response, content: Content): Promise<void> => {
    const range = rangeOf(request.headers, content)
    if (range === 'unsatisfiable') {
      response.set('Content-Range', `bytes */${content.size}`)
      throw new TrunklineError(
        'range_not_satisfiable',
        `The range lies outside the file: it has ${content.size} bytes.`,
      )
    }
    const unchanged = isUnchanged(request.headers, content.etag)
    // Opened before any header is set, so that a store in trouble is answered as an error.
    const body = unchanged || request.method === 'HEAD' ? undefined : await store.get(content.key, range)
    setHeaders(response, content)
    if (unchanged) {
      response.status(304).end()
      return
    }
    response.set('Content-Length', String(range ? range.end - range.start + 1 : content.size))
    if (range) {
      response.status(206).set('Content-Range', `bytes ${range.start}-${range.end}/${content.size}`)
    }
    if (body) await pump(body, response)
    else response.end()
  }

  return {
    async file(request: Request, response: Response): Promise<void> {
      const { id, size, mime, sha256, name } = await assertReadable(request)
      const key = objectKeys(id).original
      await send(request, response, { key, size, mime, etag: `"${sha256}"`, name })
    },

    async thumbnail(request: Request, response: Response): Promise<void> {
      const { id, thumbnail, sha256, name } = await assertReadable(request)
      const key = objectKeys(id).thumbnail
      const found = thumbnail ? await store.stat(key) : undefined
      if (!found) throw new TrunklineError('not_found', 'This file has no thumbnail.')
      const content = { key, size: found.size, mime: 'image/webp', name: `${name}.webp` }
      await send(request, response, { ...content, etag: `"${sha256}-thumbnail"` })
    },
  }
}
