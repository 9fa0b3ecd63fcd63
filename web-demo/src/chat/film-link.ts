import type { Room } from '@trunkline/sdk'
import { html } from 'lit'
import { LightElement } from '../design/element.ts'

/** The film of a recorded call: where it can be seen, once that is known. */
export class FilmLink extends LightElement {
  static override properties = { room: { attribute: false }, fileId: {} }
  declare room: Room
  declare fileId: string

  constructor() {
    super()
    this.follow(() => this.room?.files)
  }

  protected override render() {
    const url = this.room.files.urlOf(this.fileId)
    if (this.room.files.isGone(this.fileId)) return html`The call was recorded; the recording was deleted`
    if (url === undefined) return html`The recording of the call is ready`
    return html`The recording of the call is ready: <a href=${url} target="_blank" rel="noopener">watch it</a>`
  }
}

customElements.define('tl-film-link', FilmLink)
