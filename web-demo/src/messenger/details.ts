import { LIMITS, type Member, type Room, type Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import '../files/gallery.ts'
import '../members/members.ts'
import { ACCESS_WORDS, membersWord, retentionWord } from './access.ts'
import './add-people.ts'
import './bans.ts'
import { confirm } from './confirm.ts'
import './member-card.ts'
import { presenceWord } from '../design/presence.ts'
import '../push/room-level.ts'
import type { MemberCard } from './member-card.ts'
import './requests.ts'
import './room-settings.ts'
import { roomSign } from './room-sign.ts'
import { peerOf, titleOf } from './titles.ts'

/** About the open room: what it is, who is in it, and what one may change. Fires `close`, `open`, `say`. */
export class Details extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    back: { type: Boolean },
  }
  declare room: Room
  declare client: Trunkline
  /** It stands where the room stood, not beside it. */
  declare back: boolean

  constructor() {
    super()
    this.follow(() => this.room)
    this.follow(() => this.client.presence)
    this.follow(() => this.client.blocks)
  }

  protected override render() {
    const { room } = this
    const close = () => this.dispatchEvent(new CustomEvent('close'))
    return html`<header class="side-header ${this.back ? 'back' : ''}">
        <h2>About</h2>
        <button class="icon-button" aria-label=${this.back ? 'Back to the room' : 'Close'} @click=${close}>
          ${icon(this.back ? 'back' : 'close')}
        </button>
      </header>
      <div class="details">${room.info ? [this.#identity(), this.#people(), this.#shared(), this.#end()] : nothing}</div>
      <tl-member-card .room=${room} .client=${this.client} @open=${this.#pass} @say=${this.#pass}></tl-member-card>`
  }

  #identity() {
    const { room, client } = this
    const { info } = room
    if (!info) return nothing
    const peer = peerOf(room)
    const access = ACCESS_WORDS.find(([name]) => name === info.access)?.[1]
    return html`<section class="identity" aria-label="What it is">
      ${peer ? html`<tl-avatar .name=${peer.name} userId=${peer.id} .picture=${peer.avatar}></tl-avatar>` : roomSign(info)}
      <h3>${titleOf(info, peer)}</h3>
      <p class="muted">
        ${peer ? (peer.kind === 'bot' ? 'Bot' : presenceWord(client.presence.of(peer.id))) : `${info.kind === 'channel' ? 'Channel' : 'Group'}, ${membersWord(info.memberCount)}`}
      </p>
      ${info.description ? html`<p class="description">${info.description}</p>` : nothing}
      <ul class="facts">
        ${info.kind === 'channel' ? html`<li>${icon('compass')}${access}</li>` : nothing}
        ${
          info.kind === 'direct'
            ? html`<li>${icon('lock')}Just the two of you</li>`
            : html`<li>${icon('pencil')}${info.defaultRole === 'publisher' ? 'Everybody may write' : 'Publishers write, members read'}</li>`
        }
        <li>${icon('clock')}${retentionWord(info.retentionDays)}</li>
        ${info.guests ? html`<li>${icon('link')}Guests with the link may come in</li>` : nothing}
        ${info.archivedAt ? html`<li>${icon('alert')}Archived: nobody writes here</li>` : nothing}
      </ul>
      <tl-room-level .room=${room} .client=${client} @say=${this.#pass}></tl-room-level>
      ${room.can('update') ? html`<tl-room-settings .room=${room}></tl-room-settings>` : nothing}
    </section>`
  }

  #people() {
    const { room, client } = this
    const peer = peerOf(room)
    if (peer) {
      const isBlocked = client.blocks.has(peer.id)
      return html`<section class="acts" aria-label="This person">
        ${isBlocked ? html`<p class="notice">You blocked ${peer.name}: nothing of theirs counts as unread.</p>` : nothing}
        <button
          class="act ${isBlocked ? '' : 'dangerous'}"
          @click=${() => this.#act(() => (isBlocked ? client.blocks.unblock(peer.id) : client.blocks.block(peer.id)))}
        >
          ${icon('alert')}${isBlocked ? 'Unblock' : 'Block'} ${peer.name}
        </button>
      </section>`
    }
    const isCut = room.members.length >= LIMITS.membersListed
    return html`<section aria-label="Members">
      <header class="section-header">
        <h3>Members</h3>
        ${room.can('invite') ? html`<tl-add-people .room=${room} .client=${client} @say=${this.#pass}></tl-add-people>` : nothing}
      </header>
      ${room.can('moderate') ? html`<tl-requests .room=${room} @say=${this.#pass}></tl-requests>` : nothing}
      <tl-members
        .room=${room}
        .client=${client}
        @choose=${(event: CustomEvent<Member>) => this.querySelector<MemberCard>('tl-member-card')?.show(event.detail.user.id)}
      ></tl-members>
      ${isCut ? html`<p class="muted">The first ${LIMITS.membersListed} are listed.</p>` : nothing}
      ${room.can('moderate') ? html`<tl-bans .room=${room} @say=${this.#pass}></tl-bans>` : nothing}
    </section>`
  }

  #shared() {
    return html`<section aria-label="Shared files">
      <header class="section-header"><h3>Shared</h3></header>
      <tl-gallery .room=${this.room}></tl-gallery>
    </section>`
  }

  #end() {
    const { room } = this
    const { info } = room
    if (!info || info.kind === 'direct') return nothing
    const mayAdminister = room.can('administer')
    return html`<section class="acts" aria-label="Leave or close">
      ${
        mayAdminister
          ? html`<button class="act" @click=${() => this.#act(() => (info.archivedAt ? room.restore() : room.archive()))}>
              ${icon('lock')}${info.archivedAt ? 'Restore' : 'Archive'} this room
            </button>`
          : nothing
      }
      <button class="act dangerous" @click=${this.#leave}>${icon('back')}Leave this room</button>
      ${mayAdminister ? html`<button class="act dangerous" @click=${this.#remove}>${icon('trash')}Delete this room</button>` : nothing}
    </section>`
  }

  readonly #leave = async () => {
    const { room } = this
    const isLastOwner =
      room.me?.role === 'owner' && room.members.filter(({ role }) => role === 'owner').length === 1
    const text = isLastOwner
      ? 'You own it. It passes on to whoever has been a moderator longest, else to another member.'
      : 'You will not hear of it any more.'
    const isSure = await confirm(this, { title: 'Leave this room?', text, action: 'Leave', dangerous: true })
    if (isSure) await this.#act(() => room.leave())
  }

  readonly #remove = async () => {
    const isSure = await confirm(this, {
      title: 'Delete this room?',
      text: 'Everything said in it goes, for everybody and for good.',
      action: 'Delete',
      dangerous: true,
    })
    if (isSure) await this.#act(() => this.room.remove())
  }

  /** What happens within is the concern of whoever shows us. */
  readonly #pass = (event: CustomEvent<string>) => {
    this.dispatchEvent(new CustomEvent(event.type, { detail: event.detail }))
  }

  async #act(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
    } catch (error) {
      this.dispatchEvent(new CustomEvent('say', { detail: (error as Error).message }))
    }
  }
}

customElements.define('tl-details', Details)
