import type { Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { Unread } from '../call/unread.ts'
import '../chat/chat.ts'
import { LightElement } from '../design/element.ts'
import { brandMark, icon } from '../design/icons.ts'

/** The room without its call: what is written in it. Fires `call` for whoever wants to be in the call after all. */
export class ChatOnly extends LightElement {
  static override properties = { room: { attribute: false } }
  declare room: Room
  #unread: Unread | undefined

  constructor() {
    super()
    this.follow(() => this.room)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.requestUpdate()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#unread?.close()
    this.#unread = undefined
  }

  protected override willUpdate(): void {
    if (!this.isConnected) return
    this.#unread ??= new Unread(this.room, () => undefined)
    this.#unread.setSeen(true)
  }

  protected override render() {
    const { room } = this
    if (room.state === 'closed') {
      return html`<main class="centred">
        <h1>This room is closed for you</h1>
        <p class="muted" role="alert">${room.error?.message}.</p>
      </main>`
    }
    const inCall = room.liveCall?.participants.length ?? 0
    return html`<main class="chat-only">
      <header class="bar">
        <span class="brand">${brandMark()}</span>
        <div class="what">
          <h1>${room.info?.title || room.id}</h1>
          <p class="muted" role="status">
            ${room.state === 'reconnecting' ? 'Reconnecting' : inCall > 0 ? `${inCall} in the call` : 'Nobody is in the call'}
          </p>
        </div>
        ${
          room.canCall
            ? html`<button class="button small" @click=${() => this.dispatchEvent(new CustomEvent('call'))}>
                ${icon('camera')}Go to the call
              </button>`
            : nothing
        }
      </header>
      <tl-chat .room=${room}></tl-chat>
    </main>`
  }
}

customElements.define('tl-chat-only', ChatOnly)
