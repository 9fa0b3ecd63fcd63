import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'

/** After the call. Fires `again`. */
export class Left extends LightElement {
  static override properties = { embedded: { type: Boolean } }
  declare embedded: boolean

  protected override firstUpdated(): void {
    this.querySelector('button')?.focus()
  }

  protected override render() {
    return html`<main class="centred">
      <h1>You left the call</h1>
      <p class="muted">The messages stay in the room. You can come back whenever you like.</p>
      <div class="actions">
        <button class="button primary" @click=${() => this.dispatchEvent(new CustomEvent('again'))}>Join again</button>
        ${this.embedded ? nothing : html`<a class="button" href="/">Home</a>`}
      </div>
    </main>`
  }
}

customElements.define('tl-left', Left)
