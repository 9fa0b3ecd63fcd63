import { type LinkedFile, TrunklineError, UPLOADS_PATH } from '@trunkline/protocol'
import { type DetailedError, type FileSource, Upload as TusUpload } from 'tus-js-client'
import { Backoff } from './backoff.ts'
import { newClientId } from './client-id.ts'
import { Emitter } from './emitter.ts'
import { toTrunklineError } from './errors.ts'
import { problemOf, type Rest } from './rest.ts'

/** Up to this many bytes a file goes in one request: asking where it broke off would cost more than sending it again. */
const WHOLE_BYTES = 256 * 1024
/** Bytes of one request outside browsers: what is sent there is held in memory. */
const CHUNK_BYTES = 8 * 1024 * 1024

/** `sending` also while it waits for a connection. */
export type UploadState = 'sending' | 'paused' | 'done' | 'failed' | 'cancelled'
export type UploadEvents = { changed: [] }

export type UploadDeps = {
  /** Where the server is. */
  url: string
  getToken: () => Promise<string | undefined>
  rest: Rest
}

/** A file to upload, and the room it is for. */
export type UploadSource = { roomId: string; blob: Blob; name: string }

/**
 * A file on its way to a room, by tus 1.0 when it is large. Goes on by itself where it broke off, for as long as it takes:
 * it ends by being there, by a refusal, or by `cancel()`.
 */
export class Upload extends Emitter<UploadEvents> {
  /** The file as it is once it has arrived. Rejects with the server's TrunklineError, or an AbortError after `cancel()`. */
  readonly done: Promise<LinkedFile>
  readonly #source: UploadSource
  readonly #deps: UploadDeps
  readonly #backoff = new Backoff()
  readonly #idempotencyKey = newClientId()
  #resolve: (file: LinkedFile) => void = () => undefined
  #reject: (error: Error) => void = () => undefined
  #state: UploadState = 'sending'
  #progress = 0
  /** What the server said it has, 0 to 1: what only left for the network may be lost with the connection. */
  #accepted = 0
  #tus: TusUpload | undefined
  /** All of it is there: what is missing is to hear what became of it. */
  #isSent = false
  #whole: AbortController | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(source: UploadSource, deps: UploadDeps) {
    super()
    this.#source = source
    this.#deps = deps
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    // Whoever does not look at the promise sees the state.
    this.done.catch(() => undefined)
    this.#send()
  }

  get state(): UploadState {
    return this.#state
  }

  /** How much of it is sent, 0 to 1; when the connection broke, how much the server is known to have. */
  get progress(): number {
    return this.#progress
  }

  /** Stops sending; what has arrived is kept for a day. */
  pause(): void {
    if (this.#state !== 'sending') return
    this.#stop()
    this.#set('paused')
  }

  resume(): void {
    if (this.#state !== 'paused') return
    this.#backoff.reset()
    this.#set('sending')
    this.#send()
  }

  /** Gives it up, and has the server forget what has arrived. */
  cancel(): void {
    if (this.#state !== 'sending' && this.#state !== 'paused') return
    this.#stop()
    // What is not forgotten now, the server forgets by itself.
    this.#tus?.abort(true).catch(() => undefined)
    this.#set('cancelled')
    this.#reject(new DOMException('The upload was cancelled', 'AbortError'))
  }

  #stop(): void {
    clearTimeout(this.#timer)
    this.#whole?.abort()
    void this.#tus?.abort()
  }

  #send(): void {
    if (this.#source.blob.size <= WHOLE_BYTES) void this.#sendWhole()
    else this.#sendResumably()
  }

  async #sendWhole(): Promise<void> {
    const { rest } = this.#deps
    const { roomId, blob, name } = this.#source
    this.#whole = new AbortController()
    const { signal } = this.#whole
    try {
      const options = { signal, idempotencyKey: this.#idempotencyKey }
      const { id } = await rest.uploadFile(roomId, blob, name, options)
      await this.#arrived(id)
    } catch (error) {
      if (!signal.aborted) this.#failed(toTrunklineError(error))
    }
  }

  #sendResumably(): void {
    this.#tus ??= this.#createTus()
    if (this.#isSent) void this.#tusArrived()
    else this.#tus.start()
  }

  #createTus(): TusUpload {
    const { url, getToken } = this.#deps
    const { roomId, blob, name } = this.#source
    const isBrowser = typeof XMLHttpRequest !== 'undefined'
    const upload = new TusUpload(blob, {
      endpoint: new URL(UPLOADS_PATH, url).href,
      metadata: { roomId, name, ...(blob.type && { filetype: blob.type }) },
      chunkSize: isBrowser ? Number.POSITIVE_INFINITY : CHUNK_BYTES,
      fileReader: { openFile: async () => sourceOf(blob, isBrowser) },
      storeFingerprintForResuming: false,
      // Ours waits as everything else here does, and never gives up by itself.
      retryDelays: null,
      onBeforeRequest: async request => {
        request.setHeader('Authorization', `Bearer ${(await getToken()) ?? ''}`)
        // Created once, though the answer to it be lost.
        if (request.getMethod() === 'POST') request.setHeader('Idempotency-Key', this.#idempotencyKey)
      },
      // From here on it is continued: a server that is just starting again must not make it begin anew.
      onUploadUrlAvailable: () => {
        upload.options.endpoint = null
      },
      onProgress: (sent, total) => this.#advance(sent / total),
      onAfterResponse: (_, response) => {
        const offset = response.getHeader('Upload-Offset')
        // Browsers say null for what is not there.
        if (offset) this.#accepted = Number(offset) / blob.size
      },
      onChunkComplete: () => this.#backoff.reset(),
      onSuccess: () => void this.#tusArrived(),
      onError: error => void this.#tusFailed(error),
    })
    return upload
  }

  async #tusArrived(): Promise<void> {
    this.#isSent = true
    try {
      // An upload's id is its file's.
      await this.#arrived(new URL(this.#tus?.url ?? '').pathname.split('/').at(-1) ?? '')
    } catch (error) {
      this.#failed(toTrunklineError(error))
    }
  }

  async #tusFailed(thrown: Error | DetailedError): Promise<void> {
    const response = 'originalResponse' in thrown ? thrown.originalResponse : null
    if (!response) {
      this.#failed(toTrunklineError(thrown))
      return
    }
    const status = response.getStatus()
    const error = problemOf(status, response.getBody())
    // Taken away meanwhile: it lay about for too long. Another try begins anew.
    if ((status === 404 || status === 410) && this.#tus?.options.endpoint === null) {
      this.#tus = undefined
      this.#accepted = 0
      this.#failed(new TrunklineError('unavailable', error.message))
    } else if (BUSY.has(status)) this.#failed(new TrunklineError('unavailable', error.message))
    else this.#failed(error)
  }

  async #arrived(id: string): Promise<void> {
    const { data } = await this.#deps.rest.call('listFiles', { query: { ids: [id] } })
    const file = data.find(it => it.id === id)
    if (!file) throw new TrunklineError('not_found', 'The file is not there any more')
    if (this.#state === 'cancelled') return
    this.#progress = 1
    this.#set('done')
    this.#resolve(file)
  }

  #failed(error: TrunklineError): void {
    if (this.#state !== 'sending') return
    if (error.retryable) {
      clearTimeout(this.#timer)
      this.#timer = setTimeout(() => this.#send(), error.details?.retryAfterMs ?? this.#backoff.next())
      this.#advance(this.#accepted)
      return
    }
    this.#set('failed')
    this.#reject(error)
  }

  #advance(progress: number): void {
    this.#progress = progress
    this.emit('changed')
  }

  #set(state: UploadState): void {
    this.#state = state
    this.emit('changed')
  }
}

/** Another request works on the upload, or its offset was not the one we thought: asking again tells. */
const BUSY = new Set([409, 423, 460])

/** Parts of a blob: as they are for browsers, which read them themselves, else as bytes. */
const sourceOf = (blob: Blob, isBrowser: boolean): FileSource => ({
  size: blob.size,
  slice: async (start, end) => {
    const part = blob.slice(start, end)
    // The library looks for a size on either.
    const value = isBrowser
      ? part
      : Object.assign(new Uint8Array(await part.arrayBuffer()), { size: part.size })
    return { value, done: end >= blob.size }
  },
  close: () => undefined,
})
