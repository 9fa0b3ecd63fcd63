import type { Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import './composer.ts'
import type { Composer } from './composer.ts'
import './messages.ts'
import { typingWord } from './words.ts'

/** Messages, who is typing, and where one writes. Pictures may be dropped anywhere on it. */
export class Chat extends LightElement {
  static override properties = { room: { attribute: false }, dragging: { state: true } }
  declare room: Room
  declare dragging: boolean

  constructor() {
    super()
    this.dragging = false
    this.follow(() => this.room)
  }

  protected override render() {
    const typing = typingWord(this.room.typing.map(({ user }) => user.name))
    return html`<div
      class="chat ${this.dragging ? 'dragging' : ''}"
      @dragover=${this.#dragOver}
      @dragleave=${this.#dragLeave}
      @drop=${this.#drop}
    >
      <tl-messages .room=${this.room}></tl-messages>
      <p class="typing" role="status">
        ${typing ? html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>${typing}` : nothing}
      </p>
      <tl-composer .room=${this.room}></tl-composer>
    </div>`
  }

  #dragOver(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes('Files')) return
    event.preventDefault()
    this.dragging = true
  }

  #dragLeave(event: DragEvent): void {
    if (!this.contains(event.relatedTarget as Node | null)) this.dragging = false
  }

  #drop(event: DragEvent): void {
    event.preventDefault()
    this.dragging = false
    this.querySelector<Composer>('tl-composer')?.attach(event.dataTransfer?.files ?? [])
  }
}

customElements.define('tl-chat', Chat)
