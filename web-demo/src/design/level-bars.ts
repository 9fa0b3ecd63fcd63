import { html } from 'lit'
import { LightElement } from './element.ts'

const BARS = 5

/** How loud a microphone is. `source` gives levels from 0 to 1 until it is stopped. */
export class LevelBars extends LightElement {
  static override properties = { source: { attribute: false } }
  declare source: ((listener: (level: number) => void) => () => void) | undefined
  #stop: (() => void) | undefined

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#stop?.()
    this.#stop = undefined
  }

  protected override updated(): void {
    this.#stop?.()
    this.#stop = this.source?.(level => this.#show(level))
    if (!this.source) this.#show(0)
  }

  protected override render() {
    return html`<span class="level" aria-hidden="true">
      ${Array.from({ length: BARS }, () => html`<i></i>`)}
    </span>`
  }

  /** Straight to the style: sixteen times a second is too often for rendering. */
  #show(level: number): void {
    this.querySelectorAll('i').forEach((bar, index) => {
      const on = Math.min(1, Math.max(0, level * BARS - index))
      bar.style.setProperty('--on', on.toFixed(2))
    })
  }
}

customElements.define('tl-level', LevelBars)
