import type { Room, RoomMessage } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { ask } from './actions.ts'
import { gistOf } from './quote.ts'
import { momentWord } from './words.ts'

/** Pinned messages to go to and, for those who may, to unpin. Fires `empty` after the last one was unpinned. */
export class Pins extends LightElement {
  static override properties = {
    room: { attribute: false },
    pins: { attribute: false },
    fault: { state: true },
  }
  declare room: Room
  declare pins: readonly RoomMessage[]
  declare fault: string | undefined

  protected override render() {
    const mayPin = this.room.can('pin') && !this.room.info?.archivedAt
    const nameOf = (id: string) => this.room.member(id)?.user.name ?? id
    const pictureOf = (id: string) => this.room.files.addressOf(this.room.member(id)?.user.avatar)
    return html`${this.fault ? html`<p class="failure" role="alert">${this.fault}</p>` : nothing}
      <ul class="choose">
        ${repeat(
          this.pins,
          ({ seq }) => seq,
          message => html`<li>
            <button type="button" @click=${() => ask(this, { do: 'show', seq: message.seq })}>
              <tl-avatar .name=${nameOf(message.sender)} userId=${message.sender} .picture=${pictureOf(message.sender)}></tl-avatar>
              <span><strong>${nameOf(message.sender)}</strong><small>${momentWord(message.at)}</small><span class="gist">${gistOf(message)}</span></span>
            </button>
            ${
              mayPin
                ? html`<button type="button" class="button small" @click=${() => void this.#unpin(message.seq)}>Unpin</button>`
                : nothing
            }
          </li>`,
        )}
      </ul>`
  }

  async #unpin(seq: number): Promise<void> {
    this.fault = undefined
    try {
      await this.room.unpin(seq)
      this.pins = this.pins.filter(message => message.seq !== seq)
      if (this.pins.length === 0) this.dispatchEvent(new CustomEvent('empty'))
    } catch (error) {
      this.fault = (error as Error).message
    }
  }
}

customElements.define('tl-pins', Pins)
