import type {
  EncryptionKeys,
  OperationAnswer,
  OperationData,
  RoomPost,
  RoomPreview,
  RoomWithMembership,
  SearchHit,
  SyncAnswer,
  TrunklineError,
} from '@trunkline/protocol'
import { Blocks } from './blocks.ts'
import { Breakouts } from './breakouts.ts'
import type { Call } from './call.ts'
import type { PrepareOptions } from './call-preparation.ts'
import { CallPreparations } from './call-preparations.ts'
import { Connection, type ConnectionState } from './connection.ts'
import { DeviceLoader, type DeviceOptions } from './device-loader.ts'
import { Emitter } from './emitter.ts'
import { Inbox } from './inbox.ts'
import { Jobs } from './jobs.ts'
import type { Page, Paging } from './pages.ts'
import { Presences } from './presences.ts'
import { Push } from './push.ts'
import { Rest } from './rest.ts'
import { Rings } from './rings.ts'
import { Room } from './room.ts'
import { Users } from './users.ts'

export type TrunklineOptions = {
  /** Where the server is, such as `https://calls.example.org`. */
  url: string
  /** How mediasoup-client finds its WebRTC; needed outside browsers only. */
  device?: DeviceOptions
} & (
  | { /** A user's token. */ token: string }
  | {
      /** Asked before each connection and request, so that tokens may be renewed. */ getToken: () => Promise<string>
    }
)

/** @throws TypeError when there is nothing to ask: callers in JavaScript, an answer without a token */
const tokenSource = (options: TrunklineOptions): (() => Promise<string>) => {
  if ('getToken' in options && typeof options.getToken === 'function') return options.getToken
  if ('token' in options && typeof options.token === 'string') return async () => options.token
  throw new TypeError(
    'new Trunkline() needs `token`, a string, or `getToken`, a function that resolves with one',
  )
}

/** What a search is narrowed to. */
export type SearchFilters = Omit<OperationData<'search:find'>, 'query'>

export type TrunklineEvents = { state: [ConnectionState, TrunklineError | undefined] }

/**
 * A client of a Trunkline server, for one user.
 *
 * ```ts
 * const client = new Trunkline({ url: 'https://calls.example.org', token })
 * const room = await client.openRoom('ward-7')
 * const call = await room.joinCall({ mic: true, camera: true })
 * call.on('trackAdded', (participant, source, track) => ...)
 * ```
 */
export class Trunkline extends Emitter<TrunklineEvents> {
  /** The REST API with this client's token. */
  readonly rest: Rest
  /** How people are there, oneself included. */
  readonly presence: Presences
  /** Whom one has blocked. */
  readonly blocks: Blocks
  readonly users: Users
  /** Being told while one is away. */
  readonly push: Push
  /** Exports and other long work of the server. */
  readonly jobs: Jobs
  readonly #url: string
  readonly #getToken: () => Promise<string>
  readonly #connection: Connection
  readonly #preparations: CallPreparations
  readonly #rooms = new Map<string, Room>()
  #inbox: Inbox | undefined
  #rings: Rings | undefined

  /** @throws TypeError without a token or a way to get one */
  constructor(options: TrunklineOptions) {
    super()
    const getToken = tokenSource(options)
    this.#url = options.url
    this.#getToken = getToken
    this.rest = new Rest({ url: options.url, getToken })
    this.#connection = new Connection({ url: options.url, getToken })
    this.#preparations = new CallPreparations({
      connection: this.#connection,
      devices: new DeviceLoader(options.device),
      isIn: roomId => this.#rooms.get(roomId)?.call !== undefined,
    })
    this.presence = new Presences(this.#connection)
    this.blocks = new Blocks({ connection: this.#connection, rest: this.rest })
    this.users = new Users({ connection: this.#connection, rest: this.rest })
    this.push = new Push(this.rest)
    this.jobs = new Jobs(this.rest)
    this.#connection.on('state', (state, error) => this.emit('state', state, error))
  }

  get state(): ConnectionState {
    return this.#connection.state
  }

  /** Why the server refused, in state `refused`. */
  get error(): TrunklineError | undefined {
    return this.#connection.error
  }

  /**
   * Connects, and stays connected until `close()`. Opening a room does this by itself.
   * @throws TrunklineError when the server refuses: `token_expired`, `unsupported_version`, ...
   */
  connect(): Promise<void> {
    return this.#connection.connect()
  }

  /** All one's rooms with what is unread; made, and kept current, from the first time it is asked for. */
  get inbox(): Inbox {
    if (!this.#inbox) {
      this.#inbox = new Inbox({
        connection: this.#connection,
        blocks: this.blocks,
        isOpen: roomId => this.#rooms.get(roomId)?.state === 'open',
      })
      // A refusal shows in the state of the inbox.
      this.#connection.connect().catch(() => undefined)
    }
    return this.#inbox
  }

  /** Who rings one, and whom one rings; kept current from the first time it is asked for. */
  get rings(): Rings {
    if (!this.#rings) {
      this.#rings = new Rings({ connection: this.#connection, rest: this.rest, room: id => this.room(id) })
      // A refusal shows in the state of the client.
      this.#connection.connect().catch(() => undefined)
    }
    return this.#rings
  }

  /** Follows the breakouts of the room whose call this is: one's call moves by itself. `stop()` ends it. */
  breakouts(call: Call): Breakouts {
    return new Breakouts({ connection: this.#connection, openRoom: id => this.openRoom(id), call })
  }

  /** The room's object, at once; it opens in the background and stays current. */
  room(id: string): Room {
    const known = this.#rooms.get(id)
    if (known && known.state !== 'closed') return known
    const room = new Room(id, {
      connection: this.#connection,
      rest: this.rest,
      url: this.#url,
      getToken: this.#getToken,
      preparations: this.#preparations,
      presences: this.presence,
      blocks: this.blocks,
      rings: () => this.rings,
      onRead: (roomId, seq) => this.#inbox?.markRead(roomId, seq),
    })
    this.#rooms.set(id, room)
    // A refusal shows in the state of the room.
    this.#connection.connect().catch(() => undefined)
    return room
  }

  /**
   * Opens a room.
   * @throws TrunklineError `room_not_found`, `forbidden`, or why the connection was refused
   */
  openRoom(id: string): Promise<Room> {
    return this.room(id).opened()
  }

  /**
   * Connects to the call of a room before anybody joins, as `room.prepareCall` does, and without opening the room: who has a
   * token for it and was never there is in nobody's list by that. Harmless to repeat.
   * @throws TrunklineError why one may not join, or may not yet: `room_not_found`, `knock_first`, `locked`, ...
   */
  prepareCall(roomId: string, options: PrepareOptions = {}): Promise<void> {
    return this.#preparations.of(roomId).prepare(options)
  }

  /** Lets go of what was prepared. Harmless without. */
  releaseCall(roomId: string): Promise<void> {
    return this.#preparations.of(roomId).release()
  }

  /** Whether joining takes one round trip now; `room(id).joinCall()` then does not wait for the room to open. */
  isCallPrepared(roomId: string): boolean {
    return this.#preparations.of(roomId).session !== undefined
  }

  /**
   * With whose keys they encrypt who send anything in a call that is prepared; `none` when they do not, undefined while nobody
   * sends, or nothing is prepared.
   */
  keysOfPrepared(roomId: string): EncryptionKeys | 'none' | undefined {
    return this.#preparations.of(roomId).keys
  }

  /** Creates a room; direct and distinct rooms are found when they exist already. Open it by `room(id)`. */
  createRoom(post: RoomPost, options: { idempotencyKey?: string } = {}): Promise<RoomWithMembership> {
    return this.rest.operation('room:create', post, options)
  }

  /** The room of just oneself and somebody else: the same one each time. */
  directRoom(userId: string): Promise<RoomWithMembership> {
    return this.createRoom({ kind: 'direct', members: [userId] })
  }

  /** Channels that can be followed, the most followed first. */
  channels(query: { query?: string } & Paging & { signal?: AbortSignal } = {}): Promise<Page<RoomPreview>> {
    const { signal, ...data } = query
    return this.rest.operation('channel:list', data, { ...(signal && { signal }) })
  }

  /**
   * Full text over what one may read: messages, files by name, rooms, people. Best first.
   * @param filters kinds, room, sender, time, page; `signal` gives a search up that was overtaken by another
   */
  search(query: string, filters: SearchFilters & { signal?: AbortSignal } = {}): Promise<Page<SearchHit>> {
    const { signal, ...data } = filters
    return this.rest.operation('search:find', { query, ...data }, { ...(signal && { signal }) })
  }

  /** Recent messages of all channels one follows, the latest first. */
  feed(page: Paging = {}): Promise<OperationAnswer<'feed:list'>> {
    return this.rest.operation('feed:list', page)
  }

  /** News of all one's rooms since a cursor, for those who keep a copy of their own; `inbox` does this by itself. */
  sync(options: { cursor?: string; limit?: number } = {}): Promise<SyncAnswer> {
    return this.rest.operation('sync:get', options)
  }

  /** Leaves calls, closes rooms and disconnects. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#rooms.values(), room => room.close()))
    this.#rooms.clear()
    this.#inbox?.close()
    this.#rings?.close()
    this.#preparations.close()
    this.presence.close()
    this.blocks.close()
    this.users.close()
    this.#connection.close()
    this.removeAllListeners()
  }
}
