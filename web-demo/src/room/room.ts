import {
  type Breakouts,
  type Call,
  type CallClosed,
  type Knocking,
  type Room,
  TrunklineError,
} from '@trunkline/sdk'
import { html, type PropertyValues } from 'lit'
import { isAtTheDoor } from '../call/at-the-door.ts'
import '../call/call.ts'
import { LightElement } from '../design/element.ts'
import '../lobby/lobby.ts'
import type { JoinDetail, Lobby } from '../lobby/lobby.ts'
import './chat-only.ts'
import { encryptionOptions, encryptsByDefault, rememberEncryption } from './encryption-choice.ts'
import { Identity } from './identity.ts'
import './left.ts'
import './refused.ts'
import { recall, remember } from './storage.ts'

/** How long after a key a name counts as typed, ms. */
const TYPING_MS = 500

type Phase = 'lobby' | 'call' | 'chat' | 'left' | 'refused'

const REFUSALS = [
  'room_not_found',
  'forbidden',
  'token_missing',
  'token_malformed',
  'token_signature',
  'token_expired',
]

/** A room from the door to the good-bye: lobby, call with chat or the chat alone, and the way back in. */
export class RoomView extends LightElement {
  static override properties = {
    url: {},
    roomId: {},
    token: {},
    name: {},
    embedded: { type: Boolean },
    phase: { state: true },
    room: { state: true },
    call: { state: true },
    closed: { state: true },
    knocking: { state: true },
    encrypted: { state: true },
    joining: { state: true },
    fault: { state: true },
  }
  /** The server; by default the one this page came from. */
  declare url: string
  declare roomId: string
  /** A user's token; without one, people come in as guests. */
  declare token: string | undefined
  /** Name to begin with. */
  declare name: string
  /** Within another page, which has a home of its own. */
  declare embedded: boolean
  declare phase: Phase
  declare room: Room | undefined
  declare call: Call | undefined
  /** Why the server ended the call for us. */
  declare closed: CallClosed | undefined
  declare knocking: Knocking | undefined
  /** Whether to come in encrypted, once that is chosen. */
  declare encrypted: boolean | undefined
  declare joining: boolean
  declare fault: string | undefined
  #identity: Identity | undefined
  #breakouts: Breakouts | undefined
  /** Runs while a name is being typed. */
  #typing: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.url = location.origin
    this.name = ''
    this.embedded = false
    this.phase = 'lobby'
    this.joining = false
  }

  override connectedCallback(): void {
    super.connectedCallback()
    document.addEventListener('visibilitychange', this.#onVisibility)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    document.removeEventListener('visibilitychange', this.#onVisibility)
    clearTimeout(this.#typing)
    void this.#identity?.close()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('roomId') || changed.has('token') || changed.has('url')) this.#begin()
  }

  protected override render() {
    const identity = this.#identity
    if (this.phase === 'call' && this.room) {
      return html`<tl-call
        .room=${this.room}
        .call=${this.call}
        .breakouts=${this.#breakouts}
        .invite=${this.embedded ? undefined : new URL(`/r/${this.roomId}`, this.url).href}
        @left=${this.#left}
      ></tl-call>`
    }
    if (this.phase === 'chat' && this.room) {
      return html`<tl-chat-only
        .room=${this.room}
        @call=${() => {
          this.phase = 'lobby'
        }}
      ></tl-chat-only>`
    }
    if (this.phase === 'left')
      return html`<tl-left .embedded=${this.embedded} .closed=${this.closed} @again=${this.#begin}></tl-left>`
    if (this.phase === 'refused') {
      return html`<tl-refused .isGuest=${identity?.isGuest} .fault=${this.fault} @token=${this.#takeToken}></tl-refused>`
    }
    return html`<tl-lobby
      .roomId=${this.roomId}
      .name=${this.name}
      .fixedName=${identity?.fixedName}
      .room=${this.room}
      .joining=${this.joining}
      .knocking=${this.knocking}
      .fault=${this.fault}
      .embedded=${this.embedded}
      .encrypted=${this.encrypted}
      @encrypt=${this.#encrypt}
      @rename=${this.#onName}
      @join=${this.#join}
      @cancel=${this.#stopKnocking}
      @chat=${this.#chat}
    ></tl-lobby>`
  }

  #begin(): void {
    this.#stopKnocking()
    this.closed = undefined
    void this.#identity?.close()
    this.#identity = new Identity({ url: this.url, roomId: this.roomId, token: this.token })
    this.phase = 'lobby'
    this.room = undefined
    this.call = undefined
    this.fault = undefined
    this.name ||= recall('name') ?? ''
    if (this.token || this.name) void this.#getReady(this.name)
  }

  /** A name may be known, or be that of somebody who comes for the first time, once it is typed. */
  readonly #onName = ({ detail: name }: CustomEvent<string>) => {
    clearTimeout(this.#typing)
    this.#typing = setTimeout(() => void this.#getReady(name.trim()), TYPING_MS)
  }

  /**
   * Connects while one looks, so that joining is one round trip. Whoever is known already sees who is there; a new guest comes
   * into the room by joining.
   */
  async #getReady(name: string): Promise<void> {
    const identity = this.#identity
    const isFree = this.phase === 'lobby' && !this.joining && !this.knocking
    if (!identity || !isFree || (!this.token && (!name || name === identity.name))) return
    this.room = undefined
    try {
      if (this.token || identity.isKnown(name)) await this.#enter(name)
      else await identity.as(name)
    } catch (error) {
      if (identity === this.#identity) this.#refused(error)
      return
    }
    if (identity === this.#identity && !this.joining) await this.#prepare()
  }

  async #prepare(): Promise<void> {
    const client = this.#identity?.client
    const encrypts = this.#encrypts()
    try {
      await client?.prepareCall(this.roomId, encryptionOptions(encrypts))
      // What the others do may be known by that.
      if (this.#encrypts() !== encrypts) await client?.prepareCall(this.roomId, encryptionOptions(!encrypts))
    } catch {
      // Joining says why.
    }
  }

  /** As it was chosen, else as the others have it. */
  #encrypts(chosen = this.encrypted): boolean {
    const { room } = this
    return chosen ?? encryptsByDefault(room, this.#identity?.client?.keysOfPrepared(this.roomId))
  }

  #encrypt({ detail: on }: CustomEvent<boolean>): void {
    this.encrypted = on
    rememberEncryption(on)
    void this.#prepare()
  }

  /** Comes into the room, which opens. */
  async #come(name: string): Promise<Room> {
    const identity = this.#identity
    if (!identity) throw new TrunklineError('unavailable', 'Not connected')
    const client = await identity.as(name)
    if (identity !== this.#identity) throw new TrunklineError('unavailable', 'The page went on')
    identity.entered(name)
    return client.room(this.roomId)
  }

  async #enter(name: string): Promise<Room> {
    const identity = this.#identity
    const room = await this.#come(name)
    try {
      await room.opened()
    } catch (error) {
      // A guest who has to be let in knocks at a room that does not open yet.
      if (isAtTheDoor(error) && identity === this.#identity) this.room = room
      throw error
    }
    if (identity !== this.#identity) throw new TrunklineError('unavailable', 'The page went on')
    this.room = room
    return room
  }

  /** Comes into the room; what is prepared can be joined while it opens. */
  async #enterForCall(name: string): Promise<{ room: Room; canCall: boolean }> {
    const coming = await this.#come(name)
    if (coming.isCallPrepared) {
      this.room = coming
      return { room: coming, canCall: true }
    }
    const room = await this.#enter(name)
    return { room, canCall: room.canCall }
  }

  readonly #onVisibility = () =>
    void this.#identity?.client?.presence
      .set({ status: document.hidden ? 'away' : 'online' })
      .catch(() => undefined)

  async #join({ detail }: { detail: JoinDetail }): Promise<void> {
    const { name, devices, encrypted } = detail
    this.#stopKnocking()
    this.name = name
    this.joining = true
    this.fault = undefined
    try {
      const { room, canCall } = await this.#enterForCall(name)
      if (!this.token) remember('name', name)
      // What the others do is known by what they send, or else once the room is open: nobody is to come in otherwise by chance.
      const isKnown = this.#identity?.client?.keysOfPrepared(this.roomId) !== undefined
      if (encrypted === undefined && !isKnown) await room.opened()
      const encryption = encryptionOptions(this.#encrypts(encrypted))
      const isPrepared = room.isCallPrepared && !encryption.encryption
      const joining = canCall ? room.joinCall({ ...devices.release(), ...encryption }) : undefined
      // Drawn while the server answers, so that the pictures find their place; what is asked leaves first.
      if (isPrepared) setTimeout(() => this.joining && room.call && this.#show(room.call))
      const call = await joining
      this.joining = false
      if (call?.state === 'left') return this.#left()
      this.#show(call)
      this.#followBreakouts(call)
    } catch (error) {
      await this.#notJoined(error, detail)
    } finally {
      this.joining = false
    }
  }

  #show(call: Call | undefined): void {
    this.call = call
    this.phase = 'call'
  }

  /** Back in the lobby, where one waits for a host or reads why. */
  async #notJoined(error: unknown, detail: JoinDetail): Promise<void> {
    let { devices } = detail
    if (this.phase === 'call') {
      this.call = undefined
      this.phase = 'lobby'
      await this.updateComplete
      // Another lobby, which opens them by itself.
      devices = this.querySelector<Lobby>('tl-lobby')?.devices ?? devices
    } else devices.reopen()
    // Guests are not in the room before they are let in.
    const room = this.room ?? this.#identity?.client?.room(this.roomId)
    if (room && isAtTheDoor(error)) return this.#knock(room, { ...detail, devices })
    this.#refused(error)
    this.fault ??= (error as Error).message
    if (this.phase === 'lobby' && room) void this.#prepare()
  }

  /** Asks a host to be let in, and joins when one does. */
  #knock(room: Room, detail: JoinDetail): void {
    const knocking = room.knock()
    this.knocking = knocking
    knocking.on('changed', () => {
      if (knocking.state === 'admitted' && this.knocking === knocking) void this.#join({ detail })
    })
  }

  #stopKnocking(): void {
    this.knocking?.cancel()
    this.knocking = undefined
  }

  /** One goes where the breakouts of the call's room send one. */
  #followBreakouts(call: Call | undefined): void {
    const { client } = this.#identity ?? {}
    if (!call || !client) return
    this.#breakouts = client.breakouts(call)
    this.#breakouts.on('moved', moved => {
      this.call = moved
      this.room = moved.room
    })
    this.#breakouts.on('failed', () => this.#left())
  }

  async #chat({ detail: name }: CustomEvent<string>): Promise<void> {
    this.name = name
    this.joining = true
    this.fault = undefined
    try {
      const room = await this.#enter(name)
      if (!this.token) remember('name', name)
      void room.releaseCall().catch(() => undefined)
      this.phase = 'chat'
    } catch (error) {
      this.#refused(error)
      this.fault ??= (error as Error).message
    } finally {
      this.joining = false
    }
  }

  #refused(thrown: unknown): void {
    const error = thrown as TrunklineError
    if (!REFUSALS.includes(error.code)) return
    this.fault = error.message
    this.phase = 'refused'
  }

  #takeToken({ detail }: CustomEvent<string>): void {
    this.token = detail
  }

  #left(): void {
    // On the way in, or to a breakout or back: there is another call in a moment, or a reason why not.
    if (this.joining || this.#breakouts?.moving) return
    this.#breakouts?.stop()
    this.#breakouts = undefined
    this.closed = this.call?.closed
    this.phase = 'left'
    this.call = undefined
    this.room = undefined
    void this.#identity?.close()
  }
}

customElements.define('tl-room', RoomView)
