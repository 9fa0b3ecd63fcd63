import { type Room, type Trunkline, TrunklineError } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../chat/chat.ts'
import '../chat/thread.ts'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import '../design/toast.ts'
import type { Toast } from '../design/toast.ts'
import './details.ts'
import './discover.ts'
import './new-room.ts'
import { clientOf, type Person, rememberPerson } from './people.ts'
import './room-header.ts'
import './room-list.ts'
import type { Found } from './search-results.ts'
import './search-results.ts'
import './sign-in.ts'
import './status-menu.ts'

/** Beside the room: who is in it, or one of its threads. */
type Side = { kind: 'details' } | { kind: 'thread'; seq: number } | undefined

/** Messaging: one's rooms, the one that is open, and beside it a thread or who is there. */
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
  #stop: (() => void) | undefined

  constructor() {
    super()
    this.query = ''
    this.follow(() => this.client?.inbox)
    this.follow(() => this.room)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    void this.#leave()
  }

  protected override willUpdate(changed: Map<string, unknown>): void {
    if (changed.has('roomId')) this.#show(this.roomId)
  }

  protected override render() {
    const { client, room } = this
    if (!client) {
      return html`<tl-sign-in .fault=${this.fault} @person=${(event: CustomEvent<Person>) => this.#become(event.detail)}></tl-sign-in>`
    }
    const unread = client.inbox.total.unread
    document.title = `${unread > 0 ? `(${unread}) ` : ''}Messages · Trunkline`
    return html`<div class="messenger ${this.roomId ? 'in-room' : ''} ${this.side ? 'with-side' : ''}">
      <aside class="rooms-pane" aria-label="Your rooms">
        <header>
          <tl-status-menu .client=${client} .person=${this.person} @leave=${() => this.#leave()}></tl-status-menu>
          <span class="tools">
            <tl-discover .client=${client} @open=${this.#open}></tl-discover>
            <tl-new-room .client=${client} @open=${this.#open}></tl-new-room>
          </span>
        </header>
        <div class="search" role="search">
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
        <div class="list">
          ${
            this.query.trim()
              ? html`<tl-search-results
                  .client=${client}
                  .query=${this.query.trim()}
                  @found=${(event: CustomEvent<Found>) => void this.#found(event.detail)}
                ></tl-search-results>`
              : html`<tl-room-list
                  .client=${client}
                  .openRoomId=${this.roomId}
                  @open=${this.#open}
                  @fault=${(event: CustomEvent<string>) => this.#say(event.detail)}
                ></tl-room-list>`
          }
        </div>
      </aside>
      <main class="room-pane">${room ? this.#room(client, room) : this.#nothing()}</main>
      ${room && this.side ? html`<aside class="side-pane" aria-label=${this.side.kind === 'thread' ? 'Thread' : 'About this room'}>${this.#beside(client, room)}</aside>` : nothing}
      <tl-toast></tl-toast>
    </div>`
  }

  #room(client: Trunkline, room: Room) {
    if (room.state === 'refused') return this.#refused(room)
    return html`<tl-room-header
        .room=${room}
        .client=${client}
        .details=${this.side?.kind === 'details'}
        @back=${() => this.#go('/chat')}
        @details=${() => {
          this.side = this.side?.kind === 'details' ? undefined : { kind: 'details' }
        }}
      ></tl-room-header>
      <tl-chat
        .room=${room}
        .client=${client}
        .at=${this.at}
        @thread=${(event: CustomEvent<number>) => {
          event.preventDefault()
          this.side = { kind: 'thread', seq: event.detail }
        }}
      ></tl-chat>`
  }

  #beside(client: Trunkline, room: Room) {
    const close = () => {
      this.side = undefined
    }
    return this.side?.kind === 'thread'
      ? html`<tl-thread .room=${room} .client=${client} .seq=${this.side.seq} @close=${close}></tl-thread>`
      : html`<tl-details .room=${room} .client=${client} @close=${close} @open=${this.#open}></tl-details>`
  }

  /** A room one is not in: a channel can be followed, an invitation accepted, from here too. */
  #refused(room: Room) {
    const act = async (work: Promise<unknown>, done: string) => {
      try {
        await work
        this.#say(done)
      } catch (error) {
        this.#say((error as Error).message)
      }
    }
    return html`<div class="centred">
      <h1>You are not in this room</h1>
      <p class="muted">${room.error?.message}</p>
      <div class="actions">
        <button class="button primary" @click=${() => void act(room.follow(), 'A moderator will let you in, or you are in already.')}>
          Follow it
        </button>
        <button class="button" @click=${() => this.#go('/chat')}>Back to your rooms</button>
      </div>
    </div>`
  }

  #nothing() {
    return html`<div class="centred">
      ${
        this.closed
          ? html`<h1>This room is closed for you</h1>
              <p class="muted" role="alert">${this.closed}</p>`
          : html`<span class="big">${icon('chat')}</span>
              <h1>Your messages</h1>
              <p class="muted">Choose a room, search for a person to write to, or make a room of your own.</p>`
      }
    </div>`
  }

  #become(person: Person): void {
    rememberPerson(person)
    this.person = person
    this.fault = undefined
    const client = clientOf(person)
    this.client = client
    client.on('state', (state, error) => {
      if (state === 'refused' && client === this.client) void this.#leave(error?.message)
    })
    client.connect().catch(() => undefined)
    void client.inbox.loaded().catch(() => undefined)
    this.#show(this.roomId)
  }

  async #leave(fault?: string): Promise<void> {
    const { client } = this
    this.fault = fault
    this.client = undefined
    this.#drop()
    await client?.close()
  }

  #drop(): void {
    this.#stop?.()
    this.#stop = undefined
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
    this.#stop = room.on('state', state => {
      if (state !== 'closed' || this.room !== room) return
      this.#drop()
      this.closed = room.error?.message ?? 'It was closed.'
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
      this.at = 'seq' in found ? found.seq : undefined
      this.query = ''
      this.#go(`/chat/${roomId}`)
    } catch (error) {
      this.#say((error as Error).message)
    }
  }

  #go(path: string): void {
    this.dispatchEvent(new CustomEvent('go', { detail: path }))
  }

  #say(text: string): void {
    this.querySelector<Toast>('tl-toast')?.show(text)
  }
}

customElements.define('tl-messenger', Messenger)
