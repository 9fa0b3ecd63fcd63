import type { Room, Trunkline } from '@trunkline/sdk'
import { html } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import './conversation.ts'

/** The thread of a message: what was said, the answers to it, and where one answers. Fires `close`. */
export class ThreadView extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    seq: { type: Number },
    back: { type: Boolean },
  }
  declare room: Room
  /** Knows rooms to forward to; without one nothing is forwarded. */
  declare client: Trunkline | undefined
  /** The message it hangs on. */
  declare seq: number
  /** It stands where the room stood, not beside it. */
  declare back: boolean

  constructor() {
    super()
    this.back = false
  }

  protected override firstUpdated(): void {
    this.querySelector<HTMLElement>('header .icon-button')?.focus()
  }

  protected override render() {
    const close = () => this.dispatchEvent(new CustomEvent('close'))
    return html`<section class="thread" aria-label="Thread" @keydown=${(event: KeyboardEvent) => {
      if (event.key !== 'Escape' || event.defaultPrevented) return
      event.stopPropagation()
      close()
    }}>
      <header class=${this.back ? 'back' : ''}>
        ${
          this.back
            ? html`<button class="icon-button" aria-label="Back to the room" @click=${close}>${icon('back')}</button>
                <h2>Thread</h2>`
            : html`<h2>Thread</h2>
                <button class="icon-button" aria-label="Close thread" @click=${close}>${icon('close')}</button>`
        }
      </header>
      <tl-conversation .room=${this.room} .client=${this.client} .threadOf=${this.seq}></tl-conversation>
    </section>`
  }
}

customElements.define('tl-thread', ThreadView)
