import { pipeline } from 'node:stream/promises'
import { requireBearer } from '@trunkline/kit'
import {
  AvatarOwner,
  FileId,
  type FileShelf,
  JobId,
  LIMITS,
  parse,
  RecordingOrder,
  SHELF_PATH,
  ShelfFile,
  StreamOrder,
  UserId,
} from '@trunkline/protocol'
import { Router } from 'express'
import { z } from 'zod'

const Query = z.strictObject({
  roomId: ShelfFile.shape.roomId.optional(),
  uploader: UserId.optional(),
  after: FileId.optional(),
})
const Ids = z.array(FileId).max(LIMITS.filesPerRequest)
const Reassignment = z.strictObject({ from: UserId, to: UserId })
const Part = z.object({ jobId: JobId.regex(/^[a-z0-9_]+$/), n: z.coerce.number().pipe(z.int().min(0)) })
const Range = z.object({
  start: z.coerce.number().pipe(z.int().min(0)),
  end: z.coerce.number().pipe(z.int().min(0)),
})

/** Serves the shelf to signalling in another process, to whoever has the installation's link secret. */
export const shelfRoutes = (shelf: FileShelf, secret: string): Router => {
  const router = Router()
  router.use(SHELF_PATH, requireBearer(secret, 'This is for the signalling processes of this installation.'))
  router.get(`${SHELF_PATH}/files`, async (request, response) => {
    response.json(await shelf.list(parse(Query, { ...request.query }, 'the query')))
  })
  router.get(`${SHELF_PATH}/homes`, async (request, response) => {
    const ids: unknown = JSON.parse(String(request.query.ids))
    response.json(await shelf.homesOf(parse(Ids, ids, 'the ids')))
  })
  router.get(`${SHELF_PATH}/files/:id`, async (request, response) => {
    await pipeline(await shelf.read(parse(FileId, request.params.id, 'the id')), response)
  })
  router.put(`${SHELF_PATH}/files`, async (request, response) => {
    const file: unknown = JSON.parse(String(request.query.file))
    await shelf.write(parse(ShelfFile, file, 'the file'), request)
    response.status(204).end()
  })
  router.delete(`${SHELF_PATH}/files/:id`, async (request, response) => {
    await shelf.delete(parse(FileId, request.params.id, 'the id'))
    response.status(204).end()
  })
  router.delete(`${SHELF_PATH}/avatars`, async (request, response) => {
    const { path, ...owner } = request.query
    await shelf.removeAvatars(
      parse(AvatarOwner, owner, 'the query'),
      parse(z.string().optional(), path, 'the path'),
    )
    response.status(204).end()
  })
  router.post(`${SHELF_PATH}/reassign`, async (request, response) => {
    const { from, to } = parse(Reassignment, { ...request.query }, 'the query')
    await shelf.reassign(from, to)
    response.status(204).end()
  })
  router.put(`${SHELF_PATH}/parts/:jobId/:n`, async (request, response) => {
    const { jobId, n } = parse(Part, request.params, 'the path')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    await shelf.putPart(jobId, n, Buffer.concat(chunks))
    response.status(204).end()
  })
  router.get(`${SHELF_PATH}/parts/:jobId/:n`, async (request, response) => {
    const { jobId, n } = parse(Part, request.params, 'the path')
    const range = 'start' in request.query ? parse(Range, { ...request.query }, 'the query') : undefined
    await pipeline(await shelf.readPart(jobId, n, range), response)
  })
  router.delete(`${SHELF_PATH}/parts/:jobId`, async (request, response) => {
    await shelf.deleteParts(parse(Part.shape.jobId, request.params.jobId, 'the path'))
    response.status(204).end()
  })
  router.post(`${SHELF_PATH}/streams`, async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const order: unknown = JSON.parse(Buffer.concat(chunks).toString())
    response.json(await shelf.stream(parse(StreamOrder, order, 'the order')))
  })
  router.post(`${SHELF_PATH}/recordings`, async (request, response) => {
    const order: unknown = JSON.parse(String(request.query.order))
    await shelf.compose(parse(RecordingOrder, order, 'the order'))
    response.status(204).end()
  })
  return router
}
