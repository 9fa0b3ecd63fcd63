import type { LinkedFile, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { lengthWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { openLightbox } from './lightbox.ts'
import { localUrl } from './local-url.ts'
import { placeholderUrl } from './placeholder.ts'
import { ring } from './ring.ts'
import { kindOf, type ShownFile } from './shown.ts'
import { thumbnailsOf } from './thumbnails.ts'

/**
 * A picture or a video of a message: a blur of it, its thumbnail once there is one, and on a click the whole. One's own is
 * shown from the start.
 */
export class Picture extends LightElement {
  static override properties = {
    room: { attribute: false },
    shown: { attribute: false },
    sizes: {},
    loaded: { state: true },
    failed: { state: true },
  }
  declare room: Room
  declare shown: ShownFile
  /** How wide it is shown, as `<img sizes>` has it. */
  declare sizes: string
  /** The address that has been loaded. */
  declare loaded: string | undefined
  declare failed: string | undefined
  #local: { blob: Blob; url: string; done: () => void } | undefined

  constructor() {
    super()
    this.sizes = '320px'
    this.follow(() => this.room.files)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#letGo()
  }

  protected override willUpdate(): void {
    const { blob } = this.shown
    if (!blob || !this.isConnected || this.#local?.blob === blob) return
    this.#letGo()
    this.#local = { blob, ...localUrl(blob) }
  }

  #letGo(): void {
    this.#local?.done()
    this.#local = undefined
  }

  protected override render() {
    const { room, shown } = this
    const { fileId, name } = shown
    const file = fileId === undefined ? undefined : room.files.get(fileId)
    const kind = kindOf(shown, file)
    const blur = file?.placeholder && placeholderUrl(file.placeholder)
    const style = `${file?.color ? `background-color: ${file.color};` : ''}${blur ? `background-image: url(${blur})` : ''}`
    const { durationMs = file?.durationMs } = shown
    const length = kind === 'video' && durationMs !== undefined ? `, ${lengthWord(durationMs)}` : ''
    return html`<button
      type="button"
      class="picture ${kind}"
      style=${style}
      aria-label=${`Open ${kind === 'video' ? 'video' : 'picture'} ${name}${length}`}
      ?disabled=${fileId === undefined}
      @click=${this.#open}
    >
      ${this.#own(kind)}${file ? this.#thumbnail(file) : nothing}${this.#state(kind, file)}
    </button>`
  }

  /** What was sent from here, until there is a thumbnail. */
  #own(kind: string) {
    const url = this.#local?.url
    if (!url || this.loaded) return nothing
    return kind === 'video'
      ? html`<video src=${`${url}#t=0.1`} muted playsinline preload="metadata" tabindex="-1" aria-hidden="true"></video>`
      : html`<img src=${url} alt="" />`
  }

  #thumbnail(file: LinkedFile) {
    const { src, srcset } = thumbnailsOf(this.room, file)
    if (!src) return nothing
    return html`<img
      class="thumbnail ${this.loaded === src ? 'loaded' : ''}"
      src=${src}
      srcset=${srcset || nothing}
      sizes=${srcset ? this.sizes : nothing}
      alt=${this.shown.name}
      decoding="async"
      @load=${() => {
        this.loaded = src
        this.failed = undefined
      }}
      @error=${() => {
        this.failed = src
      }}
    />`
  }

  /** What is over it: how far it has come, or that it plays. */
  #state(kind: string, file: LinkedFile | undefined) {
    const { uploaded, fileId, durationMs = file?.durationMs } = this.shown
    if (uploaded !== undefined) return html`<span class="over">${ring(uploaded)}</span>`
    if (fileId !== undefined && this.room.files.isGone(fileId))
      return html`<span class="over words">${icon('trash')}Deleted</span>`
    const isWaiting = file?.state === 'checking' || file?.state === 'processing'
    if (isWaiting && !this.#local && !this.loaded)
      return html`<span class="over" role="img" aria-label="Being prepared">${ring(this.room.files.progressOf(file.id))}</span>`
    if (this.failed && !this.loaded)
      return html`<span class="over words">${icon('alert')}It could not be loaded</span>`
    if (kind !== 'video') return nothing
    return html`<span class="play">${icon('play')}</span>${
      durationMs === undefined ? nothing : html`<span class="length">${lengthWord(durationMs)}</span>`
    }`
  }

  #open(): void {
    const { fileId } = this.shown
    if (fileId !== undefined) openLightbox(this, this.room, fileId)
  }
}

customElements.define('tl-picture', Picture)
