import type { CallModeration } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'

/** Says in a call that it is recorded, for as long as it is. */
export class RecordingSign extends LightElement {
  static override properties = { moderation: { attribute: false } }
  declare moderation: CallModeration | undefined

  constructor() {
    super()
    this.follow(() => this.moderation)
  }

  protected override render() {
    const recording = this.moderation?.recording
    if (!recording) return nothing
    return html`<p class="recording-sign ${recording.paused ? 'paused' : ''}" role="status">
      ${recording.paused ? 'Recording paused' : 'Recording'}
    </p>`
  }
}

customElements.define('tl-recording-sign', RecordingSign)
