import type { EphemeralMessage, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { richText } from '../chat/rich-text.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/** What bots show this user alone, until it is put away or the page is left. */
export class Ephemerals extends LightElement {
  static override properties = { room: { attribute: false } }
  declare room: Room
  /** The latest that was shown already. */
  #latest: string | undefined

  constructor() {
    super()
    this.follow(() => this.room)
  }

  /** A new one is seen, and from its beginning, however many stand before it. */
  protected override updated(): void {
    const latest = this.room.bots.ephemerals.at(-1)?.id
    if (latest === this.#latest) return
    this.#latest = latest
    const box = this.querySelector<HTMLElement>('.ephemerals')
    const shown = box?.querySelector<HTMLElement>('.ephemeral:last-child')
    if (!box || !shown) return
    box.scrollTop += shown.getBoundingClientRect().top - box.getBoundingClientRect().top
  }

  protected override render() {
    const { ephemerals } = this.room.bots
    if (ephemerals.length === 0) return nothing
    return html`<div class="ephemerals" role="log" aria-label="Only you see this">
      ${ephemerals.map(message => this.#message(message))}
    </div>`
  }

  #message({ id, sender, text = '' }: EphemeralMessage) {
    const name = this.room.member(sender)?.user.name ?? sender
    return html`<article class="ephemeral">
      <div>
        <h3>${name}<small> · only you see this</small></h3>
        <p class="text">${richText(text, this.room, undefined)}</p>
      </div>
      <button type="button" class="icon-button" aria-label="Put away" @click=${() => this.room.bots.dismiss(id)}>
        ${icon('close')}
      </button>
    </article>`
  }
}

customElements.define('tl-ephemerals', Ephemerals)
