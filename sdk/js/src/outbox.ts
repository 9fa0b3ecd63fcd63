import {
  type Control,
  type Json,
  type MessagePart,
  partsOf,
  type RoomEvent,
  type SentPart,
  type TrunklineError,
} from '@trunkline/protocol'
import { Backoff } from './backoff.ts'
import { newClientId } from './client-id.ts'
import { toTrunklineError } from './errors.ts'

/** The part of a message that shows a file of its room. */
export type FilePart = Extract<MessagePart, { fileId: string }>

/** What a message may be beside its content. */
export type DraftOptions = {
  metadata?: { [key: string]: Json }
  /** Users it speaks to. */
  mentions?: string[]
  /** Buttons and forms below it; for bots. */
  controls?: Control[]
  /** Number of the message it answers, quoted above it. */
  replyTo?: number
  /** Number of the message in whose thread it is said. */
  threadOf?: number
  /** Nobody is to be disturbed for it. */
  silent?: boolean
  /** It deletes itself after this many seconds. */
  ttlSeconds?: number
}

/** What somebody wrote: a text, or parts. */
/** Of a file its part needs `fileId` alone: the server says what it is. */
export type Draft = ({ text: string } | { parts: SentPart[] }) & DraftOptions

/** A file to send, and what whoever gets it should know before it is loaded. */
export type OutgoingFile = {
  blob: Blob
  name: string
  /** pixels, as it is seen */
  width?: number
  height?: number
  durationMs?: number
  /** It was spoken for this message. */
  voice?: true
}

/** What a message with files may be beside them: a text below them, and what a draft may have. */
export type FilesDraft = { text?: string } & DraftOptions

/** A file of a message that is on its way. */
export type PendingFile = Readonly<OutgoingFile> & {
  /** How much of it has arrived, 0 to 1. */
  readonly progress: number
  /** What shows it, once it has arrived. */
  readonly part?: FilePart
}

/** An own message the server has not acknowledged yet. A new object after each change. */
export type PendingMessage = {
  readonly clientId: string
  /** What it says; its files follow once all have arrived. */
  readonly parts: MessagePart[]
  /** Files that are uploaded before it is sent. */
  readonly files?: readonly PendingFile[]
  /** When it was written, ISO 8601. */
  readonly at: string
  /**
   * `uploading`: its files are on their way, and later messages may pass it. `failed`: the server refused and trying again
   * by itself cannot help; `error` says why.
   */
  readonly state: 'uploading' | 'sending' | 'failed'
  /** Its files wait until somebody says to go on. */
  readonly paused?: true
  readonly error?: TrunklineError
} & Readonly<DraftOptions>

const OPTIONS = ['metadata', 'mentions', 'controls', 'replyTo', 'threadOf', 'silent', 'ttlSeconds'] as const

/** The options of a draft or a pending message, without what it says. */
export const optionsOf = (of: DraftOptions): DraftOptions =>
  Object.fromEntries(OPTIONS.flatMap(name => (of[name] === undefined ? [] : [[name, of[name]]])))

type Entry = {
  message: PendingMessage
  transfers: Set<Transfer>
  /** Its files are being uploaded; what is to be called when they are paused. */
  onPause?: () => void
  resolve: (event: RoomEvent) => void
  reject: (error: Error) => void
}

/** A file that is being uploaded: goes on by itself until it is there, refused or cancelled. */
export type Transfer = {
  done: Promise<FilePart>
  pause: () => void
  resume: () => void
  cancel: () => void
}

export type OutboxPort = {
  /** Sends; must be safe to repeat with the same `clientId`. */
  send: (message: PendingMessage) => Promise<RoomEvent>
  /** Uploads a file of a message; `told` hears how much has arrived, 0 to 1. */
  upload: (file: OutgoingFile, told: (progress: number) => void) => Transfer
  /** Called after each change of `messages`. */
  changed: () => void
}

/** Files of one message that are uploaded at a time: browsers keep six connections, and others need some. */
const LANES = 3

/**
 * Own messages on their way, in order, one at a time so that they arrive in the order they were written; those with files
 * take their place when the files have arrived, so that a video does not hold up what is written after it.
 * Each is sent with the same `clientId` until acknowledged: effectively once, whatever breaks in between.
 */
export class Outbox {
  readonly #port: OutboxPort
  readonly #entries = new Map<string, Entry>()
  readonly #backoff = new Backoff()
  #ready = false
  #busy = false
  #isUploading = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(port: OutboxPort) {
    this.#port = port
  }

  get messages(): PendingMessage[] {
    return Array.from(this.#entries.values(), entry => entry.message)
  }

  /** Queues a message; the promise follows its fate and may be ignored. */
  add(draft: Draft, clientId = newClientId()): Promise<RoomEvent> {
    return this.#add({
      clientId,
      parts: partsOf(draft),
      ...optionsOf(draft),
      at: new Date().toISOString(),
      state: 'sending',
    })
  }

  /** Uploads files, and queues the message that shows them. */
  addFiles(
    files: readonly OutgoingFile[],
    { text, ...options }: FilesDraft,
    clientId = newClientId(),
  ): Promise<RoomEvent> {
    return this.#add({
      clientId,
      parts: text ? partsOf({ text }) : [],
      files: files.map(file => ({ ...file, progress: 0 })),
      ...optionsOf(options),
      at: new Date().toISOString(),
      state: 'uploading',
    })
  }

  #add(message: PendingMessage): Promise<RoomEvent> {
    const promise = new Promise<RoomEvent>((resolve, reject) => {
      this.#entries.set(message.clientId, { message, transfers: new Set(), resolve, reject })
    })
    // Whoever does not look at the promise sees `failed` in messages; that is no unhandled rejection.
    promise.catch(() => undefined)
    this.#port.changed()
    void this.#pump()
    void this.#pumpFiles()
    return promise
  }

  /** Sends when there is a connection, waits when there is none. */
  setReady(ready: boolean): void {
    this.#ready = ready
    if (ready) this.#backoff.reset()
    void this.#pump()
  }

  /** The event of this message is in the log: it was sent, whatever became of the answer. */
  settle(event: RoomEvent): void {
    const entry = event.clientId === undefined ? undefined : this.#entries.get(event.clientId)
    if (!entry) return
    this.#entries.delete(entry.message.clientId)
    entry.resolve(event)
    this.#port.changed()
  }

  /** Tries a failed message again, under its old id; files that have arrived are not uploaded again. */
  retry(clientId: string): void {
    const entry = this.#entries.get(clientId)
    if (entry?.message.state !== 'failed') return
    const { error: _, ...rest } = entry.message
    entry.message = { ...rest, state: isComplete(rest) ? 'sending' : 'uploading' }
    this.#port.changed()
    void this.#pump()
    void this.#pumpFiles()
  }

  /** Stops uploading the files of a message; those of later ones are not held up by it. */
  pause(clientId: string): void {
    const entry = this.#entries.get(clientId)
    if (entry?.message.state !== 'uploading' || entry.message.paused) return
    entry.message = { ...entry.message, paused: true }
    for (const transfer of entry.transfers) transfer.pause()
    entry.onPause?.()
    this.#port.changed()
  }

  /** Goes on where it was paused. */
  resume(clientId: string): void {
    const entry = this.#entries.get(clientId)
    if (!entry?.message.paused) return
    const { paused: _, ...rest } = entry.message
    entry.message = rest
    for (const transfer of entry.transfers) transfer.resume()
    this.#port.changed()
    void this.#pumpFiles()
  }

  /** Gives a message up that failed, or whose files are on their way. */
  discard(clientId: string): void {
    const entry = this.#entries.get(clientId)
    if (!entry || entry.message.state === 'sending') return
    this.#entries.delete(clientId)
    for (const transfer of entry.transfers) transfer.cancel()
    entry.reject(new DOMException('The message was given up', 'AbortError'))
    this.#port.changed()
  }

  close(error: TrunklineError): void {
    this.#ready = false
    clearTimeout(this.#timer)
    for (const { transfers, reject } of this.#entries.values()) {
      for (const transfer of transfers) transfer.cancel()
      reject(error)
    }
    this.#entries.clear()
  }

  async #pumpFiles(): Promise<void> {
    if (this.#isUploading) return
    this.#isUploading = true
    for (let entry = this.#nextToUpload(); entry; entry = this.#nextToUpload()) {
      const { promise: paused, resolve: onPause } = Promise.withResolvers<void>()
      entry.onPause = onPause
      const begun = entry
      const uploaded = this.#upload(entry).finally(() => {
        delete begun.onPause
        void this.#pumpFiles()
      })
      await Promise.race([uploaded, paused])
    }
    this.#isUploading = false
  }

  /** Until all files of a message are there, or one was refused. */
  async #upload(entry: Entry): Promise<void> {
    const { files = [] } = entry.message
    let next = 0
    const lane = async () => {
      while (next < files.length) {
        const at = next++
        const file = files[at]
        if (file && !file.part) await this.#transfer(entry, file, at)
      }
    }
    try {
      await Promise.all(Array.from({ length: LANES }, lane))
      const { paused: _, ...sent } = entry.message
      entry.message = { ...sent, state: 'sending' }
    } catch (thrown) {
      next = files.length
      for (const transfer of entry.transfers) transfer.cancel()
      if (!this.#entries.has(entry.message.clientId)) return
      const error = toTrunklineError(thrown)
      const { paused: _, ...failed } = entry.message
      entry.message = { ...failed, state: 'failed', error }
      entry.reject(error)
    }
    this.#port.changed()
    void this.#pump()
  }

  async #transfer(entry: Entry, file: OutgoingFile, at: number): Promise<void> {
    const tell = (change: { progress: number; part?: FilePart }) => {
      const files = entry.message.files?.map((it, index) => (index === at ? { ...it, ...change } : it))
      if (files) entry.message = { ...entry.message, files }
      this.#port.changed()
    }
    const transfer = this.#port.upload(file, progress => tell({ progress }))
    entry.transfers.add(transfer)
    if (entry.message.paused) transfer.pause()
    try {
      tell({ progress: 1, part: await transfer.done })
    } finally {
      entry.transfers.delete(transfer)
    }
  }

  async #pump(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    clearTimeout(this.#timer)
    try {
      for (let entry = this.#next('sending'); entry && this.#ready; entry = this.#next('sending')) {
        if (!(await this.#deliver(entry))) break
      }
    } finally {
      this.#busy = false
    }
  }

  #nextToUpload(): Entry | undefined {
    for (const entry of this.#entries.values()) {
      const { state, paused } = entry.message
      if (state === 'uploading' && !paused && !entry.onPause) return entry
    }
    return undefined
  }

  #next(state: PendingMessage['state']): Entry | undefined {
    for (const entry of this.#entries.values()) if (entry.message.state === state) return entry
    return undefined
  }

  /** Whether to go on with the next one. */
  async #deliver(entry: Entry): Promise<boolean> {
    try {
      this.settle(await this.#port.send(whole(entry.message)))
      this.#backoff.reset()
      return true
    } catch (thrown) {
      const error = toTrunklineError(thrown)
      if (!this.#entries.has(entry.message.clientId)) return true
      if (error.retryable) {
        this.#timer = setTimeout(() => void this.#pump(), error.details?.retryAfterMs ?? this.#backoff.next())
        return false
      }
      entry.message = { ...entry.message, state: 'failed', error }
      entry.reject(error)
      this.#port.changed()
      return true
    }
  }
}

const isComplete = ({ files = [] }: Pick<PendingMessage, 'files'>): boolean =>
  files.every(({ part }) => part !== undefined)

/** With its files among its parts, what it says below them. */
const whole = ({ files = [], parts, ...rest }: PendingMessage): PendingMessage => ({
  ...rest,
  parts: [...files.flatMap(({ part }) => part ?? []), ...parts],
})
