import { LIMITS } from '@trunkline/sdk'
import { html, nothing, type TemplateResult } from 'lit'
import { sizeWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { cropPicture } from '../files/cropper.ts'

/** The picture of somebody or of a room, with the ways to choose another and to take it away. */
export class PicturePicker extends LightElement {
  static override properties = {
    face: { attribute: false },
    removable: { type: Boolean },
    set: { attribute: false },
    busy: { state: true },
    fault: { state: true },
  }
  /** How it is shown. */
  declare face: TemplateResult
  /** There is one to take away. */
  declare removable: boolean
  declare set: (picture: Blob | null) => Promise<unknown>
  declare busy: boolean
  declare fault: string | undefined

  constructor() {
    super()
    this.removable = false
    this.busy = false
  }

  protected override render() {
    return html`<div class="picture-picker">
      <span class="face ${this.busy ? 'busy' : ''}">${this.face}${this.busy ? html`<span class="spinner"></span>` : nothing}</span>
      <div class="ways">
        <input class="sr-only" type="file" accept="image/*" tabindex="-1" aria-hidden="true" @change=${this.#chosen} />
        <button type="button" class="button small" ?disabled=${this.busy} @click=${() => this.querySelector('input')?.click()}>
          ${icon('photo')}${this.removable ? 'Change picture' : 'Add a picture'}
        </button>
        ${this.removable ? html`<button type="button" class="button small" ?disabled=${this.busy} @click=${() => void this.#put(null)}>Remove</button>` : nothing}
      </div>
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
    </div>`
  }

  #chosen(event: Event): void {
    const input = event.target as HTMLInputElement
    const [file] = input.files ?? []
    input.value = ''
    if (!file) return
    if (file.size > LIMITS.avatarBytes)
      this.fault = `It has ${sizeWord(file.size)}; at most ${sizeWord(LIMITS.avatarBytes)} can be taken.`
    else void this.#crop(file)
  }

  async #crop(file: File): Promise<void> {
    const picture = await cropPicture(this, file)
    if (picture) await this.#put(picture)
  }

  async #put(picture: Blob | null): Promise<void> {
    this.busy = true
    this.fault = undefined
    try {
      await this.set(picture)
    } catch (error) {
      this.fault = (error as Error).message
    } finally {
      this.busy = false
    }
  }
}

customElements.define('tl-picture-picker', PicturePicker)
