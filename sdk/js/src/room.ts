import {
  type Call as CallInfo,
  type Member,
  type MessagePart,
  type NoticeName,
  type OpenedRoom,
  type PresenceStatus,
  type RoomEvent,
  type RoomEventOf,
  type Room as RoomInfo,
  TrunklineError,
} from '@trunkline/protocol'
import { Backoff, wait } from './backoff.ts'
import { Call } from './call.ts'
import type { Connection, ConnectionEvents } from './connection.ts'
import type { DeviceLoader } from './device-loader.ts'
import { Emitter } from './emitter.ts'
import { toTrunklineError } from './errors.ts'
import type { JoinOptions } from './join-options.ts'
import { LogSync, PAGE } from './log-sync.ts'
import { type Draft, Outbox, type PendingMessage } from './outbox.ts'
import { ReceiptSender } from './receipts.ts'
import type { Rest } from './rest.ts'
import { type MessageState, type Reach, Roster } from './roster.ts'
import { TypingSender, TypingSet } from './typing.ts'

/** `open` is live; `reconnecting` shows what was known last; `refused` will not open (error says why). */
export type RoomState = 'opening' | 'open' | 'reconnecting' | 'refused' | 'closed'

export type RoomEvents = {
  /** Something of the room changed; what to listen to for drawing it. */
  changed: []
  state: [RoomState]
  /** Events appended after the room was opened, in order, each once. */
  event: [RoomEvent]
  /** The same, messages only. */
  message: [RoomEventOf<'message.created'>]
  typing: [Member[]]
  presence: [string, PresenceStatus]
  receipt: [string]
  /** The room's live call, whoever is in it. */
  call: [CallInfo | null]
}

/** A room: its members, its log and its call. Made by `client.room(id)`; stays current across reconnects. */
export class Room extends Emitter<RoomEvents> {
  readonly id: string
  readonly #connection: Connection
  readonly #rest: Rest
  readonly #devices: DeviceLoader
  readonly #log: LogSync
  readonly #roster = new Roster()
  readonly #typing = new TypingSet(() => {
    this.emit('typing', this.typing)
    this.emit('changed')
  })
  readonly #typingSender: TypingSender
  readonly #receipts: ReceiptSender
  readonly #outbox: Outbox
  readonly #stops: (() => void)[] = []
  #state: RoomState = 'opening'
  #error: TrunklineError | undefined
  #opened: OpenedRoom | undefined
  #call: CallInfo | null = null
  #ownCall: Call | undefined
  #attempt = 0

  constructor(id: string, deps: { connection: Connection; rest: Rest; devices: DeviceLoader }) {
    super()
    this.id = id
    this.#connection = deps.connection
    this.#devices = deps.devices
    this.#rest = deps.rest
    const { connection, rest } = deps
    this.#typingSender = new TypingSender(typing => {
      connection.request('typing:set', { roomId: id, typing }).catch(() => undefined)
    })
    this.#receipts = new ReceiptSender((kind, seq) =>
      connection.request(`receipt:${kind}`, { roomId: id, seq }),
    )
    this.#log = new LogSync({
      sync: request => connection.request('room:sync', { roomId: id, ...request }),
      appended: events => this.#onAppended(events),
      changed: () => this.emit('changed'),
    })
    this.#outbox = new Outbox({
      send: ({ clientId, parts, metadata }) => this.#transmit(clientId, parts, metadata),
      upload: async ({ blob, name }) => {
        const { id: fileId, mime, size, width, height, ...file } = await rest.uploadFile(id, blob, name)
        return [{ mime, fileId, name: file.name, size, ...(width && { width }), ...(height && { height }) }]
      },
      changed: () => this.emit('changed'),
    })
    this.#listen()
    if (connection.state === 'connected') void this.#open()
  }

  get state(): RoomState {
    return this.#state
  }
  /** Why the room does not open, in state `refused`. */
  get error(): TrunklineError | undefined {
    return this.#error
  }
  /** Title, kind and metadata; undefined until open for the first time. */
  get info(): RoomInfo | undefined {
    return this.#opened?.room
  }
  /** One's own membership. */
  get me(): Member | undefined {
    const own = this.#opened?.me
    return own && (this.#roster.get(own.user.id) ?? own)
  }
  get members(): Member[] {
    return this.#roster.members
  }
  /** Events known so far: ascending, without holes. A new array after each change. */
  get events(): readonly RoomEvent[] {
    return this.#log.events
  }
  /** Own messages not acknowledged yet, in the order they were written. */
  get pending(): PendingMessage[] {
    return this.#outbox.messages
  }
  /** Whether `loadEarlier()` has more to give. */
  get hasEarlier(): boolean {
    return this.#log.hasEarlier
  }
  /** Others who are typing. */
  get typing(): Member[] {
    return this.#typing.userIds.flatMap(id => this.#roster.get(id) ?? [])
  }
  /** The room's live call as the server sees it, joined by us or not; null when there is none. */
  get liveCall(): CallInfo | null {
    return this.#call
  }
  /** Whether this server can carry calls. */
  get canCall(): boolean {
    return this.#opened?.routerRtpCapabilities != null
  }

  member(userId: string): Member | undefined {
    return this.#roster.get(userId)
  }
  presenceOf(userId: string): PresenceStatus {
    return this.#roster.presenceOf(userId)
  }
  /** How far an own message came. */
  stateOf(event: RoomEvent): MessageState {
    return this.#roster.stateOf(event)
  }
  /** How many others an own message reached. */
  reachOf(event: RoomEvent): Reach {
    return this.#roster.reachOf(event)
  }

  /**
   * Resolves when the room is open.
   * @throws TrunklineError when it will not open: `room_not_found`, `forbidden`, a refused connection
   */
  opened(): Promise<this> {
    return new Promise((resolve, reject) => {
      const settle = () => {
        if (this.#state === 'open') resolve(this)
        else if (this.#state === 'refused' || this.#state === 'closed') reject(this.#error ?? closedError())
        else return
        stop()
      }
      const stop = this.on('state', settle)
      settle()
    })
  }

  /**
   * Sends a message: queued while offline, retried under one `clientId`, in `pending` until acknowledged.
   * The promise gives its event, or rejects when the server refuses it; it may be ignored.
   */
  send(draft: Draft, options: { clientId?: string } = {}): Promise<RoomEvent> {
    this.#typingSender.reset()
    return this.#outbox.add(draft, options.clientId)
  }

  /** Uploads a file and sends the message that shows it, with the same care as `send`. */
  sendFile(blob: Blob, name: string): Promise<RoomEvent> {
    return this.#outbox.add({ file: { blob, name } })
  }

  /** The bytes of a file of this room, or of its thumbnail (WebP, at most 512 pixels). */
  downloadFile(fileId: string, options: { thumbnail?: boolean; signal?: AbortSignal } = {}): Promise<Blob> {
    return this.#rest.downloadFile(fileId, options)
  }

  /** Tries a failed message again. */
  retry(clientId: string): void {
    this.#outbox.retry(clientId)
  }

  /** Gives a failed message up. */
  discard(clientId: string): void {
    this.#outbox.discard(clientId)
  }

  /** Loads the page before the first known event; resolves with what was new. */
  loadEarlier(limit?: number): Promise<RoomEvent[]> {
    return this.#log.loadEarlier(limit)
  }

  /** Call with true at every key and with false when the text is emptied; what is sent is kept rare. */
  setTyping(typing: boolean): void {
    this.#typingSender.set(typing)
  }

  /** Everything up to `seq` (by default the last event) was seen by a person. */
  markRead(seq = this.#log.last ?? 0): void {
    this.#receipts.read(seq)
  }

  /** Loads what calls need, so that `joinCall` is one round trip. Harmless to repeat. */
  async prepareCall(): Promise<void> {
    const capabilities = this.#opened?.routerRtpCapabilities
    if (capabilities) await this.#devices.load(capabilities)
  }

  /**
   * Joins the room's call, opening it when there is none. One call at a time per room.
   * @throws TrunklineError `unavailable` when this server carries no calls, `forbidden`, ...
   */
  async joinCall(options: JoinOptions = {}): Promise<Call> {
    if (this.#ownCall && this.#ownCall.state !== 'left') {
      throw new TrunklineError('conflict', 'Already in this call; leave it before joining again')
    }
    const call = new Call(
      { room: this, connection: this.#connection, loadDevice: () => this.#loadDevice() },
      options,
    )
    this.#ownCall = call
    await call.start()
    return call
  }

  /** Leaves the call, stops hearing of this room and forgets it. Membership stays. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    await this.#ownCall?.leave()
    for (const stop of this.#stops) stop()
    this.#receipts.close()
    this.#typingSender.reset()
    this.#typing.clear()
    this.#outbox.close(closedError())
    this.#set('closed')
    if (this.#connection.state === 'connected') {
      await this.#connection.request('room:close', { roomId: this.id }).catch(() => undefined)
    }
  }

  #listen(): void {
    this.#stops.push(
      this.#connection.on('state', (state, error) => {
        if (state === 'connected') void this.#open()
        else if (state === 'refused') this.#refuse(error)
        else this.#pause()
      }),
    )
    this.#hear('event:appended', ({ event }) => this.#log.append([event]))
    this.#hear('typing:changed', ({ userId, typing }) => {
      if (userId !== this.#opened?.me.user.id) this.#typing.set(userId, typing)
    })
    this.#hear('presence:changed', notice => {
      this.#roster.applyPresence(notice)
      this.emit('presence', notice.userId, notice.status)
      this.emit('changed')
    })
    this.#hear('receipt:changed', notice => {
      this.#roster.applyReceipt(notice)
      this.emit('receipt', notice.userId)
      this.emit('changed')
    })
    this.#hear('call:changed', ({ call }) => this.#setCall(call))
  }

  /** A notice, if it is about this room. */
  #hear<N extends NoticeName>(name: N, listener: (data: ConnectionEvents[N][0]) => void): void {
    const stop = this.#connection.on(name, ((data: ConnectionEvents[N][0]) => {
      const roomId = 'event' in data ? data.event.roomId : data.roomId
      if (roomId === this.id) listener(data)
    }) as (...args: ConnectionEvents[N]) => void)
    this.#stops.push(stop)
  }

  async #open(): Promise<void> {
    const backoff = new Backoff()
    const attempt = ++this.#attempt
    while (attempt === this.#attempt && this.#state !== 'closed') {
      try {
        const after = this.#log.last
        const request = { roomId: this.id, limit: PAGE, ...(after !== undefined && { after }) }
        const opened = await this.#connection.request('room:open', request)
        if (attempt === this.#attempt) this.#onOpened(opened, after)
        return
      } catch (thrown) {
        const error = toTrunklineError(thrown)
        if (attempt !== this.#attempt) return
        if (!error.retryable) return this.#refuse(error)
        await wait(error.details?.retryAfterMs ?? backoff.next())
      }
    }
  }

  #onOpened(opened: OpenedRoom, after: number | undefined): void {
    this.#opened = opened
    this.#roster.start(opened)
    this.#typing.clear()
    this.#typingSender.reset()
    this.#error = undefined
    this.#setCall(opened.call)
    this.#set('open')
    this.#log.opened(opened, after)
    for (const event of opened.events) this.#outbox.settle(event)
    this.#outbox.setReady(true)
    this.#receipts.start(opened.me.deliveredSeq, opened.me.readSeq)
    this.#receipts.delivered(this.#log.last ?? 0)
    this.emit('changed')
  }

  #onAppended(events: RoomEvent[]): void {
    for (const event of events) {
      this.#roster.apply(event)
      this.#outbox.settle(event)
      if (event.sender !== undefined) this.#typing.set(event.sender, false)
      this.emit('event', event)
      if (event.type === 'message.created') this.emit('message', event)
    }
    this.#receipts.delivered(this.#log.last ?? 0)
    this.emit('changed')
  }

  async #transmit(
    clientId: string,
    parts: MessagePart[],
    metadata: PendingMessage['metadata'],
  ): Promise<RoomEvent> {
    const request = { roomId: this.id, clientId, parts, ...(metadata && { metadata }) }
    const { event } = await this.#connection.request('message:send', request)
    this.#log.append([event])
    return event
  }

  async #loadDevice() {
    await this.opened()
    const capabilities = this.#opened?.routerRtpCapabilities
    if (!capabilities) throw new TrunklineError('unavailable', 'This server carries no calls')
    return this.#devices.load(capabilities)
  }

  #setCall(call: CallInfo | null): void {
    this.#call = call
    this.emit('call', call)
    this.emit('changed')
  }

  #pause(): void {
    this.#attempt += 1
    this.#outbox.setReady(false)
    if (this.#state === 'open') this.#set('reconnecting')
  }

  #refuse(error: TrunklineError | undefined): void {
    this.#pause()
    this.#error = error
    this.#set('refused')
  }

  #set(state: RoomState): void {
    if (this.#state === state) return
    this.#state = state
    this.emit('state', state)
    this.emit('changed')
  }
}

const closedError = () => new TrunklineError('unavailable', 'The room was closed')
