import { html, nothing } from 'lit'
import { lengthWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'

const TICK_MS = 1_000

/** How long a call has lasted. */
export class CallClock extends LightElement {
  static override properties = { since: {} }
  /** When it began, ISO 8601. */
  declare since: string | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    this.#timer = setInterval(() => this.requestUpdate(), TICK_MS)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearInterval(this.#timer)
  }

  protected override render() {
    if (!this.since) return nothing
    return html`<time class="muted">${lengthWord(Math.max(0, Date.now() - Date.parse(this.since)))}</time>`
  }
}

customElements.define('tl-call-clock', CallClock)
