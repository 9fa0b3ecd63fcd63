import type { Member, PresenceStatus, Room, Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { botBadge } from '../bots/badge.ts'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { presenceDot, presenceWord, STATUS_WORDS } from '../design/presence.ts'

const ORDER: PresenceStatus[] = ['online', 'away', 'dnd', 'offline']
/** So many at a time: of a large room nobody reads all. */
const SHOWN = 100

/** Who is in the room, the present ones first. With a `client`, members can be chosen: fires `choose`. */
export class Members extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    outside: { type: Boolean },
    shown: { state: true },
  }
  declare room: Room
  declare client: Trunkline | undefined
  /** Those alone who are not in the room's call, below a heading; nothing when there are none. */
  declare outside: boolean
  declare shown: number

  constructor() {
    super()
    this.shown = SHOWN
    this.outside = false
    this.follow(() => this.room)
    this.follow(() => this.client?.presence)
  }

  protected override render() {
    const { room, shown } = this
    // Bots have no presence: they stand behind the people.
    const rank = ({ user }: Member) =>
      user.kind === 'bot' ? ORDER.length : ORDER.indexOf(room.presenceOf(user.id))
    const members = room.members
      .filter(({ user }) => !this.outside || !this.#isInCall(user.id))
      .sort((a, b) => rank(a) - rank(b) || a.user.name.localeCompare(b.user.name))
    if (this.outside && members.length === 0) return nothing
    return html`${this.outside ? html`<h3 class="heading">Not in the call</h3>` : nothing}<ul class="members">
        ${repeat(
          members.slice(0, shown),
          ({ user }) => user.id,
          member => this.#member(member),
        )}
      </ul>
      ${
        members.length > shown
          ? html`<button
              class="button small"
              @click=${() => {
                this.shown += SHOWN
              }}
            >
              Show ${Math.min(SHOWN, members.length - shown)} more
            </button>`
          : nothing
      }`
  }

  #isInCall(userId: string): boolean {
    return this.room.liveCall?.participants.some(it => it.userId === userId) ?? false
  }

  #member(member: Member) {
    const { room, client } = this
    const { user, role } = member
    const status = room.presenceOf(user.id)
    const isBot = user.kind === 'bot'
    const presence = client ? presenceWord(client.presence.of(user.id)) : STATUS_WORDS[status]
    const about = [!isBot && presence, (role === 'owner' || role === 'moderator') && role].filter(Boolean)
    const isCalling = this.#isInCall(user.id)
    const isOwn = user.id === room.me?.user.id
    const row = html`<span class="face"
        ><tl-avatar .name=${user.name} userId=${user.id} .picture=${room.files.addressOf(user.avatar)}></tl-avatar>${isBot ? nothing : presenceDot(status)}</span
      >
      <span class="name">
        <strong>${user.name}${isOwn ? html`<span class="muted"> (you)</span>` : nothing}${botBadge(user)}</strong>
        <small>${about.join(', ')}</small>
      </span>
      ${isCalling ? html`<span class="calling">${icon('camera')}In the call</span>` : nothing}`
    return html`<li class=${isBot ? 'bot' : status}>
      ${
        client
          ? html`<button
              class="row"
              aria-haspopup="dialog"
              @click=${() => this.dispatchEvent(new CustomEvent('choose', { detail: member }))}
            >
              ${row}
            </button>`
          : html`<span class="row">${row}</span>`
      }
    </li>`
  }
}

customElements.define('tl-members', Members)
