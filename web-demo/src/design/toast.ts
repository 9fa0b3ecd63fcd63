import { html } from 'lit'
import { LightElement } from './element.ts'

const SHOWN_MS = 3_500

/** One short sentence at a time, spoken politely and gone by itself. */
export class Toast extends LightElement {
  static override properties = { text: { state: true } }
  declare text: string
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.text = ''
  }

  show(text: string): void {
    this.text = text
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.text = ''
    }, SHOWN_MS)
  }

  protected override render() {
    return html`<div role="status">${this.text ? html`<p class="notice-pill">${this.text}</p>` : ''}</div>`
  }
}

customElements.define('tl-toast', Toast)
