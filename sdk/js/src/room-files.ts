import {
  type FileKind,
  LIMITS,
  type LinkedFile,
  type RoomEvent,
  type RoomFile,
  TrunklineError,
  type VariantName,
} from '@trunkline/protocol'
import { Backoff } from './backoff.ts'
import type { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import { toTrunklineError } from './errors.ts'
import type { Page, Paging } from './pages.ts'
import type { Rest } from './rest.ts'
import { hearOfRoom } from './room-notices.ts'
import { settled } from './settled.ts'
import { Upload } from './upload.ts'

export type RoomFilesEvents = {
  /** Something is known anew of one of the files that were asked for. */
  changed: []
}

export type RoomFilesDeps = {
  connection: Connection
  rest: Rest
  url: string
  getToken: () => Promise<string | undefined>
}

type Entry = {
  file?: LinkedFile
  /** When its links came, by our own clock: the server's may be another. */
  at: number
  /** It was deleted, or one may not read it. */
  isGone?: true
  error?: TrunklineError
  progress?: number
}

/** What is asked for within this time is asked for in one request. */
const GATHER_MS = 10
/** Links are asked for anew before the soonest they may end, with time to spare for who uses them. */
const RENEW_MS = (LIMITS.fileLinkSeconds / 2) * 1_000 - 5 * 60_000

/**
 * The files of a room's messages as they are now: what they are, what was made of them, and addresses that need no token.
 * What is asked for is asked of the server, many at once, and kept current from then on.
 */
export class RoomFiles extends Emitter<RoomFilesEvents> {
  readonly #roomId: string
  readonly #deps: RoomFilesDeps
  readonly #entries = new Map<string, Entry>()
  readonly #wanted = new Set<string>()
  readonly #asking = new Set<string>()
  readonly #backoff = new Backoff()
  readonly #stop: () => void
  #isClosed = false
  #gathering: ReturnType<typeof setTimeout> | undefined
  #renewing: ReturnType<typeof setTimeout> | undefined

  constructor(roomId: string, deps: RoomFilesDeps) {
    super()
    this.#roomId = roomId
    this.#deps = deps
    this.#stop = hearOfRoom(deps.connection, roomId, 'file:progress', ({ fileId, progress }) => {
      const entry = this.#entries.get(fileId)
      if (!entry) return
      // The poster of a video is there long before the video.
      if (entry.progress === undefined) this.#want(fileId)
      entry.progress = progress
      this.emit('changed')
    })
  }

  /** A file as far as it is known; what is not known is asked for, and `changed` says when it is. */
  get(fileId: string): LinkedFile | undefined {
    const entry = this.#entries.get(fileId)
    const isOld = entry?.file !== undefined && Date.now() - entry.at > RENEW_MS
    if ((!entry || isOld) && !this.#asking.has(fileId)) this.#want(fileId)
    return entry?.file
  }

  /**
   * A file once it is known.
   * @throws TrunklineError `not_found` when it was deleted or one may not read it
   */
  load(fileId: string): Promise<LinkedFile> {
    return settled(
      () => {
        const file = this.get(fileId)
        const { isGone, error } = this.#entries.get(fileId) ?? {}
        if (isGone) throw new TrunklineError('not_found', 'The file is not there any more')
        if (error) throw error
        return file
      },
      listener => this.on('changed', listener),
    )
  }

  /** Whether it is known to be deleted, or not for us. */
  isGone(fileId: string): boolean {
    return this.#entries.get(fileId)?.isGone === true
  }

  /** How far the server has come with it, 0 to 1; undefined while it has not said. */
  progressOf(fileId: string): number | undefined {
    return this.#entries.get(fileId)?.progress
  }

  /**
   * Where a file, or what was made of it, can be loaded from without a token, for `<img>` and `<video>`: undefined until it
   * is known, and for what there is not. Another address after a while: use it at once.
   * @param options.download have browsers save it, whatever it is
   */
  urlOf(
    fileId: string,
    variant: VariantName = 'original',
    options: { download?: boolean } = {},
  ): string | undefined {
    const path = this.get(fileId)?.links[variant]
    if (path === undefined) return undefined
    const url = new URL(this.#deps.rest.urlOf(path))
    if (options.download) url.searchParams.set('download', '1')
    return url.href
  }

  /** The whole address of a path on the server, such as the avatar of a member. */
  addressOf(path: string | undefined): string | undefined {
    return path === undefined ? undefined : this.#deps.rest.urlOf(path)
  }

  /**
   * Files that messages of the room name now, the latest first, each once; `get` and `urlOf` show them.
   * @param query of some kinds only; the page after another, by its `nextCursor`
   */
  list(query: { kind?: FileKind[] } & Paging = {}): Promise<Page<RoomFile>> {
    return this.#deps.rest.operation('file:list', { roomId: this.#roomId, ...query })
  }

  /** Uploads a file to the room: `upload.done` gives it, to be named by a part of a message. */
  upload(blob: Blob, name: string): Upload {
    const upload = new Upload({ roomId: this.#roomId, blob, name }, this.#deps)
    upload.done.then(
      file => this.#learn(file),
      () => undefined,
    )
    return upload
  }

  /** The bytes of a file, or of what was made of it. */
  download(fileId: string, options: { variant?: VariantName; signal?: AbortSignal } = {}): Promise<Blob> {
    return this.#deps.rest.downloadFile(fileId, options)
  }

  /** Deletes a file one uploaded, or, for those who moderate, another's. Messages that name it stay. */
  async delete(fileId: string): Promise<void> {
    await this.#deps.rest.call('deleteFile', { params: { id: fileId } })
    this.#forget(fileId)
  }

  /** Follows the room's log. */
  apply(event: RoomEvent): void {
    if (event.type === 'file.deleted') this.#forget(event.data.fileId)
    else if (event.type === 'file.ready' || event.type === 'file.failed') {
      const { fileId } = event.data
      const entry = this.#entries.get(fileId)
      delete entry?.progress
      // The answer that is under way may be from before.
      if (entry || this.#asking.has(fileId)) this.#want(fileId)
    }
  }

  /** A stretch of the log was not read: what was not final is asked for again. */
  refresh(): void {
    for (const [id, { file, error }] of this.#entries) {
      if (error || file?.state === 'checking' || file?.state === 'processing') this.#want(id)
    }
  }

  close(): void {
    this.#isClosed = true
    this.#stop()
    clearTimeout(this.#gathering)
    clearTimeout(this.#renewing)
    this.removeAllListeners()
  }

  #want(fileId: string): void {
    this.#wanted.add(fileId)
    this.#gather(GATHER_MS)
  }

  #gather(ms: number): void {
    if (!this.#isClosed) this.#gathering ??= setTimeout(() => void this.#ask(), ms)
  }

  async #ask(): Promise<void> {
    this.#gathering = undefined
    const ids = [...this.#wanted].filter(id => !this.#asking.has(id)).slice(0, LIMITS.filesPerRequest)
    if (ids.length === 0) return
    for (const id of ids) {
      this.#wanted.delete(id)
      this.#asking.add(id)
    }
    if (this.#wanted.size > 0) this.#gather(0)
    try {
      const { data } = await this.#deps.rest.call('listFiles', { query: { ids } })
      this.#backoff.reset()
      const found = new Map(data.map(file => [file.id, file]))
      for (const id of ids) {
        const file = found.get(id)
        if (file) this.#keep(file)
        else this.#entries.set(id, { at: Date.now(), isGone: true })
      }
      this.#renewLater()
    } catch (thrown) {
      const error = toTrunklineError(thrown)
      for (const id of ids) {
        if (error.retryable) this.#wanted.add(id)
        else this.#entries.set(id, { ...this.#entries.get(id), at: Date.now(), error })
      }
      clearTimeout(this.#gathering)
      this.#gathering = undefined
      if (error.retryable) this.#gather(error.details?.retryAfterMs ?? this.#backoff.next())
    } finally {
      for (const id of ids) this.#asking.delete(id)
      if (this.#wanted.size > 0) this.#gather(GATHER_MS)
    }
    this.emit('changed')
  }

  #learn(file: LinkedFile): void {
    this.#keep(file)
    this.#renewLater()
    this.emit('changed')
  }

  #keep(file: LinkedFile): void {
    const progress = file.state === 'processing' ? this.#entries.get(file.id)?.progress : undefined
    this.#entries.set(file.id, { file, at: Date.now(), ...(progress !== undefined && { progress }) })
  }

  #forget(fileId: string): void {
    if (!this.#entries.has(fileId)) return
    this.#entries.set(fileId, { at: Date.now(), isGone: true })
    this.emit('changed')
  }

  /** Whoever draws is told when links have to be asked for anew: what is still shown asks then. */
  #renewLater(): void {
    if (this.#isClosed) return
    this.#renewing ??= setTimeout(() => {
      this.#renewing = undefined
      this.emit('changed')
    }, RENEW_MS + 1_000)
  }
}
