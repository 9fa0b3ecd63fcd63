import type { Call, Participant } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { bitrateText, gradeOf, lineFigures, trackName, trackText } from './quality-words.ts'

/** The figures behind somebody's bars, as they are now. */
export class QualityPanel extends LightElement {
  static override properties = { call: { attribute: false }, participant: { state: true } }
  declare call: Call
  declare participant: Participant | undefined
  #stop: (() => void) | undefined

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#hide()
  }

  show(participant: Participant): void {
    this.participant = participant
    this.#stop ??= this.call.on('quality', () => this.requestUpdate())
    this.querySelector('dialog')?.showModal()
  }

  protected override render() {
    const name = this.participant?.isLocal ? 'Your connection' : `Connection of ${this.participant?.name}`
    return html`<dialog class="card quality" aria-labelledby="tl-quality" @close=${this.#hide} @click=${this.#outside}>
      <header>
        <h2 id="tl-quality">${name}</h2>
        <button class="icon-button" aria-label="Close" @click=${this.#close}>${icon('close')}</button>
      </header>
      ${this.participant ? this.#figures(this.participant) : nothing}
    </dialog>`
  }

  #figures(participant: Participant) {
    const quality = this.call.quality(participant)
    if (!quality) return html`<p class="muted">Nothing is sent or received at the moment.</p>`
    const { word } = gradeOf(quality.score)
    return html`<p class="grade"><strong>${quality.score.toFixed(1)}</strong> of 5, ${word}</p>
      <dl>
        ${lineFigures(quality).map(
          ([label, figure]) => html`<div>
            <dt>${label}</dt>
            <dd>${figure}</dd>
          </div>`,
        )}
      </dl>
      <ul>
        ${quality.tracks.map(
          track => html`<li>
            <span>${trackName(track)}</span>
            <span class="muted">${trackText(track)}</span>
            <span class="rate">${bitrateText(track.bitrate)}</span>
          </li>`,
        )}
      </ul>`
  }

  #hide(): void {
    this.#stop?.()
    this.#stop = undefined
  }

  #close(): void {
    this.querySelector('dialog')?.close()
  }

  /** A click beside the card. */
  #outside(event: MouseEvent): void {
    if (event.target === event.currentTarget) this.#close()
  }
}

customElements.define('tl-quality', QualityPanel)
