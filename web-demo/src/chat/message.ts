import type { FilePart, MessagePart, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { linkify } from './linkify.ts'
import './picture.ts'
import { ticks } from './ticks.ts'
import type { MessageItem } from './timeline.ts'
import { sizeWord, timeOf } from './words.ts'

const isPicture = (part: FilePart) => part.mime.startsWith('image/')

/** One message: a bubble, and below the last of a group its time. */
export class Message extends LightElement {
  static override properties = {
    room: { attribute: false },
    item: { attribute: false, hasChanged: () => true },
  }
  declare room: Room
  declare item: MessageItem

  protected override render() {
    const { own, starts, ends, name, sender, at, pending } = this.item
    const pictures = this.item.parts.filter(part => 'fileId' in part && isPicture(part))
    const only = pictures.length === this.item.parts.length
    return html`<article class="message ${own ? 'own' : ''} ${starts ? 'starts' : ''} ${ends ? 'ends' : ''}">
      ${
        own
          ? nothing
          : html`<span class="who">${ends ? html`<tl-avatar .name=${name} userId=${sender}></tl-avatar>` : nothing}</span>`
      }
      <div class="body">
        ${starts ? html`<h3 class=${own ? 'sr-only' : 'from'}>${own ? 'You' : name}</h3>` : nothing}
        <div class="bubble ${only ? 'bare' : ''}">
          ${this.#content()}${own ? html`<span class="mark">${ticks(this.#state())}</span>` : nothing}
        </div>
        ${pending?.state === 'failed' ? this.#failure() : nothing}
        ${ends ? html`<time datetime=${at}>${timeOf(at)}</time>` : nothing}
      </div>
    </article>`
  }

  #state() {
    const { event, pending } = this.item
    return event ? this.room.stateOf(event) : (pending?.state ?? 'sending')
  }

  #content() {
    const { pending, parts } = this.item
    if (pending?.file && parts.length === 0) {
      const { blob, name } = pending.file
      return html`<tl-picture .room=${this.room} .blob=${blob} .shown=${{ name }}></tl-picture>`
    }
    return parts.map(part => this.#part(part))
  }

  #part(part: MessagePart) {
    if ('text' in part) {
      const pieces = linkify(part.text).map(({ text, href }) =>
        href ? html`<a href=${href} target="_blank" rel="noopener noreferrer nofollow">${text}</a>` : text,
      )
      return html`<p class="text">${pieces}</p>`
    }
    if (!('fileId' in part)) return html`<p class="text">${part.mime}</p>`
    if (isPicture(part)) return html`<tl-picture .room=${this.room} .shown=${part}></tl-picture>`
    return html`<button type="button" class="file" @click=${() => void this.#download(part)}>
      ${icon('file')}<span>${part.name ?? 'File'}<small>${part.size ? sizeWord(part.size) : ''}</small></span>
    </button>`
  }

  #failure() {
    const { pending } = this.item
    if (!pending) return nothing
    return html`<p class="failure">
      ${pending.error?.message ?? 'Not sent'}
      <button type="button" @click=${() => this.room.retry(pending.clientId)}>Try again</button>
      <button type="button" @click=${() => this.room.discard(pending.clientId)}>Delete</button>
    </p>`
  }

  async #download(part: FilePart): Promise<void> {
    const url = URL.createObjectURL(await this.room.downloadFile(part.fileId))
    const link = document.createElement('a')
    link.href = url
    link.download = part.name ?? 'file'
    link.click()
    setTimeout(() => URL.revokeObjectURL(url), 60_000)
  }
}

customElements.define('tl-message', Message)
