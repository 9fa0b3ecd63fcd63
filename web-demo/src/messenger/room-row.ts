import type { InboxEntry, Presence, RoomPreview } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { botBadge } from '../bots/badge.ts'
import { dayOf, dayWord, timeOf } from '../chat/words.ts'
import { presenceDot, STATUS_WORDS } from '../design/presence.ts'
import { gistOfFiles } from '../files/gist.ts'
import { callWord } from '../ring/call-words.ts'
import { roomSign } from './room-sign.ts'
import { countWord, titleOfEntry } from './titles.ts'

const dateFormat = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short' })

type Row = {
  entry: InboxEntry
  isOpen: boolean
  presence: Presence | undefined
  /** What somebody is called, once that is known. */
  nameOf: (userId: string) => string | undefined
  open: () => void
}

/** When something was said: the time of today, else the day. */
const whenWord = (at: string): string => {
  const day = dayOf(at)
  const word = dayWord(day)
  if (word === 'Today') return timeOf(at)
  return word === 'Yesterday' ? word : dateFormat.format(day)
}

/** What was said last, and by whom where there are several it may have been; or who called since. */
const lastWord = ({ lastMessage, lastCall, me, room, peer }: InboxEntry, nameOf: Row['nameOf']): string => {
  if (lastCall) return callWord(lastCall, me.user.id)
  if (!lastMessage) return room.description || 'Nothing said yet'
  const { sender } = lastMessage
  const text = lastMessage.text ?? gistOfFiles(lastMessage.parts) ?? 'A message'
  if (sender === me.user.id) return `You: ${text}`
  const name = peer || sender === undefined ? undefined : nameOf(sender)
  return name ? `${name}: ${text}` : text
}

/** One of one's rooms in the list. */
export const roomRow = ({ entry, isOpen, presence, nameOf, open }: Row) => {
  const { room, unread, mentions, activeAt, peer } = entry
  const title = titleOfEntry(entry)
  const isBot = peer?.kind === 'bot'
  return html`<li>
    <button class="room-row ${isOpen ? 'open' : ''} ${unread > 0 ? 'unread' : ''}" aria-current=${isOpen ? 'true' : nothing} @click=${open}>
      <span class="face">
        ${
          peer
            ? html`<tl-avatar .name=${peer.name} userId=${peer.id} .picture=${peer.avatar}></tl-avatar>${isBot ? nothing : presenceDot(presence?.status ?? 'offline')}`
            : roomSign(room)
        }
      </span>
      <span class="what">
        <span class="line"><strong>${title}${botBadge(peer)}</strong><time datetime=${activeAt}>${whenWord(activeAt)}</time></span>
        <span class="line">
          <small>${lastWord(entry, nameOf)}</small>
          ${mentions > 0 ? html`<b class="badge mention" title="Mentions of you">@${countWord(mentions)}<span class="sr-only"> mentions</span></b>` : nothing}
          ${unread > 0 ? html`<b class="badge">${countWord(unread)}<span class="sr-only"> unread</span></b>` : nothing}
        </span>
      </span>
      ${peer && !isBot ? html`<span class="sr-only">${STATUS_WORDS[presence?.status ?? 'offline']}</span>` : nothing}
    </button>
  </li>`
}

/** A room one is invited to, or has asked to come into. */
export const pendingRow = (
  { room, pending }: { room: RoomPreview; pending: 'requested' | 'invited' },
  act: { accept: () => void; decline: () => void },
) => html`<li class="pending-row">
  ${roomSign(room)}
  <span class="what">
    <strong>${room.title || 'Room without a name'}</strong>
    <small>${pending === 'invited' ? 'You are invited' : 'Waiting for a moderator'}</small>
  </span>
  <span class="acts">
    ${pending === 'invited' ? html`<button class="button small primary" @click=${act.accept}>Accept</button>` : nothing}
    <button class="button small" @click=${act.decline}>${pending === 'invited' ? 'Decline' : 'Withdraw'}</button>
  </span>
</li>`
