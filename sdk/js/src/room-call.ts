import { type Call as CallInfo, type OpenedRoom, TrunklineError } from '@trunkline/protocol'
import { Call } from './call.ts'
import type { PrepareOptions } from './call-preparation.ts'
import type { CallPreparations } from './call-preparations.ts'
import { CallSession, type SessionChoice } from './call-session.ts'
import type { Connection } from './connection.ts'
import type { JoinOptions } from './join-options.ts'
import type { Room } from './room.ts'

export type RoomCallDeps = {
  room: Room
  connection: Connection
  preparations: CallPreparations
  /** Called after each change of `live`. */
  changed: (live: CallInfo | null) => void
}

/** The call of a room: what the server says of it, and one's own part in it. */
export class RoomCall {
  readonly #deps: RoomCallDeps
  #capabilities: OpenedRoom['routerRtpCapabilities'] = null
  #live: CallInfo | null = null
  #own: Call | undefined

  constructor(deps: RoomCallDeps) {
    this.#deps = deps
  }

  /** As the server sees it, joined by us or not; null when there is none. */
  get live(): CallInfo | null {
    return this.#live
  }

  /** One's own part in it, while one is in it. */
  get own(): Call | undefined {
    return this.#own?.state === 'left' ? undefined : this.#own
  }

  /** Whether everything is connected for joining. */
  get isPrepared(): boolean {
    return this.#preparation.session !== undefined
  }

  /** Whether this server can carry calls. */
  get isPossible(): boolean {
    return this.#capabilities !== null
  }

  opened(opened: OpenedRoom): void {
    this.#capabilities = opened.routerRtpCapabilities
    this.#deps.preparations.learn(opened)
    this.setLive(opened.call)
  }

  setLive(call: CallInfo | null): void {
    this.#live = call
    this.#deps.changed(call)
  }

  prepare(options?: PrepareOptions): Promise<void> {
    return this.#preparation.prepare(options)
  }

  release(): Promise<void> {
    return this.#preparation.release()
  }

  /** @throws TrunklineError `conflict` for who is in it, and what joining throws */
  async join(options: JoinOptions): Promise<Call> {
    if (this.own) {
      throw new TrunklineError('conflict', 'You are in this call already: leave it before joining again.')
    }
    const { room, connection } = this.#deps
    const preparation = this.#preparation
    const call = new Call(
      {
        room,
        connection,
        enter: choice => this.#enter(choice),
        prepared: () => preparation.session,
        encrypt: encryption => preparation.cipher(encryption),
      },
      options,
    )
    this.#own = call
    await call.start()
    return call
  }

  /** Leaves it, for who is in it or was about to be. */
  async leave(): Promise<void> {
    await Promise.all([this.#own?.leave(), this.release()])
  }

  get #preparation() {
    return this.#deps.preparations.of(this.#deps.room.id)
  }

  /** Whoever comes to a room for the first time joins while it opens: one does not wait for the other. */
  async #enter(choice: SessionChoice): Promise<CallSession> {
    const { room, connection } = this.#deps
    if (room.state !== 'opening') await room.opened()
    let isLost = false
    const stop = connection.on('state', state => {
      isLost ||= state !== 'connected'
    })
    const [joined, opened] = await Promise.allSettled([this.#join(choice), room.opened()])
    stop()
    if (opened.status === 'fulfilled' && joined.status === 'fulfilled' && !isLost) return joined.value
    if (joined.status === 'fulfilled') void joined.value.leave()
    for (const { reason } of [opened, joined].filter(one => one.status === 'rejected')) throw reason
    throw new TrunklineError('unavailable', 'The connection was lost while the call was joined. Try again.')
  }

  async #join(choice: SessionChoice): Promise<CallSession> {
    const { room, connection, preparations } = this.#deps
    const device = await preparations.device()
    const taken = await this.#preparation.take(choice.cipher)
    const session = await CallSession.join(connection, room.id, device, choice, taken).catch(error => {
      // Nobody takes it again.
      void taken?.leave()
      throw error
    })
    if (session !== taken) taken?.close()
    return session
  }
}
