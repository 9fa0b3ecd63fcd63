import { randomUUID } from 'node:crypto'
import { expressPath, type Logger } from '@trunkline/kit'
import {
  type HomedFile,
  LIMITS,
  type LinkedFile,
  parse,
  type Reader,
  RIGHTS,
  ROUTES,
  type RoomDesk,
  TrunklineError,
  type VariantName,
} from '@trunkline/protocol'
import { type Request, type Response, Router } from 'express'
import { askerOf } from '../asker.ts'
import type { FileTable } from '../files/file-table.ts'
import { isPlayed } from '../files/kind.ts'
import { type FoundFile, toStoredFile } from '../files/stored-file.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import type { ObjectStore } from '../store/store.ts'
import { dispositionOf } from './headers.ts'
import { FileLinks } from './links.ts'
import { type Download, downloadOf, variantsOf } from './lookup.ts'
import { ReadingWatch } from './reading-watch.ts'
import { send } from './send.ts'

export type DownloadDeps = {
  logger: Logger
  files: FileTable
  objects: ObjectStore
  desk: RoomDesk
  /** Signs links; the same in all processes of an installation. */
  linkKey: Buffer
  /** Hides a file at once, takes its bytes away and sees that its room is told who did it. */
  deleteFile(file: HomedFile, userId: string): Promise<void>
  /**
   * Whether signed links lead on to addresses of the object store, where it has such: these are good for a minute, those of
   * what is played for as long as a link, whatever becomes of the rights of who follows them.
   */
  redirects: boolean
}

export type Downloads = {
  router: Router
  /** Stops asking about downloads under way; these end with the server. Idempotent. */
  close(): void
}

const homeOf = ({ file }: FoundFile): HomedFile => ({ fileId: file.id, roomId: file.roomId })

const notFound = () =>
  new TrunklineError('not_found', 'There is no such file, or you are not in the room it belongs to.')

const badLink = (cause?: unknown) =>
  new TrunklineError(
    'forbidden',
    'This link is not one that was given out here: ask for links with GET /v1/files?ids=.',
    { cause },
  )

/**
 * Files for those who may read them: `GET` and `DELETE /v1/files/...` with a token, `GET /files/...` by a signed link. Who may
 * read is asked of signalling each time.
 */
export const createDownloads = (deps: DownloadDeps): Downloads => {
  const { files, objects, desk } = deps
  const links = new FileLinks(deps.linkKey)
  const watch = new ReadingWatch(deps)
  const router = Router()

  /** @throws TrunklineError `refusal`, the same for a file that is not there and one that may not be read */
  const findReadable = async (
    reader: Reader,
    fileId: string,
    refusal: () => TrunklineError,
  ): Promise<{ found: FoundFile; userId: string }> => {
    const found = await files.find(fileId)
    // A file that does not exist is asked about too, in a room nobody is in: the answer, a bad token's included, and
    // the time it takes are those of other people's files.
    const home = found ? homeOf(found) : { fileId, roomId: randomUUID() }
    const { userId, fileIds } = await desk.readable(reader, [home])
    if (!found || !fileIds.includes(fileId)) throw refusal()
    return { found, userId }
  }

  const sendTo = (
    exchange: { request: Request; response: Response },
    { found, userId }: { found: FoundFile; userId: string },
    variant: VariantName,
    forSaving: boolean,
  ): Promise<void> => {
    const download = downloadOf(found, variant)
    return watch.during(userId, homeOf(found), signal =>
      send(objects, exchange, download, { forSaving, signal }),
    )
  }

  const redirectionOf = async (
    request: Request,
    download: Download,
    forSaving: boolean,
  ): Promise<string | undefined> => {
    if (!deps.redirects || request.method !== 'GET') return undefined
    return objects.presign(download.key, {
      seconds: isPlayed(download.mime) ? LIMITS.fileLinkSeconds : MEDIA_LIMITS.redirectSeconds,
      mime: download.mime,
      contentDisposition: dispositionOf(download, forSaving),
    })
  }

  const toLinkedFile = (found: FoundFile, userId: string, until: number): LinkedFile => ({
    ...toStoredFile(found),
    links: Object.fromEntries(
      variantsOf(found).map(variant => [
        variant,
        links.sign({ fileId: found.file.id, variant, userId }, until),
      ]),
    ),
    linksExpireAt: new Date(until * 1000).toISOString(),
  })

  router.get(expressPath(ROUTES.listFiles.path), async (request, response) => {
    const asker = askerOf(request)
    const query = parse(ROUTES.listFiles.query, { ...request.query }, 'The query of GET /v1/files')
    const ids = [...new Set(query.ids)]
    const found = new Map((await files.findMany(ids)).map(row => [row.file.id, row]))
    const { userId, fileIds } = await desk.readable(asker, [...found.values()].map(homeOf))
    const readable = new Set(fileIds)
    const until = links.expiry()
    const data = ids.flatMap(id => {
      const row = found.get(id)
      return row && readable.has(id) ? toLinkedFile(row, userId, until) : []
    })
    response.set('Cache-Control', 'no-store').json({ data })
  })

  router.get(expressPath(ROUTES.getFile.path), async (request, response) => {
    const asker = askerOf(request)
    const { id } = parse(ROUTES.getFile.params, request.params, 'The path of GET /v1/files/{id}')
    const read = await findReadable(asker, id, notFound)
    await sendTo({ request, response }, read, 'original', false)
  })

  router.get(expressPath(ROUTES.getFileVariant.path), async (request, response) => {
    const asker = askerOf(request)
    const { id, variant } = parse(
      ROUTES.getFileVariant.params,
      request.params,
      'The path of GET /v1/files/{id}/{variant}',
    )
    const read = await findReadable(asker, id, notFound)
    await sendTo({ request, response }, read, variant, false)
  })

  router.delete(expressPath(ROUTES.deleteFile.path), async (request, response) => {
    const asker = askerOf(request)
    const { id } = parse(ROUTES.deleteFile.params, request.params, 'The path of DELETE /v1/files/{id}')
    const found = await files.find(id)
    const { userId, role } = await desk
      .roleOf(asker.token, found?.file.roomId ?? randomUUID(), asker.sender)
      .catch((error: unknown) => {
        throw error instanceof TrunklineError && error.code === 'room_not_found' ? notFound() : error
      })
    const rights = RIGHTS[role]
    if (!found || !rights.read) throw notFound()
    const isOwn = found.file.uploader === userId && rights.write
    if (!isOwn && !rights.moderate) {
      throw new TrunklineError(
        'forbidden',
        rights.write
          ? `Your role in this room, ${role}, deletes only the files you sent yourself: it takes moderator to delete those of others.`
          : `Your role in this room, ${role}, cannot delete files: it takes publisher for your own, and moderator for those of others.`,
      )
    }
    await deps.deleteFile(homeOf(found), userId)
    response.json({})
  })

  router.get(expressPath(ROUTES.getLinkedFile.path), async (request, response) => {
    // Whatever a link is lacking: it is none of ours.
    const params = ROUTES.getLinkedFile.params.safeParse(request.params)
    const query = ROUTES.getLinkedFile.query.safeParse({ ...request.query })
    if (!params.success || !query.success) throw badLink(params.error ?? query.error)
    const { id: fileId, variant } = params.data
    const { user: userId, until, signature, download: saving } = query.data
    if (!links.isSigned({ fileId, variant, userId }, until, signature)) throw badLink()
    if (links.isExpired(until)) {
      throw new TrunklineError(
        'forbidden',
        'This link has expired: ask for a new one with GET /v1/files?ids=.',
      )
    }
    const read = await findReadable(
      { userId },
      fileId,
      () =>
        new TrunklineError(
          'forbidden',
          'The file is not there any more, or this link is of somebody who may not read it.',
        ),
    )
    const forSaving = saving !== undefined
    const elsewhere = await redirectionOf(request, downloadOf(read.found, variant), forSaving)
    if (elsewhere === undefined) await sendTo({ request, response }, read, variant, forSaving)
    else response.status(302).set({ Location: elsewhere, 'Cache-Control': 'no-store' }).end()
  })

  return { router, close: () => watch.close() }
}
