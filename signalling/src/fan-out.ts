import type { Logger, Redis } from '@trunkline/kit'
import { eventFor, isForModerators, type RoomEvent } from '@trunkline/protocol'
import type { EventLog } from './log/event-log.ts'
import { audience, openRooms, type SessionData, type TrunklineServer } from './session.ts'

/** A socket of any node. `data` of another node's holds what can be sent between them. */
export type Listening = { data: Pick<SessionData, 'userId' | 'status'>; rooms: ReadonlySet<string> }

/** Says an event to the audiences of its room: as it is to those who moderate, else as it may be seen. */
const deliverTo = (nodes: Pick<TrunklineServer, 'to'>, event: RoomEvent): void => {
  const { roomId } = event
  const everybody = [audience.room(roomId), audience.inbox(roomId)]
  if (!isForModerators(event)) {
    nodes.to(everybody).emit('event:appended', { event })
    return
  }
  const moderators = audience.moderators(roomId)
  nodes.to(moderators).emit('event:appended', { event })
  nodes
    .to(everybody)
    .except(moderators)
    .emit('event:appended', { event: eventFor('member', event) })
}

/**
 * Speaks to rooms over all nodes. While Redis is away each node goes on alone: the adapter would keep its own sockets
 * waiting for Redis, and drop what waited too long. Once it is back, every room that is open here hears its last event
 * again: whoever missed some sees `seq` jump and asks for the gap.
 */
export class FanOut {
  readonly #io: TrunklineServer
  readonly #redis: Redis | undefined
  readonly #log: EventLog
  readonly #logger: Logger

  constructor(deps: { io: TrunklineServer; redis: Redis | undefined; log: EventLog; logger: Logger }) {
    this.#io = deps.io
    this.#redis = deps.redis
    this.#log = deps.log
    this.#logger = deps.logger
    deps.redis?.on('ready', this.#onReady)
  }

  close(): void {
    this.#redis?.off('ready', this.#onReady)
  }

  readonly #onReady = () => {
    this.#catchUp().catch(error => this.#logger.warn({ err: error }, 'rooms could not be brought up to date'))
  }

  /** Everybody who has the room open. */
  toRoom(roomId: string) {
    return this.#nodes.to(audience.room(roomId))
  }

  /** Brings an event to everybody who hears the room, as each may see it. */
  deliver(event: RoomEvent): void {
    deliverTo(this.#nodes, event)
  }

  /** What is known of the sockets that have a room open: of this node's only, while the others cannot be asked. */
  async inRoom(roomId: string): Promise<Pick<SessionData, 'userId' | 'status'>[]> {
    return (await this.#listening(audience.room(roomId))).map(socket => socket.data)
  }

  /** The sockets of one user, with what each listens to: of this node's only, while the others cannot be asked. */
  async ofUser(userId: string): Promise<Listening[]> {
    return this.#listening(audience.user(userId))
  }

  async #listening(to: string): Promise<Listening[]> {
    if (this.#isWhole) {
      try {
        return await this.#io.in(to).fetchSockets()
      } catch (error) {
        this.#logger.warn({ err: error, audience: to }, 'the other nodes did not say who listens')
      }
    }
    const { adapter, sockets } = this.#io.of('/')
    return [...(adapter.rooms.get(to) ?? [])].flatMap(id => sockets.get(id) ?? [])
  }

  /** Every node, or this one alone while Redis is away. */
  get #nodes(): Pick<TrunklineServer, 'to'> {
    return this.#isWhole ? this.#io : this.#io.local
  }

  get #isWhole(): boolean {
    return this.#redis?.isReady ?? true
  }

  async #catchUp(): Promise<void> {
    for (const roomId of openRooms(this.#io)) {
      const { events } = await this.#log.page({ roomId, limit: 1 })
      for (const event of events) deliverTo(this.#io.local, event)
    }
  }
}
