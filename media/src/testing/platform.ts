import { once } from 'node:events'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createHttpApp, createLogger, openPool, startPostgres } from '@trunkline/kit'
import { Problem, RIGHTS, type Role, StoredFile, TrunklineError } from '@trunkline/protocol'
import type pg from 'pg'
import type { RoomAccess } from '../access.ts'
import { createMedia, type MediaDeps } from '../media.ts'
import { openDiskStore } from '../store/disk.ts'
import type { ObjectStore } from '../store/store.ts'

export const quiet = createLogger({ name: 'media-test', level: 'silent' })

/** A database of its own, ended and removed by `close`. */
export const startDatabase = async (): Promise<{
  url: string
  pool: pg.Pool
  close: () => Promise<void>
}> => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-db-'))
  const postgres = await startPostgres({ dataFolder: folder, logger: quiet })
  const pool = openPool(postgres.url, quiet, 10)
  const close = async () => {
    await pool.end()
    await postgres.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { url: postgres.url, pool, close }
}

/** Rooms as signalling would know them: a token is `token-of-<user>`. */
export class TestRooms implements RoomAccess {
  readonly #roles = new Map<string, Role>()
  /** How often was asked. */
  asked = 0

  set(roomId: string, userId: string, role: Role | undefined): void {
    if (role) this.#roles.set(`${roomId} ${userId}`, role)
    else this.#roles.delete(`${roomId} ${userId}`)
  }

  async roleOf(token: string, roomId: string) {
    this.asked++
    const userId = /^token-of-(\w+)$/.exec(token)?.[1]
    if (!userId) throw new TrunklineError('token_signature', 'The token was not signed by a key known here.')
    const role = this.#roles.get(`${roomId} ${userId}`)
    if (!role) throw new TrunklineError('room_not_found', `There is no room ${roomId}, or you are not in it.`)
    return { userId, role }
  }

  /** Nothing is forwarded here. */
  async readerOf(token: string, { roomId }: { roomId: string }) {
    const { userId, role } = await this.roleOf(token, roomId)
    if (!RIGHTS[role].read) throw new TrunklineError('room_not_found', `You are not in the room ${roomId}.`)
    return { userId }
  }
}

type Options = Partial<Omit<MediaDeps, 'pool'>> & { pool: pg.Pool }

/** A media service behind a real HTTP server on a port of its own, its files in a folder of its own. */
export const startMedia = async (options: Options) => {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'trunkline-media-')))
  const rooms = new TestRooms()
  const store: ObjectStore = options.store ?? (await openDiskStore(folder))
  const media = await createMedia({ logger: quiet, access: rooms, ...options, folder, store })
  const { app, finish } = createHttpApp(quiet)
  app.use(media.router)
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const as = (user: string) => ({ authorization: `Bearer token-of-${user}` })
  return {
    url,
    rooms,
    store,
    folder,
    media,
    /** Sends a file as `user`. */
    post: (
      user: string,
      room: string,
      name: string,
      body: BodyInit | Buffer,
      headers: Record<string, string> = {},
    ) =>
      fetch(`${url}/v1/rooms/${room}/files?${new URLSearchParams({ name })}`, {
        method: 'POST',
        headers: { ...as(user), ...headers },
        // A Buffer is a body for fetch, whatever its types say; `duplex` is required for streams.
        body: body as BodyInit,
        duplex: 'half',
      } as RequestInit),
    get: (user: string, path: string, headers: Record<string, string> = {}, method = 'GET') =>
      fetch(url + path, { method, headers: { ...as(user), ...headers } }),
    /** Keys of everything stored. */
    async objects(): Promise<string[]> {
      const keys: string[] = []
      for await (const { key } of store.list('')) keys.push(key)
      return keys.sort()
    },
    /** How many clients are connected. */
    connections: () => promisify(server.getConnections.bind(server))(),
    incoming: () => readdir(join(folder, 'incoming')),
    async close() {
      server.close()
      server.closeAllConnections()
      await media.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

export type TestMedia = Awaited<ReturnType<typeof startMedia>>

/** The file of an answer that has to be one. */
export const fileOf = async (response: Response): Promise<StoredFile> => {
  const body: unknown = await response.json()
  if (response.status !== 201) throw new Error(`${response.status}: ${JSON.stringify(body)}`)
  return StoredFile.parse(body)
}

/** The problem of an answer that has to be one. */
export const problemOf = async (response: Response): Promise<Problem> => {
  const problem = Problem.parse(await response.json())
  if (response.status !== problem.status) throw new Error(`${response.status} is not ${problem.status}`)
  return problem
}
