import type { CallModeration } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/** Says in a call that it is shown live, for as long as it is. Hosts press it to see more: it fires `open`. */
export class LiveSign extends LightElement {
  static override properties = { moderation: { attribute: false } }
  declare moderation: CallModeration | undefined

  constructor() {
    super()
    this.follow(() => this.moderation)
  }

  protected override render() {
    const { stream, isHost } = this.moderation ?? {}
    if (!stream) return nothing
    const kind = `live-sign ${stream.paused ? 'paused' : ''}`
    const word = html`${icon(stream.paused ? 'pause' : 'live')}${stream.paused ? 'Live, paused' : 'Live'}`
    if (!isHost) {
      return html`<p class=${kind} role="status" title="Others can watch this call">${word}</p>`
    }
    return html`<button
      class=${kind}
      aria-haspopup="dialog"
      title="Who can watch, and how to stop"
      @click=${() => this.dispatchEvent(new CustomEvent('open'))}
    >
      ${word}
    </button>`
  }
}

customElements.define('tl-live-sign', LiveSign)
