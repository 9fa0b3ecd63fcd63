import type { Room, RoomMessage } from '@trunkline/sdk'
import { html } from 'lit'
import { icon } from '../design/icons.ts'
import { gistOf } from './quote.ts'

/** What is written is an answer to a message, or what it says from now on. */
export type Mode = { kind: 'reply' | 'edit'; message: RoomMessage }

/** Says above the field what is answered or edited, with the way to end it. */
export const modeBar = (room: Room, { kind, message }: Mode, end: () => void) => {
  const isOwn = message.sender === room.me?.user.id
  const name = isOwn ? 'yourself' : (room.member(message.sender)?.user.name ?? message.sender)
  return html`<div class="mode">
    ${icon(kind === 'edit' ? 'pencil' : 'reply')}
    <p><strong>${kind === 'edit' ? 'Edit message' : `Reply to ${name}`}</strong><span>${gistOf(message)}</span></p>
    <button
      type="button"
      class="icon-button"
      aria-label=${kind === 'edit' ? 'Do not edit' : 'Do not reply'}
      title="Escape"
      @click=${end}
    >
      ${icon('close')}
    </button>
  </div>`
}
