import type { FilePart, Room } from '@trunkline/sdk'
import { html } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { thumbnailOf } from './thumbnails.ts'
import { openPicture } from './viewer.ts'

/** A picture in a message: its thumbnail, and the whole of it on a click. One's own is shown before it is uploaded. */
export class Picture extends LightElement {
  static override properties = {
    room: { attribute: false },
    shown: { attribute: false },
    blob: { attribute: false },
    src: { state: true },
    failed: { state: true },
  }
  declare room: Room
  declare shown: Partial<FilePart>
  declare blob: Blob | undefined
  declare src: string | undefined
  declare failed: boolean
  #asked = false

  constructor() {
    super()
    this.failed = false
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.requestUpdate()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    if (!this.blob || !this.src) return
    URL.revokeObjectURL(this.src)
    // Being moved within the list takes an element out and puts it back in: it asks anew.
    this.src = undefined
    this.#asked = false
  }

  protected override willUpdate(): void {
    if (this.#asked || !this.isConnected) return
    if (this.blob) {
      this.#asked = true
      this.src = URL.createObjectURL(this.blob)
    } else if (this.shown.fileId) {
      this.#asked = true
      thumbnailOf(this.room, this.shown.fileId).then(
        src => {
          this.src = src
        },
        () => {
          this.failed = true
        },
      )
    }
  }

  protected override render() {
    const { width = 4, height = 3, name } = this.shown
    if (this.failed) return html`<p class="lost">${icon('picture')}The picture could not be loaded</p>`
    return html`<button
      type="button"
      class="picture"
      style="aspect-ratio: ${width} / ${height}; --natural: ${width > 4 ? `${width}px` : '100%'}"
      aria-label="Open picture ${name ?? ''}"
      ?disabled=${!this.shown.fileId}
      @click=${this.#open}
    >
      ${this.src ? html`<img src=${this.src} alt=${name ?? 'Picture'} />` : ''}
    </button>`
  }

  #open(): void {
    const { fileId, name } = this.shown
    if (fileId)
      void openPicture(this, { room: this.room, fileId, name: name ?? 'Picture', preview: this.src })
  }
}

customElements.define('tl-picture', Picture)
