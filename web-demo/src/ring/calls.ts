import {
  type Call,
  type JoinOptions,
  type Knocking,
  type Ring,
  type RingMedia,
  type Room,
  type Trunkline,
  TrunklineError,
} from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { isAtTheDoor } from '../call/at-the-door.ts'
import '../call/call.ts'
import { lengthWord } from '../chat/words.ts'
import '../design/avatar.ts'
import '../design/toast.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import '../lobby/lobby.ts'
import type { JoinDetail, Lobby } from '../lobby/lobby.ts'
import { roomSign } from '../messenger/room-sign.ts'
import { peerOf, titleOf } from '../messenger/titles.ts'
import { encryptionOptions, encryptsByDefault } from '../room/encryption-choice.ts'
import './incoming.ts'
import type { Answer } from './incoming.ts'
import './outgoing.ts'
import { ownDevices } from './own-devices.ts'
import { Ringer } from './ringer.ts'

/** How long it is shown that nobody came, ms. */
const OUTCOME_MS = 8_000
const CLOCK_MS = 1_000

/**
 * The call one is in, or tries to be in, beside one's rooms: who calls, whom one calls, the call itself, and a bar to go
 * back to it while one reads other rooms. Fires `open` with the id of a room to read, `shown` when it covers the page or
 * does not any more, `say` with a sentence.
 */
export class Calls extends LightElement {
  static override properties = {
    client: { attribute: false },
    room: { state: true },
    call: { state: true },
    media: { state: true },
    ring: { state: true },
    knocking: { state: true },
    outcome: { state: true },
    minimised: { state: true },
  }
  declare client: Trunkline
  /** The room that is called, or in whose call one is. */
  declare room: Room | undefined
  declare call: Call | undefined
  declare media: RingMedia
  /** One's own, while nobody has come. */
  declare ring: Ring | undefined
  /** While a host is asked to let one in. */
  declare knocking: Knocking | undefined
  /** Why nobody came. */
  declare outcome: string | undefined
  declare minimised: boolean
  readonly #ringer = new Ringer()
  #stops: (() => void)[] = []
  #clock: ReturnType<typeof setInterval> | undefined
  #closing: ReturnType<typeof setTimeout> | undefined
  /** Up with each call one tries: what comes of an earlier one does not count any more. */
  #attempt = 0
  /** Whether the call under way was begun by ringing. */
  #rings = false
  /** Whether anybody else was in it. */
  #hasMet = false
  /** One's own rings that were over before it was known which they were. */
  #early: Ring[] = []

  constructor() {
    super()
    this.media = 'video'
    this.minimised = false
    this.follow(() => this.client.rings)
    this.follow(() => this.call)
    this.follow(() => this.call?.moderation)
    this.follow(() => this.room)
  }

  /** Whether it covers the page. */
  get covers(): boolean {
    return this.room !== undefined && !this.minimised
  }

  override connectedCallback(): void {
    super.connectedCallback()
    const { rings } = this.client
    this.#stops = [
      // The room opens while it rings, so that whoever answers is there at once.
      rings.on(
        'incoming',
        ring =>
          void this.client
            .openRoom(ring.roomId)
            .then(room => room.prepareCall(encryptionOptions(encryptsByDefault(room))))
            .catch(() => undefined),
      ),
      rings.on('over', ring => this.#onOver(ring)),
    ]
    this.#clock = setInterval(() => {
      if (this.minimised) this.requestUpdate()
    }, CLOCK_MS)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#stops) stop()
    clearInterval(this.#clock)
    clearTimeout(this.#closing)
    this.#ringer.play(undefined)
    this.knocking?.cancel()
  }

  protected override willUpdate(): void {
    if (!this.isConnected) return
    if (this.call?.state === 'left' && this.outcome === undefined) queueMicrotask(() => this.#drop())
    // Out of the room there is no door to wait at.
    if (this.knocking && this.room?.state === 'closed') queueMicrotask(() => this.#drop())
    this.#followOthers()
    const isWaiting = this.room !== undefined && this.outcome === undefined && !this.#hasMet && this.#rings
    this.#ringer.play(this.#incoming ? 'incoming' : isWaiting ? 'outgoing' : undefined)
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('room') || changed.has('minimised')) this.dispatchEvent(new CustomEvent('shown'))
  }

  protected override render() {
    const incoming = this.#incoming
    return html`${this.room ? (this.minimised ? this.#bar(this.room) : nothing) : nothing}
      ${this.room ? this.#layer(this.room) : nothing}
      ${
        incoming
          ? html`<tl-incoming
              .client=${this.client}
              .ring=${incoming}
              .muted=${this.#ringer.isMuted}
              .inCall=${this.call !== undefined && this.call.room.id !== incoming.roomId}
              @answer=${(event: CustomEvent<Answer>) => void this.#answer(incoming, event.detail)}
              @mute=${(event: CustomEvent<boolean>) => {
                this.#ringer.mute(event.detail)
                this.requestUpdate()
              }}
            ></tl-incoming>`
          : nothing
      }`
  }

  /** Rings whoever is in this room, or goes into the call that is there already. */
  async start(room: Room, media: RingMedia): Promise<void> {
    if (this.room === room && this.call) {
      this.minimised = false
      return
    }
    if (this.call) return this.#say('You are in another call. Leave it first.')
    // People who follow a channel are not to be called by whoever looks in, nor is anybody by who has to wait at the door.
    this.#rings = !isUnderWay(room) && room.info?.kind !== 'channel' && !mustKnock(room)
    await this.#enter(room, media, async () => {
      if (!this.#rings) return room.joinCall(this.#devices(media, room))
      const { ring, call } = await room.ring({ media }, this.#devices(media, room))
      this.ring = ring
      const over = ring.endedAt === undefined ? this.#early.find(({ id }) => id === ring.id) : ring
      if (over) queueMicrotask(() => this.#onOver(over))
      return call
    })
  }

  get #incoming(): Ring | undefined {
    // The room one is already calling or in needs no answer.
    return this.client.rings.incoming.find(({ roomId }) => roomId !== this.room?.id)
  }

  /** Somebody came, by answering or by themselves; and of two, the call is over when one went. */
  #followOthers(): void {
    const { call, room } = this
    const isAlone = (call?.participants.length ?? 0) <= 1
    // Who came as far as the door is to be let in.
    if (!isAlone || (call?.moderation.waiting.length ?? 0) > 0) {
      this.#hasMet = true
      this.ring = undefined
    } else if (this.#hasMet && call?.state === 'joined' && room?.info?.kind === 'direct' && !this.outcome) {
      this.#conclude('The call has ended')
    }
  }

  /** Leaves, and says why for a moment. */
  #conclude(outcome: string): void {
    this.outcome = outcome
    this.minimised = false
    void this.call?.leave()
    clearTimeout(this.#closing)
    this.#closing = setTimeout(() => this.#drop(), OUTCOME_MS)
  }

  #layer(room: Room) {
    const { call, knocking } = this
    if (knocking) return this.#door(room, knocking)
    const isWaiting = this.outcome !== undefined || !call || (this.#rings && !this.#hasMet)
    const isTried = this.outcome !== undefined || this.#rings
    return html`<div class="call-layer" ?hidden=${this.minimised}>
      ${isWaiting && isTried ? this.#waiting(room) : call ? this.#inCall(room, call) : this.#joining()}
      ${call && !isWaiting ? nothing : html`<tl-toast></tl-toast>`}
    </div>`
  }

  #door(room: Room, knocking: Knocking) {
    return html`<div class="call-layer">
      <tl-lobby
        .roomId=${room.id}
        .heading=${this.#title(room)}
        .room=${room}
        .fixedName=${room.me?.user.name ?? ''}
        .knocking=${knocking}
        .voice=${this.media === 'audio'}
        .embedded=${true}
        @join=${({ detail }: CustomEvent<JoinDetail>) => void this.#comeIn(room, optionsOf(room, detail))}
        @cancel=${() => this.#drop()}
      ></tl-lobby>
      <tl-toast></tl-toast>
    </div>`
  }

  #joining() {
    return html`<p class="centred" role="status"><span class="spinner"></span>Joining the call</p>`
  }

  #waiting(room: Room) {
    const peer = peerOf(room)
    const face = peer
      ? html`<tl-avatar .name=${peer.name} userId=${peer.id} .picture=${peer.avatar}></tl-avatar>`
      : html`${room.info && roomSign(room.info)}`
    return html`<tl-outgoing
      .face=${face}
      .name=${this.#title(room)}
      .kind=${this.media === 'video' ? 'video call' : 'voice call'}
      .outcome=${this.outcome}
      @hang-up=${() => void this.#hangUp()}
      @close=${() => this.#drop()}
      @again=${() => {
        const { media } = this
        this.#drop()
        void this.start(room, media)
      }}
    ></tl-outgoing>`
  }

  #inCall(room: Room, call: Call) {
    return html`<tl-call
      .room=${room}
      .call=${call}
      .heading=${this.#title(room)}
      .within=${true}
      @back=${() => {
        this.minimised = true
      }}
      @left=${() => {
        // Unless it is said why, or there is another one by now.
        if (this.call === call && this.outcome === undefined) this.#drop()
      }}
    ></tl-call>`
  }

  #bar(room: Room) {
    const { call } = this
    const since = call?.startedAt
    return html`<div class="call-bar">
      <button class="back-to-call" @click=${() => {
        this.minimised = false
      }}>
        ${icon('phone')}<span>Back to the call: ${this.#title(room)}</span>
        ${since ? html`<time>${lengthWord(Math.max(0, Date.now() - Date.parse(since)))}</time>` : nothing}
      </button>
      <button
        class="icon-button"
        aria-label=${call?.micOn ? 'Mute yourself' : 'Unmute yourself'}
        @click=${() => call?.setMic(!call.micOn).catch((error: Error) => this.#say(error.message))}
      >
        ${icon(call?.micOn ? 'mic' : 'micOff')}
      </button>
      <button class="icon-button leave" aria-label="Leave the call" @click=${() => void this.#hangUp()}>${icon('leave')}</button>
    </div>`
  }

  #title(room: Room): string {
    return room.info
      ? titleOf(room.info, peerOf(room))
      : (this.client.inbox.get(room.id)?.room.title ?? room.id)
  }

  /** What to come into a room's call with: encrypted, when those in it are. */
  #devices(media: RingMedia, room: Room): JoinOptions {
    const encryption = encryptionOptions(encryptsByDefault(room))
    return { ...ownDevices(media, sentence => this.#say(sentence)), ...encryption }
  }

  async #enter(room: Room, media: RingMedia, join: () => Promise<Call>): Promise<void> {
    clearTimeout(this.#closing)
    this.#attempt += 1
    const attempt = this.#attempt
    this.#early = []
    this.#hasMet = false
    this.room = room
    this.media = media
    this.outcome = undefined
    this.minimised = false
    this.#stopKnocking()
    try {
      const call = await join()
      // Hung up meanwhile.
      if (attempt === this.#attempt) this.call = call
      else await call.leave()
    } catch (error) {
      if (attempt !== this.#attempt) return
      if (isAtTheDoor(error)) return this.#knock(room)
      this.#drop()
      this.#say((error as Error).message)
    }
  }

  /** Asks a host to be let in, and comes in when one does. */
  #knock(room: Room): void {
    this.#rings = false
    const knocking = room.knock()
    this.knocking = knocking
    knocking.on('changed', () => {
      if (knocking.state !== 'admitted' || this.knocking !== knocking) return
      // As they were chosen while one waited.
      const lobby = this.querySelector<Lobby>('tl-lobby')
      const options = lobby && optionsOf(room, lobby)
      void this.#comeIn(room, options ?? this.#devices(this.media, room))
    })
  }

  #comeIn(room: Room, options: JoinOptions): Promise<void> {
    return this.#enter(room, this.media, () => room.joinCall(options))
  }

  #stopKnocking(): void {
    this.knocking?.cancel()
    this.knocking = undefined
  }

  async #answer(ring: Ring, answer: Answer): Promise<void> {
    const { rings } = this.client
    if (answer === 'decline' || answer === 'message') {
      if (answer === 'message') this.dispatchEvent(new CustomEvent('open', { detail: ring.roomId }))
      return rings.decline(ring).catch(this.#quietly)
    }
    await this.#hangUp()
    this.#rings = false
    const room = this.client.room(ring.roomId)
    await this.#enter(room, answer, () => rings.accept(ring, this.#devices(answer, room)))
  }

  /** Answered on another device, or over: the screen has gone by itself, and that is all there is to say. */
  readonly #quietly = (error: unknown) => {
    if (!(error instanceof TrunklineError && error.code === 'conflict')) this.#say((error as Error).message)
  }

  #onOver(ring: Ring): void {
    if (ring.id !== this.ring?.id) {
      if (ring.roomId === this.room?.id) this.#early.push(ring)
      return
    }
    this.ring = undefined
    const states = ring.targets.map(({ state }) => state)
    if (states.includes('accepted') || this.#hasMet || this.outcome !== undefined) return
    const isOne = states.length === 1
    const isBusy = states.includes('busy')
    if (!isOne) this.#conclude('Nobody came')
    else this.#conclude(states.includes('declined') ? 'Declined' : isBusy ? 'In another call' : 'No answer')
  }

  async #hangUp(): Promise<void> {
    const { call, ring } = this
    this.#drop()
    // Leaving takes the ring back too, once the call is heard of; this says so at once.
    if (ring) await this.client.rings.cancel(ring.id).catch(() => undefined)
    await call?.leave()
  }

  #drop(): void {
    clearTimeout(this.#closing)
    this.#attempt += 1
    this.#stopKnocking()
    this.room = undefined
    this.call = undefined
    this.ring = undefined
    this.outcome = undefined
    this.minimised = false
  }

  #say(text: string): void {
    this.dispatchEvent(new CustomEvent('say', { detail: text }))
  }
}

/** What was chosen at the door. */
const optionsOf = (room: Room, { devices, encrypted }: Omit<JoinDetail, 'name'>): JoinOptions => ({
  ...devices.release(),
  ...encryptionOptions(encrypted ?? encryptsByDefault(room)),
})

/** Whether there is a call to come into. Whoever has to be let in is not told who is in it. */
const isUnderWay = (room: Room): boolean => {
  const { liveCall } = room
  if (!liveCall || liveCall.participants.length > 0) return liveCall !== null
  return (liveCall.lobby || liveCall.locked) && !room.can('moderate')
}

const mustKnock = (room: Room): boolean => room.info?.lobby === true && !room.can('moderate')

customElements.define('tl-calls', Calls)
