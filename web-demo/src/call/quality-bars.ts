import type { Participant, Quality } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { gradeOf } from './quality-words.ts'

/** How somebody's line is, in four bars. A click fires `details` with the participant, up the page. */
export class QualityBars extends LightElement {
  static override properties = { participant: { attribute: false }, quality: { attribute: false } }
  declare participant: Participant
  declare quality: Quality | undefined

  protected override render() {
    if (!this.quality) return nothing
    const { bars, word } = gradeOf(this.quality.score)
    const whose = this.participant.isLocal ? 'Your connection' : `Connection of ${this.participant.name}`
    return html`<button
      class="bars ${word}"
      aria-label="${whose}: ${word}. Details"
      title="${whose}: ${word}"
      @click=${this.#open}
    >
      ${[1, 2, 3, 4].map(bar => html`<i class=${bar <= bars ? 'on' : ''}></i>`)}
    </button>`
  }

  #open(): void {
    this.dispatchEvent(new CustomEvent('details', { detail: this.participant, bubbles: true }))
  }
}

customElements.define('tl-bars', QualityBars)
