import type { Room, RoomMessage } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { LightElement } from '../design/element.ts'
import { gistOfFiles } from '../files/gist.ts'
import { filesOf } from '../files/shown.ts'
import { ask } from './actions.ts'

/** What a message says in one line. */
export const gistOf = ({ deletedAt, blocked, text, parts }: RoomMessage): string => {
  if (deletedAt !== undefined) return 'This message was deleted'
  if (blocked) return 'Message of somebody you blocked'
  return text ?? gistOfFiles(parts) ?? 'A message'
}

/** The message another one answers, in a line or two. A click goes to it. */
export class Quote extends LightElement {
  static override properties = { room: { attribute: false }, seq: { type: Number }, lost: { state: true } }
  declare room: Room
  declare seq: number
  declare lost: boolean

  constructor() {
    super()
    this.lost = false
    this.follow(() => this.room)
    this.follow(() => this.room.files)
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('seq') && !changed.has('room')) return
    this.lost = false
    this.room.loadMessage(this.seq).catch(() => {
      this.lost = true
    })
  }

  protected override render() {
    const message = this.room.message(this.seq)
    if (!message) {
      return html`<p class="quote">${this.lost ? 'A message that is not there any more' : html`<span class="spinner"></span>`}</p>`
    }
    const isOwn = message.sender === this.room.me?.user.id
    const name = isOwn ? 'You' : (this.room.member(message.sender)?.user.name ?? message.sender)
    return html`<button
      type="button"
      class="quote"
      title="Go to this message"
      @click=${() => ask(this, { do: 'show', seq: this.seq })}
    >
      ${message.blocked ? nothing : html`<strong>${name}</strong>`}<span>${gistOf(message)}</span>${this.#thumbnail(message)}
    </button>`
  }

  /** Of the first of its files that has one. */
  #thumbnail(message: RoomMessage) {
    if (message.blocked) return nothing
    const { files } = this.room
    for (const { fileId } of filesOf(message.parts)) {
      const src = fileId && (files.urlOf(fileId, 'thumb128') ?? files.urlOf(fileId, 'thumb512'))
      if (src) return html`<img src=${src} alt="" decoding="async" />`
    }
    return nothing
  }
}

customElements.define('tl-quote', Quote)
