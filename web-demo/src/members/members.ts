import type { Member, PresenceStatus, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

const WORDS: Record<PresenceStatus, string> = {
  online: 'Online',
  away: 'Away',
  dnd: 'Do not disturb',
  offline: 'Offline',
}
const ORDER: PresenceStatus[] = ['online', 'away', 'dnd', 'offline']

/** Who is in the room, the present ones first. */
export class Members extends LightElement {
  static override properties = { room: { attribute: false } }
  declare room: Room

  constructor() {
    super()
    this.follow(() => this.room)
  }

  protected override render() {
    const { room } = this
    const rank = (member: Member) => ORDER.indexOf(room.presenceOf(member.user.id))
    const members = room.members
      .filter(({ role }) => role !== 'banned' && role !== 'pending')
      .sort((a, b) => rank(a) - rank(b) || a.user.name.localeCompare(b.user.name))
    const calling = new Set(room.liveCall?.participants.map(({ userId }) => userId))
    return html`<ul class="members">
      ${repeat(
        members,
        ({ user }) => user.id,
        ({ user, role }) => {
          const status = room.presenceOf(user.id)
          return html`<li class=${status}>
            <span class="face">
              <tl-avatar .name=${user.name} userId=${user.id}></tl-avatar><i class="dot ${status}"></i>
            </span>
            <span class="name">
              <strong>${user.name}${user.id === room.me?.user.id ? html`<span class="muted"> (you)</span>` : nothing}</strong>
              <small>${WORDS[status]}${role === 'owner' || role === 'moderator' ? `, ${role}` : ''}</small>
            </span>
            ${calling.has(user.id) ? html`<span class="calling">${icon('camera')}In the call</span>` : nothing}
          </li>`
        },
      )}
    </ul>`
  }
}

customElements.define('tl-members', Members)
