import type { Room, Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { presenceDot, presenceWord } from '../design/presence.ts'
import { membersWord } from './access.ts'
import { roomSign } from './room-sign.ts'
import { peerOf, titleOf } from './titles.ts'

/** What the open room is called, who the other one is, and the ways to its details and its call. Fires `back`, `details`. */
export class RoomHeader extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    callLink: {},
    details: { type: Boolean },
  }
  declare room: Room
  declare client: Trunkline
  /** Where its call is joined. */
  declare callLink: string
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
            ? html`<tl-avatar .name=${peer.name} userId=${peer.id} .picture=${peer.avatar}></tl-avatar>${presenceDot(presence?.status ?? 'offline')}`
            : info && roomSign(info)
        }
      </span>
      <span class="what">
        <h1>${info ? titleOf(info, peer) : html`<span class="spinner"></span>`}</h1>
        <small>${info ? this.#about(presence && presenceWord(presence)) : 'Opening'}</small>
      </span>
      ${
        room.canCall && room.can('call')
          ? html`<a class="icon-button" href=${this.callLink} target="_blank" aria-label="Call" title="Call">${icon('camera')}</a>`
          : nothing
      }
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
