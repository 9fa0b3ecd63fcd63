import type { Call } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/** Says of an encrypted call that it is one. Fires `open`, to be shown more. */
export class EncryptionSign extends LightElement {
  static override properties = { call: { attribute: false }, compact: { type: Boolean } }
  declare call: Call | undefined
  /** Whether there is room for the sign alone. */
  declare compact: boolean

  constructor() {
    super()
    this.compact = false
    this.follow(() => this.call)
  }

  protected override render() {
    const { call } = this
    if (!call) return nothing
    const others = call.participants.filter(({ isLocal }) => !isLocal)
    if (!call.encryption) return others.some(({ encryption }) => encryption) ? this.#outside() : nothing
    const isMixed = others.some(({ reading }) => reading !== 'readable' && reading !== 'noKey')
    const label = isMixed ? 'Partly encrypted end to end: not by everybody' : 'Encrypted end to end'
    return html`<button
      class="encryption-sign ${isMixed ? 'mixed' : ''}"
      aria-haspopup="dialog"
      aria-label=${label}
      title=${label}
      @click=${() => this.dispatchEvent(new CustomEvent('open'))}
    >
      ${icon(isMixed ? 'alert' : 'lock')}${this.compact ? nothing : isMixed ? 'Partly encrypted' : 'Encrypted'}
    </button>`
  }

  #outside() {
    const text = 'Others encrypt this call: leave, and join again with encryption'
    return html`<p class="encryption-sign mixed" role="status" title=${text}>
      ${icon('alert')}<span class=${this.compact ? 'sr-only' : ''}>${this.compact ? text : 'Not encrypted'}</span>
    </p>`
  }
}

customElements.define('tl-encryption-sign', EncryptionSign)
