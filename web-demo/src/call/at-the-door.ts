import { type Knocking, TrunklineError } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/** Whether a call was not joined because a host has to let one in. */
export const isAtTheDoor = (error: unknown): boolean =>
  error instanceof TrunklineError && (error.code === 'knock_first' || error.code === 'locked')

/** Beside one's own picture in the lobby, while a host is asked. Fires `again` after a refusal, and `cancel`. */
export class AtTheDoor extends LightElement {
  static override properties = { knocking: { attribute: false } }
  declare knocking: Knocking

  constructor() {
    super()
    this.follow(() => this.knocking)
  }

  protected override firstUpdated(): void {
    this.querySelector('button')?.focus()
  }

  protected override render() {
    const { state, reason, error } = this.knocking
    if (state === 'denied' || state === 'refused') {
      const why = state === 'denied' ? reason : error?.message
      return html`<div class="at-the-door" role="alert">
        <p class="notice error">${icon('alert')}${state === 'denied' ? 'The host did not let you in.' : 'You cannot knock here.'}</p>
        ${why ? html`<p class="muted">${why}</p>` : nothing}
        <button class="button primary wide" type="button" @click=${() => this.#fire('again')}>Knock again</button>
        <button class="button wide" type="button" @click=${() => this.#fire('cancel')}>Back</button>
      </div>`
    }
    return html`<div class="at-the-door">
      <p class="asking" role="status"><span class="spinner"></span>Waiting for a host to let you in</p>
      <p class="muted">Your camera and microphone stay here until then: nobody sees or hears you.</p>
      <button class="button wide" type="button" @click=${() => this.#fire('cancel')}>Cancel</button>
    </div>`
  }

  #fire(name: string): void {
    this.dispatchEvent(new CustomEvent(name))
  }
}

customElements.define('tl-at-the-door', AtTheDoor)
