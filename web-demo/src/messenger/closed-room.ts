import type { Room, Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/**
 * A room one is not in: an invitation can be accepted from here, a channel followed. Once one is in, the room opens by
 * itself. Fires `back`, `say`.
 */
export class ClosedRoom extends LightElement {
  static override properties = { room: { attribute: false }, client: { attribute: false } }
  declare room: Room
  declare client: Trunkline

  constructor() {
    super()
    this.follow(() => this.room)
    this.follow(() => this.client.inbox)
  }

  protected override render() {
    const { room } = this
    const entry = this.client.inbox.pending.find(it => it.room.id === room.id)
    return html`<div class="centred">
      <span class="big">${icon('lock')}</span>
      <h1>${entry?.room.title || 'You are not in this room'}</h1>
      <p class="muted">${this.#about(entry?.pending)}</p>
      <div class="actions">
        ${
          entry?.pending === 'invited'
            ? html`<button class="button primary" @click=${() => void this.#act(room.accept())}>Accept the invitation</button>`
            : nothing
        }
        ${entry ? nothing : html`<button class="button primary" @click=${() => void this.#act(room.follow())}>Follow it</button>`}
        <button class="button" @click=${() => this.dispatchEvent(new CustomEvent('back'))}>Back to your rooms</button>
      </div>
    </div>`
  }

  #about(pending: 'invited' | 'requested' | undefined): string {
    if (pending === 'invited') return 'You are invited.'
    if (pending === 'requested')
      return 'You asked to come in. A moderator will let you in; it opens by itself then.'
    return this.room.error?.message ?? 'It does not open.'
  }

  async #act(work: Promise<unknown>): Promise<void> {
    try {
      await work
    } catch (error) {
      this.dispatchEvent(new CustomEvent('say', { detail: (error as Error).message }))
    }
  }
}

customElements.define('tl-closed-room', ClosedRoom)
