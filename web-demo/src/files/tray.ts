import type { OutgoingFile } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { sizeWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { localUrl } from './local-url.ts'

/** Files that go with the next message, each with a way to take it out. Fires `take-out` with one of them. */
export class Tray extends LightElement {
  static override properties = { files: { attribute: false } }
  declare files: readonly OutgoingFile[]
  readonly #urls = new Map<Blob, { url: string; done: () => void }>()

  constructor() {
    super()
    this.files = []
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const { done } of this.#urls.values()) done()
    this.#urls.clear()
  }

  protected override willUpdate(): void {
    const blobs = new Set(this.files.map(({ blob }) => blob))
    for (const [blob, { done }] of this.#urls) {
      if (blobs.has(blob)) continue
      done()
      this.#urls.delete(blob)
    }
  }

  protected override render() {
    if (this.files.length === 0) return nothing
    return html`<ul class="tray" aria-label="Files to send">
      ${this.files.map(
        file => html`<li class=${this.#isVisual(file) ? 'visual' : ''} title=${file.name}>
          ${this.#face(file)}
          <button type="button" aria-label="Take out ${file.name}" @click=${() => this.#takeOut(file)}>${icon('close')}</button>
        </li>`,
      )}
    </ul>`
  }

  /** What was measured is what the browser can show. */
  #isVisual({ width, height }: OutgoingFile): boolean {
    return width !== undefined && height !== undefined
  }

  #face(file: OutgoingFile) {
    const { blob, name } = file
    if (!this.#isVisual(file))
      return html`${icon('file')}<span><strong>${name}</strong><small>${sizeWord(blob.size)}</small></span>`
    const { url } = this.#urls.get(blob) ?? this.#keep(blob)
    return blob.type.startsWith('video/')
      ? html`<video src=${`${url}#t=0.1`} muted playsinline preload="metadata" tabindex="-1"></video>${icon('play')}`
      : html`<img src=${url} alt=${name} />`
  }

  #keep(blob: Blob) {
    const local = localUrl(blob)
    this.#urls.set(blob, local)
    return local
  }

  #takeOut(file: OutgoingFile): void {
    this.dispatchEvent(new CustomEvent('take-out', { detail: file }))
  }
}

customElements.define('tl-tray', Tray)
