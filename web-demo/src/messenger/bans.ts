import type { Ban, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { RoomPages } from './room-pages.ts'

const timeFormat = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' })

const banWord = ({ until, reason }: Ban): string => {
  const end = until ? `Until ${timeFormat.format(new Date(until))}` : 'For ever'
  return reason ? `${end}: ${reason}` : end
}

/** Who is banned from the room; for those who moderate. Fires `say`. */
export class Bans extends LightElement {
  static override properties = { room: { attribute: false } }
  declare room: Room
  readonly #bans = new RoomPages<Ban>(this, room => room.bans())

  protected override render() {
    const { items, hasMore } = this.#bans
    if (items.length === 0) return nothing
    return html`<h4>Banned</h4>
      <ul class="people-list" aria-label="Banned">
        ${items.map(
          ban => html`<li>
            <tl-avatar .name=${ban.user.name} userId=${ban.user.id} .picture=${ban.user.avatar}></tl-avatar>
            <span class="what"><strong>${ban.user.name}</strong><small>${banWord(ban)}</small></span>
            <button class="button small" aria-label="Unban ${ban.user.name}" @click=${() => void this.#unban(ban)}>Unban</button>
          </li>`,
        )}
      </ul>
      ${hasMore ? html`<p class="muted">There are more; unban some to see them.</p>` : nothing}`
  }

  async #unban({ user }: Ban): Promise<void> {
    try {
      await this.room.unban(user.id)
    } catch (error) {
      this.dispatchEvent(new CustomEvent('say', { detail: (error as Error).message }))
    }
  }
}

customElements.define('tl-bans', Bans)
