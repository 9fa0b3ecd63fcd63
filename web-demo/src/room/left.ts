import type { CallClosed } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'

const WORDS = {
  left: ['You left the call', 'The messages stay in the room. You can come back whenever you like.'],
  removed: ['You were removed from the call', 'To come back, a host has to let you in.'],
  ended: ['The call has ended', 'A host ended it for everybody. The messages stay in the room.'],
} as const

/** After the call. Fires `again`. */
export class Left extends LightElement {
  static override properties = { embedded: { type: Boolean }, closed: { attribute: false } }
  declare embedded: boolean
  /** Why the server ended it for us; undefined when we left. */
  declare closed: CallClosed | undefined

  protected override firstUpdated(): void {
    this.querySelector('button')?.focus()
  }

  protected override render() {
    const [title, text] = WORDS[this.closed?.reason ?? 'left']
    return html`<main class="centred">
      <h1>${title}</h1>
      ${this.closed?.text ? html`<p>“${this.closed.text}”</p>` : nothing}
      <p class="muted">${text}</p>
      <div class="actions">
        <button class="button primary" @click=${() => this.dispatchEvent(new CustomEvent('again'))}>Join again</button>
        ${this.embedded ? nothing : html`<a class="button" href="/">Home</a>`}
      </div>
    </main>`
  }
}

customElements.define('tl-left', Left)
