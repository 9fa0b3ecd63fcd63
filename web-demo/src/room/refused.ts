import { html } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/** The server does not let us in: why, and what would. Fires `token` with one that was pasted. */
export class Refused extends LightElement {
  static override properties = { isGuest: { type: Boolean }, fault: {} }
  declare isGuest: boolean
  declare fault: string | undefined

  protected override render() {
    return html`<main class="centred">
      <h1>${this.isGuest ? 'This room takes no guests' : 'Your invitation does not work'}</h1>
      <p class="muted">
        ${
          this.isGuest
            ? 'Ask the app you come from for a link of your own, or paste the token it gave you.'
            : 'Ask the app you come from for a new link, or paste a new token.'
        }
      </p>
      ${this.fault ? html`<p class="notice error">${icon('alert')}${this.fault}</p>` : ''}
      <form @submit=${this.#submit}>
        <div class="field">
          <label for="tl-token">Token</label>
          <input class="input" id="tl-token" name="token" autocomplete="off" spellcheck="false" required />
        </div>
        <button class="button primary wide">Continue</button>
      </form>
    </main>`
  }

  #submit(event: SubmitEvent): void {
    event.preventDefault()
    const token = String(new FormData(event.target as HTMLFormElement).get('token') ?? '').trim()
    if (token) this.dispatchEvent(new CustomEvent('token', { detail: token }))
  }
}

customElements.define('tl-refused', Refused)
