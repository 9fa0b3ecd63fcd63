import { type InboxEntry, LIMITS, type Presence, type RoomPreview } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { icon } from '../design/icons.ts'
import { dayOf, dayWord, timeOf } from '../chat/words.ts'
import { presenceDot, STATUS_WORDS } from './presence-dot.ts'
import { countWord, titleOfEntry } from './titles.ts'

type Row = {
  entry: InboxEntry
  isOpen: boolean
  presence: Presence | undefined
  open: () => void
}

/** When something was said: the time of today, else the day. */
const whenWord = (at: string): string => {
  const word = dayWord(dayOf(at))
  return word === 'Today' ? timeOf(at) : word
}

const lastWord = ({ lastMessage, me, room, peer }: InboxEntry): string => {
  if (!lastMessage) return room.kind === 'channel' ? room.description || 'Nothing said yet' : 'Nothing said yet'
  const text = lastMessage.text ?? 'A file'
  const isOwn = lastMessage.sender === me.user.id
  return isOwn ? `You: ${text}` : peer ? text : text
}

/** One of one's rooms in the list. */
export const roomRow = ({ entry, isOpen, presence, open }: Row) => {
  const { room, unread, mentions, activeAt, peer } = entry
  const title = titleOfEntry(entry)
  const most = LIMITS.unreadCounted
  return html`<li>
    <button class="room-row ${isOpen ? 'open' : ''} ${unread > 0 ? 'unread' : ''}" aria-current=${isOpen ? 'true' : nothing} @click=${open}>
      <span class="face">
        ${
          peer
            ? html`<tl-avatar .name=${peer.name} userId=${peer.id}></tl-avatar>${presenceDot(presence?.status ?? 'offline')}`
            : html`<span class="sign">${icon(room.kind === 'channel' ? 'channel' : 'people')}</span>`
        }
      </span>
      <span class="what">
        <strong>${title}</strong>
        <small>${lastWord(entry)}</small>
      </span>
      <span class="when">
        <time datetime=${activeAt}>${whenWord(activeAt)}</time>
        <span class="badges">
          ${mentions > 0 ? html`<b class="badge mention" title="Mentions of you">@${countWord(mentions, most)}<span class="sr-only"> mentions</span></b>` : nothing}
          ${unread > 0 ? html`<b class="badge">${countWord(unread, most)}<span class="sr-only"> unread</span></b>` : nothing}
        </span>
      </span>
      ${peer ? html`<span class="sr-only">${STATUS_WORDS[presence?.status ?? 'offline']}</span>` : nothing}
    </button>
  </li>`
}

/** A room one is invited to, or has asked to come into. */
export const pendingRow = (
  { room, pending }: { room: RoomPreview; pending: 'requested' | 'invited' },
  act: { accept: () => void; decline: () => void },
) => html`<li class="pending-row">
  <span class="sign">${icon(room.kind === 'channel' ? 'channel' : 'people')}</span>
  <span class="what">
    <strong>${room.title || 'Room without a name'}</strong>
    <small>${pending === 'invited' ? 'You are invited' : 'Waiting for a moderator'}</small>
  </span>
  ${pending === 'invited' ? html`<button class="button small primary" @click=${act.accept}>Accept</button>` : nothing}
  <button class="button small" @click=${act.decline}>${pending === 'invited' ? 'Decline' : 'Withdraw'}</button>
</li>`
