import {
  type Json,
  type MessagePart,
  partsOf,
  type RoomEvent,
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
export type Draft = ({ text: string } | { parts: MessagePart[] }) & DraftOptions

/** A file to send, with what a draft may have. */
export type FileDraft = { file: { blob: Blob; name: string } } & DraftOptions

/** An own message the server has not acknowledged yet. A new object after each change. */
export type PendingMessage = {
  readonly clientId: string
  readonly parts: MessagePart[]
  /** The file to upload before `parts` are known. */
  readonly file?: { blob: Blob; name: string }
  /** When it was written, ISO 8601. */
  readonly at: string
  /** `failed`: the server refused and trying again by itself cannot help; `error` says why. */
  readonly state: 'sending' | 'failed'
  readonly error?: TrunklineError
} & Readonly<DraftOptions>

const OPTIONS = ['metadata', 'mentions', 'replyTo', 'threadOf', 'silent', 'ttlSeconds'] as const

/** The options of a draft or a pending message, without what it says. */
export const optionsOf = (of: DraftOptions): DraftOptions =>
  Object.fromEntries(OPTIONS.flatMap(name => (of[name] === undefined ? [] : [[name, of[name]]])))

type Entry = { message: PendingMessage; resolve: (event: RoomEvent) => void; reject: (error: Error) => void }

export type OutboxPort = {
  /** Uploads what is to be uploaded and sends; must be safe to repeat with the same `clientId`. */
  send: (message: PendingMessage) => Promise<RoomEvent>
  /** Uploads a message's file; returns the parts that show it. */
  upload: (file: { blob: Blob; name: string }) => Promise<MessagePart[]>
  /** Called after each change of `messages`. */
  changed: () => void
}

/**
 * Own messages on their way, in order, one at a time so that they arrive in the order they were written.
 * Each is sent with the same `clientId` until acknowledged: effectively once, whatever breaks in between.
 */
export class Outbox {
  readonly #port: OutboxPort
  readonly #entries = new Map<string, Entry>()
  readonly #backoff = new Backoff()
  #ready = false
  #busy = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(port: OutboxPort) {
    this.#port = port
  }

  get messages(): PendingMessage[] {
    return Array.from(this.#entries.values(), entry => entry.message)
  }

  /** Queues a message; the promise follows its fate and may be ignored. */
  add(draft: Draft | FileDraft, clientId = newClientId()): Promise<RoomEvent> {
    const message: PendingMessage = {
      clientId,
      ...('file' in draft ? { parts: [], file: draft.file } : { parts: partsOf(draft) }),
      ...optionsOf(draft),
      at: new Date().toISOString(),
      state: 'sending',
    }
    const promise = new Promise<RoomEvent>((resolve, reject) => {
      this.#entries.set(clientId, { message, resolve, reject })
    })
    // Whoever does not look at the promise sees `failed` in messages; that is no unhandled rejection.
    promise.catch(() => undefined)
    this.#port.changed()
    void this.#pump()
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

  /** Tries a failed message again, under its old id. */
  retry(clientId: string): void {
    const entry = this.#entries.get(clientId)
    if (entry?.message.state !== 'failed') return
    const { error: _, ...rest } = entry.message
    entry.message = { ...rest, state: 'sending' }
    this.#port.changed()
    void this.#pump()
  }

  /** Gives a failed message up. */
  discard(clientId: string): void {
    if (this.#entries.get(clientId)?.message.state !== 'failed') return
    this.#entries.delete(clientId)
    this.#port.changed()
  }

  close(error: TrunklineError): void {
    this.#ready = false
    clearTimeout(this.#timer)
    for (const entry of this.#entries.values()) entry.reject(error)
    this.#entries.clear()
  }

  async #pump(): Promise<void> {
    if (this.#busy) return
    this.#busy = true
    clearTimeout(this.#timer)
    try {
      for (let entry = this.#next(); entry && this.#ready; entry = this.#next()) {
        if (!(await this.#deliver(entry))) break
      }
    } finally {
      this.#busy = false
    }
  }

  #next(): Entry | undefined {
    for (const entry of this.#entries.values()) if (entry.message.state === 'sending') return entry
    return undefined
  }

  /** Whether to go on with the next one. */
  async #deliver(entry: Entry): Promise<boolean> {
    try {
      const { file, parts } = entry.message
      if (file && parts.length === 0)
        entry.message = { ...entry.message, parts: await this.#port.upload(file) }
      this.settle(await this.#port.send(entry.message))
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
