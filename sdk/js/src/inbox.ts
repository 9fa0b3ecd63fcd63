import type {
  Counts,
  InboxEntry,
  PendingEntry,
  RoomEvent,
  RoomEventOf,
  TrunklineError,
} from '@trunkline/protocol'
import { Backoff } from './backoff.ts'
import type { Blocks } from './blocks.ts'
import { type Connection, closedError } from './connection.ts'
import { Deliveries } from './deliveries.ts'
import { Emitter } from './emitter.ts'
import { toTrunklineError } from './errors.ts'
import { InboxState } from './inbox-state.ts'
import { settled } from './settled.ts'

/** `live` follows everything; `reconnecting` shows what was known last; `refused`: error says why. */
export type InboxPhase = 'loading' | 'live' | 'reconnecting' | 'refused' | 'closed'

export type InboxEvents = {
  /** Rooms, counts or invitations changed. */
  changed: []
  state: [InboxPhase]
  /** Somebody else said something in one of one's rooms that counts as unread; for sounds and notifications. */
  message: [RoomEventOf<'message.created'>, InboxEntry]
}

/** Several reasons to ask the server shortly after one another are one question. */
const ASK_AFTER_MS = 200

/**
 * All one's rooms by latest activity, with last message, unread and mentions, always current: it follows what happens
 * everywhere, and asks the server for what was missed while away. Made by `client.inbox`.
 */
export class Inbox extends Emitter<InboxEvents> {
  readonly #connection: Connection
  readonly #blocks: Blocks
  readonly #state: InboxState
  readonly #deliveries: Deliveries
  /** Rooms that are open tell themselves what they received. */
  readonly #isOpen: (roomId: string) => boolean
  readonly #stops: (() => void)[] = []
  readonly #backoff = new Backoff()
  #phase: InboxPhase = 'loading'
  #error: TrunklineError | undefined
  #cursor: string | undefined
  /** Events that came while the server was asked: its answer may be older than they are. */
  #meanwhile: RoomEvent[] = []
  #asking: Promise<void> | undefined
  #askAgain = false
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(deps: { connection: Connection; blocks: Blocks; isOpen: (roomId: string) => boolean }) {
    super()
    this.#connection = deps.connection
    this.#blocks = deps.blocks
    this.#state = new InboxState(userId => deps.blocks.has(userId))
    this.#isOpen = deps.isOpen
    this.#deliveries = new Deliveries((roomId, seq) =>
      deps.connection.request('receipt:deliver', { roomId, seq }),
    )
    this.#listen()
    if (deps.connection.state === 'connected') void this.#begin()
  }

  get state(): InboxPhase {
    return this.#phase
  }
  /** Why it is `refused`. */
  get error(): TrunklineError | undefined {
    return this.#error
  }
  /** One's rooms that are not archived, latest activity first. The same array until something changed. */
  get rooms(): readonly InboxEntry[] {
    return this.#state.entries.live
  }
  /** Archived rooms, latest activity first. */
  get archived(): readonly InboxEntry[] {
    return this.#state.entries.archived
  }
  /** Rooms one is invited to, or asked to come into. */
  get pending(): readonly PendingEntry[] {
    return this.#state.pending
  }
  /** Over all rooms that are not archived. */
  get total(): Counts {
    let unread = 0
    let mentions = 0
    for (const entry of this.rooms) {
      unread += entry.unread
      mentions += entry.mentions
    }
    return { unread, mentions }
  }

  get(roomId: string): InboxEntry | undefined {
    return this.#state.get(roomId)
  }

  /**
   * Resolves when everything is there for the first time.
   * @throws TrunklineError when the connection is refused, or the client closed
   */
  loaded(): Promise<this> {
    return settled(
      () => {
        if (this.#phase === 'refused' || this.#phase === 'closed') throw this.#error ?? closedError()
        return this.#phase === 'live' ? this : undefined
      },
      listener => this.on('state', listener),
    )
  }

  /** @internal Told by rooms: everything up to `seq` was read here. */
  markRead(roomId: string, seq: number): void {
    if (this.#state.read(roomId, seq) === 'changed') this.emit('changed')
  }

  close(): void {
    for (const stop of this.#stops) stop()
    clearTimeout(this.#timer)
    this.#deliveries.close()
    this.#set('closed')
    this.removeAllListeners()
  }

  #listen(): void {
    this.#stops.push(
      this.#connection.on('state', (state, error) => {
        if (state === 'connected') void this.#begin()
        else if (state === 'refused') {
          this.#error = error
          this.#set('refused')
        } else if (this.#phase === 'live') this.#set('reconnecting')
      }),
      this.#connection.on('event:appended', ({ event }) => this.#onEvent(event)),
      this.#connection.on('counts:changed', notice => this.#act(this.#state.count(notice))),
      this.#connection.on('user:changed', user => this.#act(this.#state.rename(user))),
      this.#connection.on('room:entered', () => this.#askSoon()),
      this.#connection.on('room:closed', ({ roomId }) => {
        this.#state.remove(roomId)
        this.emit('changed')
        this.#askSoon()
      }),
      this.#blocks.on('changed', () => this.#askSoon()),
    )
  }

  #onEvent(event: RoomEvent): void {
    if (this.#asking) this.#meanwhile.push(event)
    const before = this.#state.get(event.roomId)
    this.#act(this.#state.apply(event))
    const entry = this.#state.get(event.roomId)
    if (entry) this.#deliver(entry)
    if (event.type === 'message.created' && entry && before && entry.unread > before.unread) {
      this.emit('message', event, entry)
    }
  }

  #act(outcome: ReturnType<InboxState['apply']>): void {
    if (outcome !== 'nothing') this.emit('changed')
    if (outcome === 'ask') this.#askSoon()
  }

  /** With each connection: listening first, so that nothing falls between the answer and what is heard. */
  async #begin(): Promise<void> {
    try {
      await Promise.all([this.#connection.request('inbox:watch', {}), this.#blocks.load()])
    } catch (thrown) {
      return this.#retry(toTrunklineError(thrown))
    }
    this.#ask()
  }

  #askSoon(): void {
    if (this.#asking) {
      this.#askAgain = true
      return
    }
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined
      this.#ask()
    }, ASK_AFTER_MS)
  }

  #ask(): void {
    if (this.#asking || this.#connection.state !== 'connected') return
    this.#askAgain = false
    this.#asking = this.#sync()
      .then(
        () => {
          this.#backoff.reset()
          this.#error = undefined
          this.#set('live')
        },
        thrown => this.#retry(toTrunklineError(thrown)),
      )
      .finally(() => {
        this.#asking = undefined
        if (this.#askAgain) this.#askSoon()
      })
  }

  /** Everything since the cursor, answer by answer; then once more what was heard meanwhile. */
  async #sync(): Promise<void> {
    this.#meanwhile = []
    for (let more = true, isFirst = true; more; isFirst = false) {
      const cursor = this.#cursor
      const answer = await this.#connection.request('sync:get', { limit: 1, ...(cursor && { cursor }) })
      this.#state.take(answer, isFirst)
      for (const entry of answer.rooms) this.#deliver(entry)
      this.#cursor = answer.cursor
      more = answer.hasMore && answer.cursor !== cursor
    }
    for (const event of this.#meanwhile.splice(0)) {
      if (this.#state.apply(event) === 'ask') this.#askAgain = true
    }
    this.emit('changed')
  }

  #deliver({ room, me, lastMessage }: InboxEntry): void {
    const seq = lastMessage?.seq ?? 0
    const isNew = seq > me.deliveredSeq && lastMessage?.sender !== me.user.id
    if (isNew && !this.#isOpen(room.id)) this.#deliveries.add(room.id, seq)
  }

  #retry(error: TrunklineError): void {
    if (this.#phase === 'closed' || this.#connection.state !== 'connected') return
    if (!error.retryable) {
      this.#error = error
      this.#set('refused')
      return
    }
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#begin()
    }, error.details?.retryAfterMs ?? this.#backoff.next())
  }

  #set(phase: InboxPhase): void {
    if (this.#phase === phase || this.#phase === 'closed') return
    this.#phase = phase
    this.emit('state', phase)
    this.emit('changed')
  }
}
