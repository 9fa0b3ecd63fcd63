import { everyItem, type MessageVersion, type Room, textOf } from '@trunkline/sdk'
import { html } from 'lit'
import { LightElement } from '../design/element.ts'
import { momentWord } from './words.ts'

/** What a message said over time, the latest first. */
export class History extends LightElement {
  static override properties = {
    room: { attribute: false },
    seq: { type: Number },
    versions: { state: true },
    fault: { state: true },
  }
  declare room: Room
  declare seq: number
  declare versions: MessageVersion[] | undefined
  declare fault: string | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    Array.fromAsync(everyItem(page => this.room.history(this.seq, page))).then(
      versions => {
        this.versions = versions.toReversed()
      },
      (error: Error) => {
        this.fault = error.message
      },
    )
  }

  protected override render() {
    if (this.fault) return html`<p class="failure" role="alert">${this.fault}</p>`
    if (!this.versions) return html`<p class="wait"><span class="spinner"></span></p>`
    return html`<ol class="versions">
      ${this.versions.map(
        ({ at, parts }, index) => html`<li>
          <small>${index === 0 ? 'Now, since ' : ''}<time datetime=${at}>${momentWord(at)}</time></small>
          <p>${textOf(parts) ?? 'No text'}</p>
        </li>`,
      )}
    </ol>`
  }
}

customElements.define('tl-history', History)
