import { Readable } from 'node:stream'
import { refusalOf } from '@trunkline/kit'
import {
  type ErrorCode,
  FileHome,
  type FileShelf,
  SHELF_PATH,
  ShelfFile,
  TrunklineError,
} from '@trunkline/protocol'
import { z } from 'zod'

const Files = z.array(ShelfFile)
const Homes = z.array(FileHome)
const Playlist = z.object({ playlist: z.string().optional() })
/** What is about the files themselves; anything else means that media is in trouble, and may be tried again. */
const ABOUT_FILES: ReadonlySet<ErrorCode> = new Set([
  'not_found',
  'conflict',
  'invalid_request',
  'too_large',
  'limit_reached',
  'forbidden',
  'unavailable',
])

const unavailable = (cause: unknown): TrunklineError =>
  new TrunklineError('unavailable', 'The media service cannot be reached right now.', { cause })

/**
 * The shelf of a media service in another process.
 * @param options.mediaUrl for example `http://media:3000`
 * @param options.secret the installation's link secret
 */
export const createHttpShelf = (options: { mediaUrl: string; secret: string }): FileShelf => {
  const request = async (
    method: string,
    path: string,
    more: { query?: Record<string, string | undefined>; body?: Uint8Array | AsyncIterable<Uint8Array> } = {},
  ): Promise<Response> => {
    const url = new URL(`${SHELF_PATH}${path}`, options.mediaUrl)
    for (const [name, value] of Object.entries(more.query ?? {})) {
      if (value !== undefined) url.searchParams.set(name, value)
    }
    const { body } = more
    const sent =
      body === undefined ? {} : { body: Readable.toWeb(Readable.from(toChunks(body))), duplex: 'half' }
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${options.secret}` },
      redirect: 'error',
      ...(sent as RequestInit),
    }).catch((error: unknown) => {
      throw unavailable(error)
    })
    if (!response.ok) throw await refusalOf(response, ABOUT_FILES, unavailable)
    return response
  }

  /** For its effect: the answer is empty. */
  const command = async (...args: Parameters<typeof request>): Promise<void> => {
    await (await request(...args)).arrayBuffer()
  }

  const bytesOf = (response: Response): AsyncIterable<Uint8Array> =>
    (response.body ?? Readable.toWeb(Readable.from([]))) as AsyncIterable<Uint8Array>

  return {
    list: async query => Files.parse(await (await request('GET', '/files', { query })).json()),
    homesOf: async ids =>
      Homes.parse(await (await request('GET', '/homes', { query: { ids: JSON.stringify(ids) } })).json()),
    read: async id => bytesOf(await request('GET', `/files/${encodeURIComponent(id)}`)),
    write: (file, body) => command('PUT', '/files', { query: { file: JSON.stringify(file) }, body }),
    delete: id => command('DELETE', `/files/${encodeURIComponent(id)}`),
    removeAvatars: (owner, path) => command('DELETE', '/avatars', { query: { ...owner, path } }),
    reassign: (from, to) => command('POST', '/reassign', { query: { from, to } }),
    putPart: (jobId, n, bytes) => command('PUT', `/parts/${jobId}/${n}`, { body: bytes }),
    readPart: async (jobId, n, range) =>
      bytesOf(
        await request('GET', `/parts/${jobId}/${n}`, {
          query: range ? { start: String(range.start), end: String(range.end) } : {},
        }),
      ),
    deleteParts: jobId => command('DELETE', `/parts/${jobId}`),
    // In the body: what is in an address is written into logs.
    stream: async order => {
      const body = Buffer.from(JSON.stringify(order))
      const { playlist } = Playlist.parse(await (await request('POST', '/streams', { body })).json())
      return playlist === undefined ? {} : { playlist }
    },
    compose: order => command('POST', '/recordings', { query: { order: JSON.stringify(order) } }),
  }
}

const toChunks = (
  body: Uint8Array | AsyncIterable<Uint8Array>,
): Iterable<Uint8Array> | AsyncIterable<Uint8Array> => (body instanceof Uint8Array ? [body] : body)
