import type {
  Breakout,
  Breakouts as BreakoutList,
  BreakoutMove,
  OperationInput,
  RoomEvent,
} from '@trunkline/protocol'
import type { Call } from './call.ts'
import type { Connection } from './connection.ts'
import { Emitter } from './emitter.ts'
import { toTrunklineError } from './errors.ts'
import type { JoinOptions, WantedTrack } from './join-options.ts'
import type { Room } from './room.ts'

export type BreakoutsEvents = {
  changed: []
  /** One's call is another from here on: in a breakout, or back in the room. */
  moved: [Call]
  /** One could not be moved, and is in no call any more. */
  failed: [Error]
}

type Deps = {
  connection: Connection
  openRoom: (id: string) => Promise<Room>
  /** The call one is in, in the room that has the breakouts. */
  call: Call
}

/**
 * The breakouts of a room whose call one is in. One's call moves by itself, with microphone and camera as they are, to
 * where a host sends one, and back in the end; hosts go between as they like. Made by `client.breakouts(call)`.
 */
export class Breakouts extends Emitter<BreakoutsEvents> {
  /** The room they belong to. */
  readonly home: Room
  readonly #deps: Deps
  readonly #stops: (() => void)[] = []
  #call: Call
  #list: BreakoutList = { breakouts: [] }
  /** Where one is to be, as far as hosts say. */
  #sentTo: string | undefined
  #moving = 0
  #queue: Promise<void> = Promise.resolve()
  #stopped = false

  constructor(deps: Deps) {
    super()
    this.#deps = deps
    this.#call = deps.call
    this.home = deps.call.room
    this.#stops.push(
      this.home.on('event', event => this.#onEvent(event)),
      this.home.on('state', state => {
        if (state === 'open') this.#read()
      }),
    )
    this.#read()
  }

  /** Those that are open; empty when there are none. */
  get open(): readonly Breakout[] {
    return this.#list.breakouts
  }
  /** When they close by themselves, ISO 8601. */
  get endsAt(): string | undefined {
    return this.#list.endsAt
  }
  /** One's call, wherever it is now. */
  get call(): Call {
    return this.#call
  }
  /** The breakout one is in; undefined in the room itself. */
  get current(): Breakout | undefined {
    return this.open.find(({ roomId }) => roomId === this.#call.room.id)
  }
  /** Whether one is on the way from one call to another. */
  get moving(): boolean {
    return this.#moving > 0
  }

  /** Opens them; for hosts. */
  async start(breakouts: OperationInput<'breakout:open'>['breakouts'], seconds?: number): Promise<void> {
    const { connection } = this.#deps
    const wanted = { roomId: this.home.id, breakouts, ...(seconds !== undefined && { seconds }) }
    this.#take(await connection.request('breakout:open', wanted))
  }

  /** Sends somebody elsewhere, or back to the room; for hosts. */
  async move(userId: string, breakoutId?: string): Promise<void> {
    const { connection } = this.#deps
    const wanted = { roomId: this.home.id, userId, ...(breakoutId !== undefined && { breakoutId }) }
    this.#take(await connection.request('breakout:move', wanted))
  }

  /** Closes all: everybody comes back; for hosts. */
  async close(): Promise<void> {
    this.#take(await this.#deps.connection.request('breakout:close', { roomId: this.home.id }))
  }

  /** Goes to a breakout by oneself, as hosts do, or back to the room. */
  visit(breakoutId?: string): Promise<void> {
    return this.#go(breakoutId)
  }

  /** Follows no more; the call stays as it is. */
  stop(): void {
    this.#stopped = true
    for (const stop of this.#stops) stop()
  }

  #onEvent(event: RoomEvent): void {
    if (event.type === 'breakouts.opened') this.#take(event.data)
    else if (event.type === 'breakouts.closed') this.#take({ breakouts: [] })
    else if (event.type === 'breakouts.moved') this.#take(movedBy(this.#list, event.data.moves))
  }

  #read(): void {
    this.#deps.connection.request('breakout:list', { roomId: this.home.id }).then(
      list => this.#take(list),
      // Read again when the room is open again.
      () => undefined,
    )
  }

  #take(list: BreakoutList): void {
    if (this.#stopped) return
    this.#list = list
    this.emit('changed')
    const own = this.home.me?.user.id
    const target = list.breakouts.find(({ userIds }) => own !== undefined && userIds.includes(own))?.roomId
    const isClosed =
      this.#call.room !== this.home && !list.breakouts.some(it => it.roomId === this.#call.room.id)
    if (target === this.#sentTo && !isClosed) return
    this.#sentTo = target
    this.#go(target).catch(() => undefined)
  }

  /** One move after another; the last wins. */
  #go(target: string | undefined): Promise<void> {
    this.#moving++
    const going = this.#queue.then(() => this.#goTo(target))
    this.#queue = going
      .catch(thrown => this.emit('failed', toTrunklineError(thrown)))
      .then(() => {
        this.#moving--
        this.emit('changed')
      })
    return going
  }

  async #goTo(target: string | undefined): Promise<void> {
    const from = this.#call
    const id = target ?? this.home.id
    if (this.#stopped || from.room.id === id) return
    const room = target === undefined ? this.home : await this.#deps.openRoom(target)
    const options = await from.handOver()
    try {
      this.#call = await room.joinCall(options)
    } catch (error) {
      // Who cannot come there is not left with nothing; their devices go along.
      if (room === this.home) throw error
      this.#call = await this.home.joinCall(reopened(options))
    }
    this.emit('moved', this.#call)
    if (from.room !== this.home) await from.room.close()
  }
}

/** A list after some were sent elsewhere. */
const movedBy = (list: BreakoutList, moves: readonly BreakoutMove[]): BreakoutList => {
  const to = new Map(moves.map(({ userId, roomId }) => [userId, roomId]))
  const breakouts = list.breakouts.map(breakout => ({
    ...breakout,
    userIds: [
      ...breakout.userIds.filter(userId => !to.has(userId)),
      ...[...to].flatMap(([userId, roomId]) => (roomId === breakout.roomId ? userId : [])),
    ],
  }))
  return { ...list, breakouts }
}

/** Tracks that were stopped with a call that could not be joined are opened again. */
const reopened = ({ mic = false, camera = false, ...options }: JoinOptions): JoinOptions => {
  const again = (wanted: WantedTrack) =>
    wanted instanceof MediaStreamTrack && wanted.readyState === 'ended' ? true : wanted
  return { ...options, mic: again(mic), camera: again(camera) }
}
