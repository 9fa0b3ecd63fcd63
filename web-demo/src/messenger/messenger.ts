import { type RingMedia, type Room, type Trunkline, TrunklineError } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { Unread } from '../call/unread.ts'
import '../chat/chat.ts'
import type { Message as MessageView } from '../chat/message.ts'
import '../chat/thread.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import '../design/toast.ts'
import type { Toast } from '../design/toast.ts'
import './closed-room.ts'
import './details.ts'
import './discover.ts'
import './new-room.ts'
import { clientOf, forgetPerson, leaveTab, type Person, personOfTab, rememberPerson } from './people.ts'
import '../ring/call-list.ts'
import '../ring/calls.ts'
import { onOpenRoom, ThisBrowser } from '../push/this-browser.ts'
import type { Calls } from '../ring/calls.ts'
import './room-header.ts'
import './room-list.ts'
import type { Found } from './search-results.ts'
import './search-results.ts'
import './sign-in.ts'
import './status-menu.ts'
import { countWord } from './titles.ts'

/** Beside the room: what it is and who is in it, or one of its threads. */
type Side = { kind: 'details' } | { kind: 'thread'; seq: number } | undefined

/** Below this width what stands beside a room covers it. */
const NARROW = '(max-width: 1099px)'

/** Messaging: one's rooms, the one that is open, and beside it a thread or who is there. Fires `go` with a path. */
export class Messenger extends LightElement {
  static override properties = {
    roomId: {},
    person: { state: true },
    client: { state: true },
    room: { state: true },
    at: { state: true },
    side: { state: true },
    query: { state: true },
    closed: { state: true },
    fault: { state: true },
    listsCalls: { state: true },
    covered: { state: true },
  }
  /** The room the address names. */
  declare roomId: string | undefined
  declare person: Person | undefined
  declare client: Trunkline | undefined
  declare room: Room | undefined
  /** The message to show. */
  declare at: number | undefined
  declare side: Side
  declare query: string
  /** Why the room that was open is not any more. */
  declare closed: string | undefined
  declare fault: string | undefined
  /** Calls in the place of rooms. */
  declare listsCalls: boolean
  /** A call is over everything. */
  declare covered: boolean
  readonly #narrow = matchMedia(NARROW)
  #unread: Unread | undefined
  #stop: (() => void) | undefined
  #stopOpening: (() => void) | undefined

  constructor() {
    super()
    this.query = ''
    this.listsCalls = false
    this.covered = false
    this.follow(() => this.client?.inbox)
    this.follow(() => this.client?.rings)
    this.follow(() => this.room)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#narrow.addEventListener('change', this.#redraw)
    this.#stopOpening = onOpenRoom(roomId => {
      this.at = undefined
      this.#go(`/chat/${roomId}`)
      this.#show(roomId)
    })
    const person = personOfTab()
    if (person && !this.client) this.#become(person)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#narrow.removeEventListener('change', this.#redraw)
    this.#stopOpening?.()
    void this.#close()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('roomId')) this.#show(this.roomId)
    this.#unread?.setSeen(true)
  }

  protected override updated(changed: PropertyValues<this>): void {
    const unread = this.client?.inbox.total.unread ?? 0
    const [ringing] = this.client?.rings.incoming ?? []
    document.title = ringing
      ? `${ringing.from.name} is calling · Trunkline`
      : `${unread > 0 ? `(${countWord(unread)}) ` : ''}Messages · Trunkline`
    if (changed.has('side')) this.#moveFocus(changed.get('side') as Side)
  }

  protected override render() {
    const { client, person, room, side } = this
    if (!client || !person) {
      return html`<tl-sign-in .fault=${this.fault} @person=${(event: CustomEvent<Person>) => this.#become(event.detail)}></tl-sign-in>`
    }
    const hasSide = room !== undefined && room.state !== 'refused' && side !== undefined
    return html`<tl-calls
        .client=${client}
        @open=${this.#open}
        @say=${this.#onSay}
        @shown=${() => {
          this.covered = this.#calls?.covers ?? false
        }}
      ></tl-calls>
      <div class="messenger ${this.roomId ? 'in-room' : ''} ${hasSide ? 'with-side' : ''}" ?inert=${this.covered}>
      ${this.#rooms(client, person)}
      <main class="room-pane">${room ? this.#room(client, room) : this.#nothing()}</main>
      ${
        hasSide
          ? html`<aside class="side-pane" aria-label=${side.kind === 'thread' ? 'Thread' : 'About this room'} @keydown=${this.#escape}>
              ${this.#beside(client, room, side)}
            </aside>`
          : nothing
      }
      <tl-toast></tl-toast>
    </div>`
  }

  #rooms(client: Trunkline, person: Person) {
    return html`<section class="rooms-pane" aria-label="Your rooms">
      <header>
        <tl-status-menu .client=${client} .person=${person} @leave=${() => void this.#leave()}></tl-status-menu>
        <button
          class="icon-button"
          aria-label="Calls"
          title="Calls"
          aria-pressed=${this.listsCalls}
          @click=${() => {
            this.listsCalls = !this.listsCalls
            this.query = ''
          }}
        >
          ${icon('phone')}
        </button>
        <tl-discover .client=${client} @open=${this.#open}></tl-discover>
        <tl-new-room .client=${client} @open=${this.#open}></tl-new-room>
      </header>
      <div class="search" role="search">
        ${icon('search')}
        <input
          class="input"
          type="search"
          aria-label="Search messages, files, rooms and people"
          placeholder="Search"
          maxlength="200"
          .value=${this.query}
          @input=${(event: Event) => {
            this.query = (event.target as HTMLInputElement).value
          }}
          @keydown=${(event: KeyboardEvent) => {
            if (event.key === 'Escape') this.query = ''
          }}
        />
      </div>
      <p class="connection" role="status">
        ${client.inbox.state === 'reconnecting' ? html`<span class="spinner"></span>Reconnecting` : nothing}
      </p>
      <div class="list">
        ${
          this.query.trim()
            ? html`<tl-search-results
                .client=${client}
                .query=${this.query.trim()}
                @found=${(event: CustomEvent<Found>) => void this.#found(event.detail)}
              ></tl-search-results>`
            : this.listsCalls
              ? html`<tl-call-list .client=${client} @open=${this.#open} @call=${this.#callBack} @say=${this.#onSay}></tl-call-list>`
              : html`<tl-room-list .client=${client} .openRoomId=${this.roomId} @open=${this.#open} @say=${this.#onSay}></tl-room-list>`
        }
      </div>
    </section>`
  }

  #room(client: Trunkline, room: Room) {
    if (room.state === 'refused') {
      return html`<tl-closed-room .room=${room} .client=${client} @back=${this.#back} @say=${this.#onSay}></tl-closed-room>`
    }
    return html`<tl-room-header
        .room=${room}
        .client=${client}
        .callRoomId=${this.#calls?.call?.room.id}
        @call=${(event: CustomEvent<RingMedia>) => void this.#calls?.start(room, event.detail)}
        .details=${this.side?.kind === 'details'}
        @back=${this.#back}
        @details=${() => {
          this.side = this.side?.kind === 'details' ? undefined : { kind: 'details' }
        }}
      ></tl-room-header>
      <tl-chat
        .room=${room}
        .client=${client}
        .at=${this.at}
        @call-back=${this.#callBack}
        @thread=${(event: CustomEvent<number>) => {
          event.preventDefault()
          this.side = { kind: 'thread', seq: event.detail }
        }}
      ></tl-chat>`
  }

  #beside(client: Trunkline, room: Room, side: NonNullable<Side>) {
    const close = () => {
      this.side = undefined
    }
    return side.kind === 'thread'
      ? html`<tl-thread .room=${room} .client=${client} .seq=${side.seq} .back=${this.#narrow.matches} @close=${close}></tl-thread>`
      : html`<tl-details .room=${room} .client=${client} .back=${this.#narrow.matches} @close=${close} @open=${this.#open} @say=${this.#onSay}></tl-details>`
  }

  #nothing() {
    if (this.closed) {
      return html`<div class="centred">
        <span class="big">${icon('lock')}</span>
        <h1>This room is closed for you</h1>
        <p class="muted" role="alert">${this.closed}.</p>
        <button class="button" @click=${this.#back}>Back to your rooms</button>
      </div>`
    }
    return html`<div class="centred">
      <span class="big">${icon('chat')}</span>
      <h1>Your messages</h1>
      <p class="muted">Choose a room, search for a person to write to, or make a room of your own.</p>
    </div>`
  }

  #become(person: Person): void {
    rememberPerson(person)
    this.person = person
    this.fault = undefined
    const client = clientOf(person)
    this.client = client
    client.on('state', (state, error) => {
      if (state !== 'refused' || client !== this.client) return
      // A token of a server that was set up anew, or one that ran out: nobody comes in by it any more.
      if (error?.status === 401) forgetPerson(person.user.id)
      void this.#leave(error?.message)
    })
    client.connect().catch(() => undefined)
    // Who is told by this browser goes on being so; where that fails the switch says why.
    new ThisBrowser(client, person.user.id).renew().catch(() => undefined)
    this.#show(this.roomId)
  }

  /** Somebody else may come now. */
  async #leave(fault?: string): Promise<void> {
    leaveTab()
    this.fault = fault
    await this.#close()
  }

  async #close(): Promise<void> {
    const { client } = this
    this.client = undefined
    this.#drop()
    await client?.close()
  }

  #drop(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#unread?.close()
    this.#unread = undefined
    this.room = undefined
    this.side = undefined
  }

  #show(roomId: string | undefined): void {
    if (this.room?.id === roomId && this.room) return
    this.#drop()
    this.closed = undefined
    const { client } = this
    if (!client || !roomId) return
    const room = client.room(roomId)
    this.room = room
    this.#unread = new Unread(room, () => undefined)
    this.#stop = room.on('state', state => {
      if (state !== 'closed' || this.room !== room) return
      this.#drop()
      if (room.closedReason === 'left') this.#back()
      else this.closed = room.error?.message ?? 'It was closed'
    })
    room.opened().catch(error => {
      if (!(error instanceof TrunklineError)) throw error
    })
  }

  readonly #open = ({ detail }: CustomEvent<string>) => {
    this.at = undefined
    this.#go(`/chat/${detail}`)
    // Again, when the room that was closed has been entered anew.
    this.#show(detail)
  }

  async #found(found: Found): Promise<void> {
    const { client } = this
    if (!client) return
    try {
      const roomId = 'userId' in found ? (await client.directRoom(found.userId)).id : found.roomId
      // Gone to again, when it is the one that was gone to last.
      this.at = undefined
      await this.updateComplete
      this.at = 'seq' in found ? found.seq : undefined
      this.query = ''
      this.#go(`/chat/${roomId}`)
      this.#show(roomId)
    } catch (error) {
      this.#say((error as Error).message)
    }
  }

  get #calls(): Calls | null {
    return this.querySelector<Calls>('tl-calls')
  }

  /** Out of the list of calls, or of a line in a room's chat. */
  readonly #callBack = async ({ detail }: CustomEvent<{ roomId: string; media: RingMedia }>) => {
    try {
      const room = await this.client?.openRoom(detail.roomId)
      if (room) await this.#calls?.start(room, detail.media)
    } catch (error) {
      this.#say((error as Error).message)
    }
  }

  readonly #redraw = () => this.requestUpdate()

  readonly #back = () => this.#go('/chat')

  readonly #escape = (event: KeyboardEvent) => {
    // A dialog within, or a field that is emptied by it, has had it already.
    if (event.key !== 'Escape' || event.defaultPrevented || (event.target as Element).closest('dialog'))
      return
    this.side = undefined
  }

  /** Into what was opened beside the room, and back to what opened it. A thread takes the focus itself. */
  #moveFocus(before: Side): void {
    const { side } = this
    if (side) {
      if (side.kind === 'details') this.querySelector<HTMLElement>('.side-header button')?.focus()
    } else if (before?.kind === 'details') {
      this.querySelector<HTMLElement>('tl-room-header [aria-pressed]')?.focus()
    } else if (before?.kind === 'thread') {
      const messages = this.querySelectorAll<MessageView>('.room-pane tl-message')
      const root = Array.from(messages).find(({ item }) => item.message?.seq === before.seq)
      root?.querySelector<HTMLElement>('.message')?.focus({ preventScroll: true })
    }
  }

  #go(path: string): void {
    this.dispatchEvent(new CustomEvent('go', { detail: path }))
  }

  readonly #onSay = ({ detail }: CustomEvent<string>) => this.#say(detail)

  #say(text: string): void {
    const where = this.covered ? '.call-layer > tl-toast, .call-layer tl-toast' : '.messenger > tl-toast'
    this.querySelector<Toast>(where)?.show(text)
  }
}

customElements.define('tl-messenger', Messenger)
