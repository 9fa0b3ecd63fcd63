import type { Room, Trunkline } from '@trunkline/sdk'
import { html } from 'lit'
import { LightElement } from '../design/element.ts'
import '../members/members.ts'

/** About the open room: what it is, who is in it, and what one may change. Fires `close`, `open`. */
export class Details extends LightElement {
  static override properties = { room: { attribute: false }, client: { attribute: false } }
  declare room: Room
  declare client: Trunkline

  constructor() {
    super()
    this.follow(() => this.room)
  }

  protected override render() {
    return html`<tl-members .room=${this.room}></tl-members>`
  }
}

customElements.define('tl-details', Details)
