import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { createHttpApp, createLogger, openPool, startPostgres } from '@trunkline/kit'
import {
  type AvatarOwner,
  type FileNews,
  type FileState,
  type HomedFile,
  type LinkedFile,
  Problem,
  type Reader,
  type RecordingNews,
  RIGHTS,
  ROUTES,
  type Role,
  type RoomDesk,
  StoredFile,
  type StreamNews,
  TrunklineError,
} from '@trunkline/protocol'
import type pg from 'pg'
import { putDatabase } from '../../../test/src/support/database-template.ts'
import { openMediaDatabase } from '../database.ts'
import { createMedia, type MediaDeps } from '../media.ts'
import { stores } from '../schema.ts'
import { openStore } from '../store/open.ts'
import { STORE_MARKER } from '../store/own-store.ts'

const LINK_KEY = Buffer.alloc(32, 'k')

export const quiet = createLogger({ name: 'media-test', level: 'silent' })

/** A database of its own, ended and removed by `close`. */
export const startDatabase = async (): Promise<{
  url: string
  pool: pg.Pool
  close: () => Promise<void>
}> => {
  const folder = await mkdtemp(join(tmpdir(), 'trunkline-db-'))
  await putDatabase(folder)
  const postgres = await startPostgres({ dataFolder: folder, logger: quiet })
  const pool = openPool(postgres.url, quiet, 10)
  const close = async () => {
    await pool.end()
    await postgres.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { url: postgres.url, pool, close }
}

/** Rooms as signalling would know them, and its desk: a token is `token-of-<user>`. */
export class TestRooms implements RoomDesk {
  readonly #roles = new Map<string, Role>()
  readonly #forwarded = new Map<string, Set<string>>()
  /** By `room/<id>` or `user/<id>`. */
  readonly avatars = new Map<string, string>()
  /** All that was told, in order. */
  readonly told: FileNews[] = []
  /** Likewise of recordings. */
  readonly toldRecordings: RecordingNews[] = []
  readonly toldStreams: StreamNews[] = []
  /** How often was asked. */
  asked = 0

  set(roomId: string, userId: string, role: Role | undefined): void {
    if (role) this.#roles.set(`${roomId} ${userId}`, role)
    else this.#roles.delete(`${roomId} ${userId}`)
  }

  /** Makes a file one of another room too. */
  forward(fileId: string, roomId: string): void {
    this.#forwarded.set(fileId, (this.#forwarded.get(fileId) ?? new Set()).add(roomId))
  }

  async roleOf(token: string, roomId: string) {
    this.asked++
    const userId = this.#userOf(token)
    const role = this.#roles.get(`${roomId} ${userId}`)
    if (!role) throw new TrunklineError('room_not_found', `There is no room ${roomId}, or you are not in it.`)
    return { userId, role }
  }

  async readable(reader: Reader, files: readonly HomedFile[]) {
    this.asked++
    const userId = 'token' in reader ? this.#userOf(reader.token) : reader.userId
    const mayRead = (roomId: string): boolean => {
      const role = this.#roles.get(`${roomId} ${userId}`)
      return role !== undefined && RIGHTS[role].read
    }
    const readable = files.filter(({ fileId, roomId }) =>
      [roomId, ...(this.#forwarded.get(fileId) ?? [])].some(mayRead),
    )
    return { userId, fileIds: readable.map(({ fileId }) => fileId) }
  }

  async assertMaySetAvatar(token: string, owner: AvatarOwner) {
    const userId = this.#userOf(token)
    if ('userId' in owner) {
      if (owner.userId !== userId)
        throw new TrunklineError('forbidden', 'This is the avatar of somebody else.')
      return
    }
    const { role } = await this.roleOf(token, owner.roomId)
    if (!RIGHTS[role].update) throw new TrunklineError('forbidden', 'It takes more to change this avatar.')
  }

  async setAvatar(token: string, owner: AvatarOwner, avatar: string | null) {
    await this.assertMaySetAvatar(token, owner)
    const name = 'roomId' in owner ? `room/${owner.roomId}` : `user/${owner.userId}`
    const previous = this.avatars.get(name) ?? null
    if (avatar === null) this.avatars.delete(name)
    else this.avatars.set(name, avatar)
    return { previous }
  }

  async tellStream(news: StreamNews) {
    this.toldStreams.push(news)
  }
  async tellRecording(news: RecordingNews) {
    this.toldRecordings.push(news)
  }

  async tell(news: FileNews) {
    this.told.push(news)
  }

  /** What is lasting of what was told of a file. */
  toldOf(fileId: string): FileNews[] {
    return this.told.filter(news => news.fileId === fileId && news.type !== 'progress')
  }

  #userOf(token: string): string {
    const userId = /^token-of-(\w+)$/.exec(token)?.[1]
    if (userId) return userId
    throw new TrunklineError('token_signature', 'The token was not signed by a key known here.')
  }
}

type Options = Partial<Omit<MediaDeps, 'pool' | 'desk'>> & { pool: pg.Pool; rooms?: TestRooms }

const FINAL: ReadonlySet<FileState> = new Set<FileState>(['ready', 'failed', 'quarantined'])

/**
 * A media service behind a real HTTP server on a port of its own, its files in a folder of its own.
 * @param options.folder of an earlier one goes on where that stopped; it stays, when it is given
 */
export const startMedia = async (options: Options) => {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'trunkline-media-')))
  const { rooms = new TestRooms(), ...deps } = options
  const opened = await openStore({ folder: join(folder, 'files') })
  // A test that begins with nothing has a store of its own, whatever the tests before it left in the database.
  if (options.folder === undefined && !options.objects)
    await (await openMediaDatabase(options.pool)).delete(stores)
  const { objects, staging, linkKey } = {
    objects: opened.objects,
    staging: opened.staging,
    linkKey: LINK_KEY,
    ...deps,
  }
  const media = await createMedia({ logger: quiet, desk: rooms, ...deps, objects, staging, linkKey, folder })
  const { app, finish } = createHttpApp(quiet)
  app.use(media.router)
  finish()
  const server = createServer(app).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`

  const as = (user: string) => ({ authorization: `Bearer token-of-${user}` })
  const get = (user: string, path: string, headers: Record<string, string> = {}, method = 'GET') =>
    fetch(url + path, { method, headers: { ...as(user), ...headers } })
  const look = async (user: string, ...ids: string[]): Promise<LinkedFile[]> => {
    const response = await get(user, `/v1/files?${new URLSearchParams({ ids: ids.join(',') })}`)
    if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`)
    return ROUTES.listFiles.response.parse(await response.json()).data
  }
  return {
    url,
    rooms,
    objects,
    staging,
    folder,
    media,
    /** What somebody may see of these files. */
    look,
    /** A file once it is as it will stay. */
    async settled(user: string, id: string, timeoutMs = 30_000): Promise<LinkedFile> {
      const until = Date.now() + timeoutMs
      for (;;) {
        const [file] = await look(user, id)
        if (!file) throw new Error(`${user} sees no file ${id}`)
        if (FINAL.has(file.state)) return file
        if (Date.now() > until) throw new Error(`${id} is still ${file.state} after ${timeoutMs} ms`)
        await sleep(20)
      }
    },
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
    get,
    /** Keys of everything stored, but for what the store says of itself. */
    async keys(): Promise<string[]> {
      const keys: string[] = []
      for await (const { key } of objects.list('')) if (key !== STORE_MARKER) keys.push(key)
      return keys.sort()
    },
    /** Ids of everything under way. */
    async staged(): Promise<string[]> {
      const ids: string[] = []
      for await (const { id } of staging.list()) ids.push(id)
      return ids.sort()
    },
    /** How many clients are connected. */
    connections: () => promisify(server.getConnections.bind(server))(),
    async close() {
      server.close()
      server.closeAllConnections()
      await media.close()
      await opened.close()
      if (options.folder === undefined) await rm(folder, { recursive: true, force: true })
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
