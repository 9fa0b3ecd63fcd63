import type { RingMedia, Room, Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { presenceDot, presenceWord } from '../design/presence.ts'
import { membersWord } from './access.ts'
import { roomSign } from './room-sign.ts'
import { peerOf, titleOf } from './titles.ts'

/** What the open room is called, who the other one is, and the ways to its details and its call. Fires `back`, `details`, `call` with for what. */
export class RoomHeader extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    callRoomId: {},
    details: { type: Boolean },
  }
  declare room: Room
  declare client: Trunkline
  /** The room of the call one is in. */
  declare callRoomId: string | undefined
  /** Whether the details are shown. */
  declare details: boolean

  constructor() {
    super()
    this.follow(() => this.room)
    this.follow(() => this.client.presence)
  }

  protected override render() {
    const { room } = this
    const { info } = room
    const peer = peerOf(room)
    const presence = peer && this.client.presence.of(peer.id)
    return html`<header class="room-header">
      <button class="icon-button back" aria-label="Back to your rooms" @click=${() => this.dispatchEvent(new CustomEvent('back'))}>
        ${icon('back')}
      </button>
      <span class="face">
        ${
          peer
            ? html`<tl-avatar .name=${peer.name} userId=${peer.id} .picture=${peer.avatar}></tl-avatar>${peer.kind === 'bot' ? nothing : presenceDot(presence?.status ?? 'offline')}`
            : info && roomSign(info)
        }
      </span>
      <span class="what">
        <h1>${info ? titleOf(info, peer) : html`<span class="spinner"></span>`}</h1>
        <small>${info ? this.#about(peer?.kind === 'bot' ? 'Bot' : presence && presenceWord(presence)) : 'Opening'}</small>
      </span>
      ${room.canCall && room.can('call') ? this.#calls() : nothing}
      <button
        class="icon-button"
        aria-label="About this room"
        title="About this room"
        aria-pressed=${this.details}
        @click=${() => this.dispatchEvent(new CustomEvent('details'))}
      >
        ${icon('people')}
      </button>
    </header>`
  }

  #calls() {
    const { room } = this
    const call = (media: RingMedia) => () => this.dispatchEvent(new CustomEvent('call', { detail: media }))
    const others = new Set(room.liveCall?.participants.map(({ userId }) => userId))
    // Whoever has to be let in is not told who is there.
    const isClosed = others.size === 0 && (room.liveCall?.lobby || room.liveCall?.locked)
    if (others.size > 0 || isClosed) {
      const word = this.callRoomId === room.id ? 'Return' : 'Join'
      const label = isClosed ? 'Ask to join the call' : `${word} to the call, ${others.size} in it`
      return html`<button class="button small calls-join" aria-label=${label} @click=${call('video')}>
        ${icon('camera')}${word}
      </button>`
    }
    return html`<button class="icon-button" aria-label="Voice call" title="Voice call" @click=${call('audio')}>${icon('phone')}</button>
      <button class="icon-button" aria-label="Video call" title="Video call" @click=${call('video')}>${icon('camera')}</button>`
  }

  #about(presence: string | undefined): string {
    const { info, state } = this.room
    if (state === 'reconnecting') return 'Reconnecting'
    if (presence !== undefined) return presence
    const people = membersWord(info?.memberCount ?? 0)
    const archived = info?.archivedAt ? 'Archived, ' : ''
    return `${archived}${people}${info?.description ? ` · ${info.description}` : ''}`
  }
}

customElements.define('tl-room-header', RoomHeader)
