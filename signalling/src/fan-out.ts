import { eventFor, isForModerators, type RoomEvent } from '@trunkline/protocol'
import { audience, type TrunklineServer } from './session.ts'

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

/** Speaks to rooms over all nodes. Nothing here waits for Redis, and what it loses comes by CatchUp: see ClusterBus. */
export class FanOut {
  readonly #io: TrunklineServer

  constructor(io: TrunklineServer) {
    this.#io = io
  }

  /** Everybody who has the room open. */
  toRoom(roomId: string) {
    return this.#io.to(audience.room(roomId))
  }

  /** The same of this node alone. */
  toRoomHere(roomId: string) {
    return this.#io.local.to(audience.room(roomId))
  }

  /** All devices of a user. */
  toUser(userId: string) {
    return this.#io.to(audience.user(userId))
  }

  /** Ends all connections of a user. */
  disconnect(userId: string): void {
    this.#io.in(audience.user(userId)).disconnectSockets(true)
  }

  /** Brings an event to everybody who hears the room, as each may see it. */
  deliver(event: RoomEvent): void {
    deliverTo(this.#io, event)
  }

  /** The same to those of this node alone. */
  deliverHere(event: RoomEvent): void {
    deliverTo(this.#io.local, event)
  }
}
