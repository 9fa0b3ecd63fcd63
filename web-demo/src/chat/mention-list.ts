import type { Member, Room } from '@trunkline/sdk'
import { html } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { reveal } from './reveal.ts'

/** Those whose mention is being written, above the field; the field keeps the focus. Fires `choose` with a member. */
export class MentionList extends LightElement {
  static override properties = {
    room: { attribute: false },
    listId: {},
    members: { attribute: false },
    chosen: { type: Number },
  }
  declare room: Room
  declare listId: string
  declare members: readonly Member[]
  /** Which one Enter takes. */
  declare chosen: number

  protected override updated(): void {
    const list = this.querySelector<HTMLElement>('ul')
    const chosen = this.querySelector<HTMLElement>('[aria-selected=true]')
    if (list && chosen) reveal(list, chosen, 'nearest')
  }

  protected override render() {
    return html`<ul class="mentions" role="listbox" id=${this.listId} aria-label="Members to mention">
      ${this.members.map(
        (member, index) => html`<li
          role="option"
          id="${this.listId}-${index}"
          aria-selected=${index === this.chosen}
          @pointerdown=${(event: Event) => {
            // The field would lose the focus.
            event.preventDefault()
          }}
          @click=${() => this.dispatchEvent(new CustomEvent('choose', { detail: member }))}
        >
          <tl-avatar .name=${member.user.name} userId=${member.user.id} .picture=${this.room.files.addressOf(member.user.avatar)}></tl-avatar>${member.user.name}
        </li>`,
      )}
    </ul>`
  }
}

customElements.define('tl-mention-list', MentionList)
