import type { InboxEntry, Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { LightElement } from '../design/element.ts'
import { Names } from './names.ts'
import { pendingRow, roomRow } from './room-row.ts'

/** One's rooms by latest activity, and those one is invited to. Fires `open` with a room's id, `say` with a sentence. */
export class RoomList extends LightElement {
  static override properties = {
    client: { attribute: false },
    openRoomId: {},
    showsArchived: { state: true },
  }
  declare client: Trunkline
  declare openRoomId: string | undefined
  declare showsArchived: boolean
  #watched = ''
  #names: Names | undefined

  constructor() {
    super()
    this.showsArchived = false
    this.follow(() => this.client.inbox)
    this.follow(() => this.client.presence)
  }

  protected override render() {
    const { client } = this
    const { inbox } = client
    if (inbox.state === 'loading')
      return html`<p class="empty" role="status"><span class="spinner"></span>Loading your rooms</p>`
    const { rooms, archived, pending } = inbox
    this.#names ??= new Names(client, () => this.requestUpdate())
    this.#watchPeers()
    return html`<nav aria-label="Rooms">
      ${
        pending.length > 0
          ? html`<ul class="pending" aria-label="Invitations and requests">
              ${pending.map(entry =>
                pendingRow(entry, {
                  accept: () => void this.#act(this.client.room(entry.room.id).accept(), entry.room.id),
                  decline: () => void this.#act(this.client.room(entry.room.id).leave()),
                }),
              )}
            </ul>`
          : nothing
      }
      ${rooms.length === 0 ? html`<p class="empty">You are in no room yet. Make one with +, or follow a channel you find by the compass.</p>` : nothing}
      ${this.#rows(rooms)}
      ${
        archived.length > 0
          ? html`<button class="fold" aria-expanded=${this.showsArchived} @click=${this.#fold}>
                ${this.showsArchived ? 'Hide' : 'Show'} archived (${archived.length})
              </button>
              ${this.showsArchived ? this.#rows(archived) : nothing}`
          : nothing
      }
    </nav>`
  }

  #rows(entries: readonly InboxEntry[]) {
    return html`<ul class="rooms">
      ${repeat(
        entries,
        entry => entry.room.id,
        entry =>
          roomRow({
            entry,
            isOpen: entry.room.id === this.openRoomId,
            presence: entry.peer && this.client.presence.of(entry.peer.id),
            nameOf: userId => this.#names?.of(userId),
            open: () => this.dispatchEvent(new CustomEvent('open', { detail: entry.room.id })),
          }),
      )}
    </ul>`
  }

  /** Oneself and the people of direct rooms are shown with their presence, whether their room is open or not. */
  #watchPeers(): void {
    const ids = this.client.inbox.rooms.flatMap(({ peer, me }) => [me.user.id, ...(peer ? [peer.id] : [])])
    if (ids.join() === this.#watched) return
    this.#watched = ids.join()
    this.client.presence.watch(ids).catch(() => {
      this.#watched = ''
    })
  }

  readonly #fold = () => {
    this.showsArchived = !this.showsArchived
  }

  async #act(work: Promise<unknown>, open?: string): Promise<void> {
    try {
      await work
      if (open) this.dispatchEvent(new CustomEvent('open', { detail: open }))
    } catch (error) {
      this.dispatchEvent(new CustomEvent('say', { detail: (error as Error).message }))
    }
  }
}

customElements.define('tl-room-list', RoomList)
