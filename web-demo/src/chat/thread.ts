import type { Room, Trunkline } from '@trunkline/sdk'
import { html, type PropertyValues } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import type { Composer } from './composer.ts'
import './conversation.ts'
import type { Conversation } from './conversation.ts'

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

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('seq')) void this.#focus()
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

  /** To where one answers; a finger's keyboard comes up only when it is asked for. */
  async #focus(): Promise<void> {
    const conversation = this.querySelector<Conversation>('tl-conversation')
    await conversation?.updateComplete
    const composer = conversation?.querySelector<Composer>('tl-composer')
    await composer?.updateComplete
    if (composer?.querySelector('textarea') && matchMedia('(hover: hover)').matches) composer.focus()
    else this.querySelector<HTMLElement>('header .icon-button')?.focus()
  }
}

customElements.define('tl-thread', ThreadView)
