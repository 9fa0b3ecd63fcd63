import type { Breakouts } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'

/** Minutes and seconds. */
const timeLeft = (endsAt: string, now: number): string => {
  const seconds = Math.max(0, Math.ceil((Date.parse(endsAt) - now) / 1_000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** Says in a breakout that it is one, and how long it lasts. */
export class BreakoutSign extends LightElement {
  static override properties = { breakouts: { attribute: false }, now: { state: true } }
  declare breakouts: Breakouts | undefined
  declare now: number
  #timer: ReturnType<typeof setInterval> | undefined

  constructor() {
    super()
    this.now = Date.now()
    this.follow(() => this.breakouts)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#timer = setInterval(() => {
      this.now = Date.now()
    }, 1_000)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearInterval(this.#timer)
  }

  protected override render() {
    const { breakouts } = this
    if (!breakouts || breakouts.open.length === 0) return nothing
    const { endsAt, current } = breakouts
    return html`<p class="breakout-sign">
      ${current ? 'Breakout' : 'Breakouts'}${endsAt ? html`<span role="timer">${timeLeft(endsAt, this.now)}</span>` : nothing}
    </p>`
  }
}

customElements.define('tl-breakout-sign', BreakoutSign)
