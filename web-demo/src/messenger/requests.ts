import type { Member, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { RoomPages } from './room-pages.ts'

/** Who asks to come in, and who was invited and has not come; for those who moderate. Fires `say`. */
export class Requests extends LightElement {
  static override properties = { room: { attribute: false } }
  declare room: Room
  readonly #members = new RoomPages<Member>(this, room => room.pendingMembers())

  protected override render() {
    const { items } = this.#members
    if (items.length === 0) return nothing
    return html`<h4>Not in yet</h4>
      <ul class="people-list" aria-label="Not in yet">
        ${items.map(({ user, pending }) => {
          const hasAsked = pending === 'requested'
          const refusal = `${hasAsked ? 'Refuse' : 'Take back the invitation of'} ${user.name}`
          return html`<li>
            <tl-avatar .name=${user.name} userId=${user.id} .picture=${user.avatar}></tl-avatar>
            <span class="what"><strong>${user.name}</strong><small>${hasAsked ? 'Asks to come in' : 'Is invited'}</small></span>
            ${
              hasAsked
                ? html`<button
                    class="button small primary"
                    aria-label="Let ${user.name} in"
                    @click=${() => void this.#act(this.room.approve(user.id))}
                  >
                    Let in
                  </button>`
                : nothing
            }
            <button
              class="icon-button"
              aria-label=${refusal}
              title=${refusal}
              @click=${() => void this.#act(this.room.kick(user.id))}
            >
              ${icon('close')}
            </button>
          </li>`
        })}
      </ul>`
  }

  async #act(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.dispatchEvent(new CustomEvent('say', { detail: (error as Error).message }))
    }
  }
}

customElements.define('tl-requests', Requests)
