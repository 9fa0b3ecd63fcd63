import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { cutConnection, isUnchanged, rangeOf } from '@trunkline/kit'
import { TrunklineError } from '@trunkline/protocol'
import type { Request, Response } from 'express'
import { bytesPassed } from '../collect-young.ts'
import { MEDIA_LIMITS } from '../limits.ts'
import type { ObjectStore } from '../store/store.ts'
import { headersOf } from './headers.ts'
import type { Download } from './lookup.ts'

const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code

const pump = async (body: Readable, response: Response, signal: AbortSignal): Promise<void> => {
  signal.addEventListener('abort', () => cutConnection(response), { once: true })
  response.setTimeout(MEDIA_LIMITS.downloadIdleMs, () => response.destroy())
  body.on('data', (chunk: Buffer) => bytesPassed(chunk.byteLength))
  try {
    await pipeline(body, response, { signal })
  } catch (error) {
    // Whoever stops listening has seen enough; who may not listen any more has too.
    if (codeOf(error) !== 'ERR_STREAM_PREMATURE_CLOSE' && !signal.aborted) throw error
  }
}

/**
 * Answers with a download: ranges, conditional requests and HEAD (RFC 9110).
 * @param options.signal cuts the connection
 * @throws TrunklineError `range_not_satisfiable`
 */
export const send = async (
  objects: ObjectStore,
  exchange: { request: Request; response: Response },
  download: Download,
  options: { forSaving: boolean; signal: AbortSignal },
): Promise<void> => {
  const { request, response } = exchange
  // Conditions come before ranges, and ranges are of GET alone: RFC 9110, sections 13.2.2 and 14.2.
  if (isUnchanged(request.headers, download.etag)) {
    response.set(headersOf(download, options.forSaving)).status(304).end()
    return
  }
  const range = request.method === 'GET' ? rangeOf(request.headers, download) : undefined
  if (range === 'unsatisfiable') {
    response.set('Content-Range', `bytes */${download.size}`)
    throw new TrunklineError(
      'range_not_satisfiable',
      `The range lies outside the file: it has ${download.size} bytes.`,
    )
  }
  // Opened before any header is set, so that a store in trouble is answered as an error.
  const body = request.method === 'HEAD' ? undefined : await objects.get(download.key, range)
  response.set(headersOf(download, options.forSaving))
  response.set('Content-Length', String(range ? range.end - range.start + 1 : download.size))
  if (range) {
    response.status(206).set('Content-Range', `bytes ${range.start}-${range.end}/${download.size}`)
  }
  if (body) await pump(body, response, options.signal)
  else response.end()
}
