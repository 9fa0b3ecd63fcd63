import type { PresenceStatus, TrunklineError } from '@trunkline/protocol'
import { Connection, type ConnectionState } from './connection.ts'
import { DeviceLoader, type DeviceOptions } from './device-loader.ts'
import { Emitter } from './emitter.ts'
import { Rest } from './rest.ts'
import { Room } from './room.ts'

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
  readonly #connection: Connection
  readonly #devices: DeviceLoader
  readonly #rooms = new Map<string, Room>()
  #presence: 'online' | 'away' = 'online'

  constructor(options: TrunklineOptions) {
    super()
    const getToken = 'token' in options ? async () => options.token : options.getToken
    this.rest = new Rest({ url: options.url, getToken })
    this.#connection = new Connection({ url: options.url, getToken })
    this.#devices = new DeviceLoader(options.device)
    this.#connection.on('state', (state, error) => {
      if (state === 'connected' && this.#presence !== 'online') this.#sendPresence()
      this.emit('state', state, error)
    })
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

  /** The room's object, at once; it opens in the background and stays current. */
  room(id: string): Room {
    const known = this.#rooms.get(id)
    if (known && known.state !== 'closed') return known
    const room = new Room(id, { connection: this.#connection, rest: this.rest, devices: this.#devices })
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

  /** Says whether the person is at the screen. */
  setPresence(status: Exclude<PresenceStatus, 'offline'>): void {
    if (this.#presence === status) return
    this.#presence = status
    this.#sendPresence()
  }

  /** Leaves calls, closes rooms and disconnects. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#rooms.values(), room => room.close()))
    this.#rooms.clear()
    this.#connection.close()
    this.removeAllListeners()
  }

  #sendPresence(): void {
    this.#connection.request('presence:set', { status: this.#presence }).catch(() => undefined)
  }
}
