import { pipeline } from 'node:stream/promises'
import { bearerOf, expressPath, rangeOf } from '@trunkline/kit'
import { LIMITS, parse, ROUTES, TrunklineError } from '@trunkline/protocol'
import { eq } from 'drizzle-orm'
import type { Request, Response, Router } from 'express'
import type { Database } from '../database.ts'
import type { Authenticate, Principal } from '../identity/authenticate.ts'
import type { RateLimits } from '../limits.ts'
import { retryKeyOf } from '../rest/request.ts'
import { assertMay, roomNotFound } from '../rooms/roles.ts'
import { roleOf } from '../rooms/standings.ts'
import { rooms } from '../schema.ts'
import type { Data } from './data.ts'
import { callerOf, findJob } from './data-operations.ts'
import { type JobRow, toJob } from './job-table.ts'

/** What comes of a request, refused once it is more than may be. */
async function* limited(request: Request): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.byteLength
    if (size > LIMITS.importBytes) {
      throw new TrunklineError('too_large', `An import must be at most ${LIMITS.importBytes} bytes.`, {
        details: { limit: LIMITS.importBytes },
      })
    }
    yield chunk
  }
  if (!request.complete) throw new TrunklineError('invalid_request', 'The upload was broken off.')
}

/**
 * A room's export is for its owners, as long as they are that. Who was one when the room was deleted keeps it.
 * @throws TrunklineError `forbidden`, `room_not_found`
 */
const assertStillMay = async (
  database: Database,
  principal: Principal,
  { roomId }: JobRow,
): Promise<void> => {
  if (principal.type === 'key' || roomId === null) return
  const role = await roleOf(database, roomId, principal.user.id)
  if (role) return assertMay(role, 'administer')
  if ((await database.$count(rooms, eq(rooms.id, roomId))) > 0) throw roomNotFound()
}

/** The two routes of jobs that carry bytes: what was exported, and what is to be imported. */
export const mountData = (
  router: Router,
  deps: { authenticate: Authenticate; limits: RateLimits; data: Data; database: Database },
): void => {
  const { authenticate, limits, data, database } = deps

  router.get(expressPath(ROUTES.getExport.path), async (request: Request, response: Response) => {
    const principal = await authenticate(bearerOf(request))
    await limits.rest(principal)
    const { id } = parse(ROUTES.getExport.params, request.params, 'The path of the export')
    const job = await findJob(data, principal, id)
    if (job.kind !== 'roomExport' && job.kind !== 'userExport') {
      throw new TrunklineError('not_found', 'This job is no export.')
    }
    await assertStillMay(database, principal, job)
    if (job.state !== 'done') {
      throw new TrunklineError(
        'conflict',
        `This export is ${job.state}: its content can be fetched once it is done.`,
      )
    }
    if (job.expiresAt && job.expiresAt.getTime() < Date.now()) {
      throw new TrunklineError('not_found', 'This export has expired. Export again.')
    }
    const size = await data.parts.size(id)
    // An export never changes once it is done, so its id says all.
    const etag = `"${id}"`
    const range = rangeOf(request.headers, { size, etag })
    if (range === 'unsatisfiable') {
      response.set('Content-Range', `bytes */${size}`)
      throw new TrunklineError(
        'range_not_satisfiable',
        `The range lies outside the export: it has ${size} bytes.`,
      )
    }
    const { start, end } = range ?? { start: 0, end: size - 1 }
    response.set({
      'Content-Type': 'application/x-ndjson',
      'Content-Disposition': `attachment; filename="${id}.jsonl"`,
      'Content-Length': String(end - start + 1),
      'Accept-Ranges': 'bytes',
      'Cache-Control': 'no-store',
      ETag: etag,
    })
    if (range) response.status(206).set('Content-Range', `bytes ${start}-${end}/${size}`)
    if (request.method === 'HEAD') {
      response.end()
      return
    }
    await pipeline(data.parts.read(id, start, end), response).catch((error: NodeJS.ErrnoException) => {
      // Whoever stops listening continues later with a range.
      if (error.code !== 'ERR_STREAM_PREMATURE_CLOSE') throw error
    })
  })

  router.post(expressPath(ROUTES.createImport.path), async (request: Request, response: Response) => {
    const principal = await authenticate(bearerOf(request))
    await limits.rest(principal)
    if (principal.type !== 'key') throw new TrunklineError('forbidden', 'This needs an API key.')
    const job = await data.table.create({
      kind: 'import',
      caller: callerOf(principal),
      detail: 'Receiving',
      state: 'receiving',
      requestKey: retryKeyOf(request, principal),
    })
    response.status(ROUTES.createImport.status).set('Cache-Control', 'no-store')
    // A retry of what was received completely.
    if (job.state !== 'receiving') {
      request.resume()
      response.json(toJob(job))
      return
    }
    try {
      // What an upload under the same key left that was broken off.
      await data.parts.discard(job.id)
      const written = await data.parts.write(job.id, limited(request))
      await written.note(database)
    } catch (error) {
      await data.parts.discard(job.id)
      await data.table.remove(job.id)
      throw error
    }
    const released = (await data.table.release(job.id)) ?? job
    await data.runner.enqueue(job.id)
    response.json(toJob(released))
  })
}
