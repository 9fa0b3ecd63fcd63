import type { Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'

/** The film of a recorded call: where it can be seen, once that is known. */
export class FilmLink extends LightElement {
  static override properties = { room: { attribute: false }, fileId: {}, problem: {} }
  declare room: Room
  declare fileId: string
  /** Why the recording ended by itself, if it did. */
  declare problem: string | undefined

  constructor() {
    super()
    this.follow(() => this.room?.files)
  }

  protected override render() {
    const url = this.room.files.urlOf(this.fileId)
    if (this.room.files.isGone(this.fileId)) return html`The call was recorded; the recording was deleted`
    if (url === undefined) return html`The recording of the call is ready`
    return html`The recording of the call is ready: <a href=${url} target="_blank" rel="noopener">watch it</a>${
      this.problem ? html`. It ended by itself: ${this.problem}` : nothing
    }`
  }
}

customElements.define('tl-film-link', FilmLink)
