import {
  type Call as CallInfo,
  type Member,
  type Message,
  type NodeItem,
  type NoticeData,
  type OpenedRoom,
  type PresenceStatus,
  type RemovedStretch,
  type RequestData,
  type RequestName,
  type ResponseData,
  RIGHTS,
  type Ring,
  type RoomAction,
  type RoomEvent,
  type Room as RoomInfo,
  TrunklineError,
} from '@trunkline/protocol'
import type { Blocks } from './blocks.ts'
import type { Call } from './call.ts'
import type { PrepareOptions } from './call-preparation.ts'
import type { CallPreparations } from './call-preparations.ts'
import type { Connection } from './connection.ts'
import type { JoinOptions } from './join-options.ts'
import { Knocking } from './knocking.ts'
import { LogSync } from './log-sync.ts'
import type { Draft, FilesDraft, Outbox, OutgoingFile, PendingMessage } from './outbox.ts'
import type { Presences } from './presences.ts'
import { ReceiptSender } from './receipts.ts'
import type { Rest } from './rest.ts'
import type { RingOptions, Rings } from './rings.ts'
import { RoomBots } from './room-bots.ts'
import { RoomCall } from './room-call.ts'
import { type ClosedReason, closedBy } from './room-closed.ts'
import { RoomCommands } from './room-commands.ts'
import type { RoomEvents, RoomState } from './room-events.ts'
import { RoomFiles } from './room-files.ts'
import { roomAfter } from './room-info.ts'
import { type RoomMessage, RoomMessages } from './room-messages.ts'
import { hearOfRoom, type RoomNotice } from './room-notices.ts'
import { RoomOpening } from './room-opening.ts'
import { roomOutbox } from './room-outbox.ts'
import { type MessageState, type Reach, Roster, type Sent } from './roster.ts'
import { settled } from './settled.ts'
import { type Thread, Threads } from './thread.ts'
import { TypingSender, TypingSet } from './typing.ts'

export type RoomDeps = {
  connection: Connection
  rest: Rest
  url: string
  getToken: () => Promise<string>
  preparations: CallPreparations
  presences: Presences
  blocks: Blocks
  rings: () => Rings
  /** Told what one has read, before the server says so. */
  onRead: (roomId: string, seq: number) => void
}

/** A room: its members, its log, its messages and its call. Made by `client.room(id)`; stays current across reconnects. */
export class Room extends RoomCommands<RoomEvents> {
  /** What its messages show, and the way to upload more. */
  readonly files: RoomFiles
  /** What its bots can be told and asked, and what they show this user alone. */
  readonly bots: RoomBots
  readonly #deps: RoomDeps
  readonly #opening: RoomOpening
  readonly #log: LogSync
  readonly #messages: RoomMessages
  readonly #threads: Threads
  readonly #roster: Roster
  readonly #typing = new TypingSet(() => {
    this.emit('typing', this.typing)
    this.emit('changed')
  })
  readonly #typingSender: TypingSender
  readonly #receipts: ReceiptSender
  readonly #outbox: Outbox
  readonly #call: RoomCall
  readonly #stops: (() => void)[] = []
  #state: RoomState = 'opening'
  #error: TrunklineError | undefined
  #closedReason: ClosedReason | undefined
  #opened: OpenedRoom | undefined

  constructor(id: string, deps: RoomDeps) {
    super(id)
    this.#deps = deps
    const { connection, preparations, presences, blocks } = deps
    this.files = new RoomFiles(id, deps)
    this.bots = new RoomBots(id, {
      request: (name, data) => connection.request(name, data),
      take: event => this.take(event),
      changed: shown => {
        if (shown) this.emit('ephemeral', shown)
        this.emit('changed')
      },
    })
    this.#messages = new RoomMessages(blocks)
    this.#roster = new Roster(userId => presences.statusOf(userId))
    this.#typingSender = new TypingSender(typing => {
      connection.request('typing:set', { roomId: id, typing }).catch(() => undefined)
    })
    this.#receipts = new ReceiptSender((kind, seq) =>
      connection.request(`receipt:${kind}`, { roomId: id, seq }),
    )
    this.#log = new LogSync({
      sync: request => connection.request('room:sync', { roomId: id, ...request }),
      started: events => this.#onStarted(events),
      appended: events => this.#onAppended(events),
      prepended: events => {
        this.#messages.prepend(events)
        this.emit('changed')
      },
    })
    this.#opening = new RoomOpening({
      last: () => this.#log.last,
      ask: request => connection.request('room:open', { roomId: id, ...request }),
      opened: (opened, after) => this.#onOpened(opened, after),
      refused: error => this.#refuse(error),
    })
    this.#threads = new Threads({
      message: seq => this.message(seq),
      answers: seq => this.#messages.thread(seq),
      pending: () => this.pending,
      first: () => this.#log.first,
      loadPage: (seq, cursor) => this.#loadAnswers(seq, cursor),
      send: draft => this.send(draft),
    })
    this.#outbox = roomOutbox(id, {
      connection,
      files: this.files,
      sent: event => this.#log.append([event]),
      changed: () => this.emit('changed'),
    })
    this.#call = new RoomCall({
      room: this,
      connection,
      preparations,
      changed: live => {
        this.emit('call', live)
        this.emit('changed')
      },
    })
    this.#listen()
    if (connection.state === 'connected') void this.#opening.start()
  }

  get state(): RoomState {
    return this.#state
  }
  /** Why the room does not open, in state `refused`, or why it was closed for us. */
  get error(): TrunklineError | undefined {
    return this.#error
  }
  /** Why the server closed the room for us, in state `closed`. */
  get closedReason(): ClosedReason | undefined {
    return this.#closedReason
  }
  /** Title, kind, metadata and the like, as they are now; undefined until open for the first time. */
  get info(): RoomInfo | undefined {
    return this.#opened && { ...this.#opened.room, memberCount: this.#roster.count }
  }
  /** One's own membership. */
  get me(): Member | undefined {
    const own = this.#opened?.me
    return own && (this.#roster.get(own.user.id) ?? own)
  }
  /** Whether one's role allows this here: `write`, `pin`, `moderate`, ... */
  can(action: RoomAction): boolean {
    const { me, info } = this
    if (!me || !info || (action === 'write' && info.archivedAt !== null)) return false
    return RIGHTS[me.role][action]
  }
  /** Those who may read, the longest there first; of large rooms the first LIMITS.membersListed. */
  get members(): Member[] {
    return this.#roster.members
  }
  /**
   * What was said, as it is now: edits, reactions and deletions applied, ascending. Answers in threads are in
   * `thread(seq)`. The same array until something changed.
   */
  get messages(): readonly RoomMessage[] {
    return this.#messages.timeline
  }
  /** Events known so far: ascending, without holes. A new array after each change. */
  get events(): readonly RoomEvent[] {
    return this.#log.events
  }
  /** What retention took out of the log while we were away: these numbers will not come. */
  get removed(): RemovedStretch | undefined {
    return this.#log.removed
  }
  /** Own messages not acknowledged yet, in the order they were written; those with `threadOf` belong to a thread. */
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
    return this.#call.live
  }
  /** The call of this room that one is in. */
  get call(): Call | undefined {
    return this.#call.own
  }
  /** Whether this server can carry calls. */
  get canCall(): boolean {
    return this.#call.isPossible
  }

  /**
   * Whether joining takes one round trip now. Then `room.call` may be shown as soon as `joinCall` was asked for: it knows who
   * is there, and their pictures begin with the answer.
   */
  get isCallPrepared(): boolean {
    return this.#call.isPrepared
  }

  member(userId: string): Member | undefined {
    return this.#roster.get(userId)
  }
  /** A member's status; `client.presence.of(userId)` also gives its words and when it was last seen. */
  presenceOf(userId: string): PresenceStatus {
    return this.#deps.presences.statusOf(userId)
  }
  /** How far an own message (or its event) came. */
  stateOf(message: Sent): MessageState {
    return this.#roster.stateOf(message)
  }
  /** How many others an own message (or its event) reached. */
  reachOf(message: Sent): Reach {
    return this.#roster.reachOf(message)
  }

  /** A message that is known: loaded with the log, or by itself. */
  message(seq: number): RoomMessage | undefined {
    return this.#messages.get(seq)
  }

  /**
   * A message wherever it is in the log: asks the server when it is not known, and keeps it current from then on.
   * @throws TrunklineError `not_found`
   */
  async loadMessage(seq: number): Promise<RoomMessage> {
    const known = this.#messages.get(seq)
    if (known) return known
    const message = await this.request('message:get', { roomId: this.id, seq })
    this.#adopt([message])
    return this.#messages.get(seq) ?? message
  }

  /** The thread of a message: the same object each time. */
  thread(seq: number): Thread {
    return this.#threads.get(seq)
  }

  /** Hears what is published to a node from now on; call what is returned to stop. */
  onNode(node: string, listener: (item: NodeItem) => void): () => void {
    return this.on('event', event => {
      if (event.type !== 'node.published' || event.data.node !== node) return
      const { roomId, seq, sender, at } = event
      listener({ roomId, node, seq, ...(sender && { sender }), payload: event.data.payload, at })
    })
  }

  /**
   * Resolves when the room is open.
   * @throws TrunklineError when it will not open: `room_not_found`, `forbidden`, a refused connection
   */
  opened(): Promise<this> {
    return settled(
      () => {
        if (this.#state === 'refused' || this.#state === 'closed') throw this.#error ?? closedError()
        return this.#state === 'open' ? this : undefined
      },
      listener => this.on('state', listener),
    )
  }

  /**
   * Sends a message: queued while offline, retried under one `clientId`, in `pending` until acknowledged.
   * The promise gives its event, or rejects when the server refuses it; it may be ignored.
   */
  send(draft: Draft, options: { clientId?: string } = {}): Promise<RoomEvent> {
    this.#typingSender.reset()
    return this.#outbox.add(draft, options.clientId)
  }

  /**
   * Uploads files and sends one message that shows them, with the same care as `send`. Messages sent meanwhile do not wait
   * for it; `discard` gives it up.
   * @param files at most LIMITS.partsPerMessage, a text counted as one
   */
  sendFiles(files: readonly OutgoingFile[], draft: FilesDraft = {}): Promise<RoomEvent> {
    this.#typingSender.reset()
    return this.#outbox.addFiles(files, draft)
  }

  /**
   * Makes a picture the room's, or takes it away; for those who may change the room.
   * @returns its path on the server: `room.files.addressOf` makes an address of it
   */
  async setAvatar(picture: Blob | null): Promise<string | null> {
    const { rest } = this.#deps
    const params = { id: this.id }
    const { avatar } = await (picture
      ? rest.call('putRoomAvatar', { params, body: picture })
      : rest.call('deleteRoomAvatar', { params }))
    return avatar
  }

  /** Tries a failed message again. */
  retry(clientId: string): void {
    this.#outbox.retry(clientId)
  }

  /** Stops uploading the files of a message in `pending`, until `resumeUpload`; what has arrived is kept for a day. */
  pauseUpload(clientId: string): void {
    this.#outbox.pause(clientId)
  }

  resumeUpload(clientId: string): void {
    this.#outbox.resume(clientId)
  }

  /** Gives a message up that failed, or whose files are on their way. */
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
    this.#deps.onRead(this.id, seq)
  }

  /**
   * Loads what calls need and connects, so that `joinCall` is one round trip. Harmless to repeat. A call that is to be joined
   * with `encryption` is prepared with the same. `client.prepareCall` does it before the room is opened.
   */
  prepareCall(options: PrepareOptions = {}): Promise<void> {
    return this.#call.prepare(options)
  }

  /** Lets go of what `prepareCall` has connected, for who only chats after all. Harmless without. */
  async releaseCall(): Promise<void> {
    await this.#call.release()
  }

  /**
   * Joins the room's call, opening it when there is none. One call at a time per room.
   * @throws TrunklineError `unavailable` when this server carries no calls, `forbidden`, ...
   */
  joinCall(options: JoinOptions = {}): Promise<Call> {
    return this.#call.join(options)
  }

  /**
   * Rings people of this room, everybody unless `userIds` says whom, and joins its call. Leaving it takes the ring back.
   * @throws TrunklineError `conflict` when there is nobody to ring, `forbidden`, and what joining throws
   */
  ring(options: RingOptions, joining: JoinOptions = {}): Promise<{ ring: Ring; call: Call }> {
    return this.#deps.rings().start(this.id, options, joining)
  }

  /**
   * Asks to be let into the call, where `joinCall` was refused with `knock_first` or `locked`; guests of a room with a lobby,
   * who are in it only once they were let in, hear `knock_first` of opening it. Join once it is admitted: that lasts until
   * the call ends.
   */
  knock(): Knocking {
    const knocking = new Knocking(this.#deps.connection, this.id)
    // Whoever waited outside the room is in it now.
    knocking.on('changed', () => {
      if (knocking.state === 'admitted') this.#reopen()
    })
    return knocking
  }

  /** Leaves the call, stops hearing of this room and forgets it. Membership stays. */
  async close(): Promise<void> {
    if (this.#state === 'closed') return
    await this.#call.leave()
    this.#end(closedError())
    if (this.#deps.connection.state === 'connected') {
      await this.request('room:close', { roomId: this.id }).catch(() => undefined)
    }
  }

  protected request<N extends RequestName>(name: N, data: RequestData<N>): Promise<ResponseData<N>> {
    return this.#deps.connection.request(name, data)
  }

  protected take(event: RoomEvent): void {
    this.#log.append([event])
  }

  #end(error: TrunklineError): void {
    for (const stop of this.#stops) stop()
    this.#opening.stop()
    this.#receipts.close()
    this.#typingSender.reset()
    this.#typing.clear()
    this.#outbox.close(error)
    this.files.close()
    this.#set('closed')
  }

  #listen(): void {
    const { connection, presences, blocks } = this.#deps
    this.#stops.push(
      connection.on('state', (state, error) => {
        if (state === 'connected') void this.#opening.start()
        else if (state === 'refused') this.#refuse(error)
        else this.#pause()
      }),
      presences.on('changed', ({ userId, status }) => {
        if (!this.#roster.get(userId)) return
        this.emit('presence', userId, status)
        this.emit('changed')
      }),
      blocks.on('changed', () => this.emit('changed')),
      connection.on('user:changed', user => {
        if (this.#roster.rename(user)) this.emit('changed')
      }),
    )
    const hear = <N extends RoomNotice>(name: N, listener: (data: NoticeData<N>) => void) =>
      this.#stops.push(hearOfRoom(connection, this.id, name, listener))
    hear('event:appended', ({ event }) => this.#log.append([event]))
    hear('typing:changed', ({ userId, typing }) => {
      if (userId !== this.#opened?.me.user.id) this.#typing.set(userId, typing)
    })
    hear('receipt:changed', notice => {
      this.#roster.applyReceipt(notice)
      this.emit('receipt', notice.userId)
      this.emit('changed')
    })
    hear('ephemeral:shown', message => this.bots.take(message))
    hear('call:changed', ({ call }) => this.#call.setLive(call))
    hear('room:closed', ({ reason }) => void this.#onClosed(reason))
    hear('room:entered', ({ role }) => {
      if (role !== 'pending') this.#reopen()
    })
  }

  /** It was refused, and may be opened now. */
  #reopen(): void {
    if (this.#state !== 'refused' || this.#deps.connection.state !== 'connected') return
    this.#set('opening')
    void this.#opening.start()
  }

  /** The server closed the room for us: there is nothing to say good-bye to. */
  async #onClosed(reason: ClosedReason): Promise<void> {
    if (this.#state === 'closed') return
    this.#closedReason = reason
    this.#error = closedBy(reason)
    this.#end(this.#error)
    await this.#call.leave()
  }

  #onOpened(opened: OpenedRoom, after: number | undefined): void {
    const { presences, blocks } = this.#deps
    this.#opened = opened
    this.#roster.start(opened)
    presences.learn(
      this.#roster.members.map(({ user }) => user.id),
      opened.presence,
    )
    blocks.learn(opened.blocked)
    this.#typing.clear()
    this.#typingSender.reset()
    this.#error = undefined
    this.#call.opened(opened)
    this.#set('open')
    this.#log.opened(opened, after)
    for (const event of opened.events) this.#outbox.settle(event)
    this.#outbox.setReady(true)
    this.#receipts.start(opened.me.deliveredSeq, opened.me.readSeq)
    this.#receipts.delivered(this.#log.last ?? 0)
    this.emit('changed')
  }

  #onStarted(events: readonly RoomEvent[]): void {
    this.#messages.start(events)
    this.#threads.reset()
    this.files.refresh()
    for (const event of events) this.#outbox.settle(event)
    this.emit('changed')
  }

  #onAppended(events: RoomEvent[]): void {
    this.#messages.append(events)
    for (const event of events) {
      this.#roster.apply(event)
      this.files.apply(event)
      if (this.#opened) this.#opened = { ...this.#opened, room: roomAfter(this.#opened.room, event) }
      this.#outbox.settle(event)
      if (event.type === 'message.created' && event.sender !== undefined) {
        this.#typing.set(event.sender, false)
      }
      this.emit('event', event)
      if (event.type === 'message.created') this.emit('message', event)
    }
    this.#receipts.delivered(this.#log.last ?? 0)
    this.emit('changed')
  }

  #adopt(messages: readonly Message[]): void {
    this.#messages.adopt(messages)
    this.emit('changed')
  }

  async #loadAnswers(seq: number, cursor: string | undefined) {
    const page = { roomId: this.id, seq, ...(cursor && { cursor }) }
    const [answer] = await Promise.all([this.request('message:thread', page), this.loadMessage(seq)])
    this.#adopt(answer.data)
    return answer
  }

  #pause(): void {
    this.#opening.stop()
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
