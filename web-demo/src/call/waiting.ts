import type { Call, Knock } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'

/** Who waits to be let in, for hosts; nothing while nobody does. Fires `fault` with a sentence. */
export class Waiting extends LightElement {
  static override properties = { call: { attribute: false }, most: { type: Number } }
  declare call: Call
  /** How many are shown one by one. */
  declare most: number

  constructor() {
    super()
    this.most = 20
    this.follow(() => this.call)
    this.follow(() => this.call.moderation)
  }

  protected override render() {
    const { waiting } = this.call.moderation
    if (waiting.length === 0) return nothing
    const rest = waiting.length - this.most
    return html`<section class="waiting" aria-label="Waiting to come in">
      <ul>
        ${repeat(
          waiting.slice(0, this.most),
          ({ knockId }) => knockId,
          knock => this.#row(knock),
        )}
      </ul>
      ${
        waiting.length > 1
          ? html`<button class="button small wide" @click=${() => this.#do(() => this.call.moderation.admit())}>
              ${rest > 0 ? `Admit all ${waiting.length}` : 'Admit all'}
            </button>`
          : nothing
      }
    </section>`
  }

  #row({ knockId, userId, name }: Knock) {
    const { moderation } = this.call
    return html`<li>
      <tl-avatar .name=${name} userId=${userId}></tl-avatar>
      <span class="name"><strong>${name}</strong><small>wants to come in</small></span>
      <button
        class="button small"
        aria-label="Deny ${name}"
        @click=${() => this.#do(() => moderation.deny(knockId))}
      >
        Deny
      </button>
      <button
        class="button small primary"
        aria-label="Admit ${name}"
        @click=${() => this.#do(() => moderation.admit(knockId))}
      >
        Admit
      </button>
    </li>`
  }

  async #do(act: () => Promise<void>): Promise<void> {
    try {
      await act()
    } catch (error) {
      this.dispatchEvent(new CustomEvent('fault', { detail: (error as Error).message, bubbles: true }))
    }
  }
}

customElements.define('tl-waiting', Waiting)
