import { LIMITS, type Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { sizeWord } from './words.ts'

/** What was being written, per room, while the chat is closed. */
const drafts = new WeakMap<Room, string>()

/** Where one writes: Enter sends, Shift+Enter begins a line. Pictures by button, paste or drop. */
export class Composer extends LightElement {
  static override properties = { room: { attribute: false }, text: { state: true }, fault: { state: true } }
  declare room: Room
  declare text: string
  declare fault: string | undefined

  constructor() {
    super()
    this.text = ''
  }

  protected override firstUpdated(): void {
    this.text = drafts.get(this.room) ?? ''
  }

  protected override updated(): void {
    const area = this.#area
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${Math.min(area.scrollHeight, 160)}px`
  }

  protected override render() {
    return html`<form class="composer" @submit=${this.#submit}>
      ${this.fault ? html`<p class="failure" role="alert">${this.fault}</p>` : nothing}
      <div class="row">
        <input class="sr-only" type="file" accept="image/*" multiple tabindex="-1" aria-hidden="true" @change=${this.#pick} />
        <button
          type="button"
          class="icon-button"
          aria-label="Attach a picture"
          title="Attach a picture"
          @click=${() => this.querySelector<HTMLInputElement>('input[type=file]')?.click()}
        >
          ${icon('picture')}
        </button>
        <textarea
          rows="1"
          aria-label="Message"
          placeholder="Message"
          enterkeyhint="send"
          .value=${this.text}
          @input=${this.#input}
          @keydown=${this.#key}
          @paste=${this.#paste}
        ></textarea>
        <button class="icon-button send" aria-label="Send message" ?disabled=${this.text.trim() === ''}>
          ${icon('send')}
        </button>
      </div>
    </form>`
  }

  /** Sends pictures; for whoever takes them by drop. */
  attach(files: Iterable<File>): void {
    this.fault = undefined
    for (const file of files) {
      if (!file.type.startsWith('image/')) this.fault = `${file.name} is not a picture.`
      else if (file.size > LIMITS.uploadBytes)
        this.fault = `${file.name} has ${sizeWord(file.size)}; at most ${sizeWord(LIMITS.uploadBytes)} can be sent.`
      else void this.room.sendFile(file, file.name || 'picture').catch(() => undefined)
    }
  }

  get #area(): HTMLTextAreaElement | null {
    return this.querySelector('textarea')
  }

  #set(text: string): void {
    this.text = text
    drafts.set(this.room, text)
  }

  #input(): void {
    this.#set(this.#area?.value ?? '')
    this.room.setTyping(this.text.trim() !== '')
  }

  #key(event: KeyboardEvent): void {
    // Enter that ends the composing of a character is not ours.
    if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return
    event.preventDefault()
    this.#send()
  }

  #submit(event: Event): void {
    event.preventDefault()
    this.#send()
    this.#area?.focus()
  }

  #send(): void {
    const text = this.text.trim()
    if (!text) return
    void this.room.send({ text }).catch(() => undefined)
    this.fault = undefined
    this.#set('')
  }

  #pick(event: Event): void {
    const input = event.target as HTMLInputElement
    this.attach(input.files ?? [])
    input.value = ''
  }

  #paste(event: ClipboardEvent): void {
    const files = event.clipboardData?.files
    if (!files || files.length === 0) return
    event.preventDefault()
    this.attach(files)
  }
}

customElements.define('tl-composer', Composer)
