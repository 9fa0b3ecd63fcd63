import { RIGHTS, type Room, type Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { titleOfEntry } from '../messenger/titles.ts'

/** The rooms one may write in, to say a message again in one of them. Fires `forwarded` with the room's title. */
export class Forward extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    seq: { type: Number },
    query: { state: true },
    busy: { state: true },
    fault: { state: true },
  }
  declare room: Room
  declare client: Trunkline
  declare seq: number
  declare query: string
  declare busy: boolean
  declare fault: string | undefined

  constructor() {
    super()
    this.query = ''
    this.busy = false
    this.follow(() => this.client.inbox)
  }

  protected override render() {
    const wanted = this.query.trim().toLocaleLowerCase()
    const entries = this.client.inbox.rooms.filter(
      entry => RIGHTS[entry.me.role].write && titleOfEntry(entry).toLocaleLowerCase().includes(wanted),
    )
    return html`<input
        class="input"
        type="search"
        aria-label="Find a room"
        placeholder="Find a room"
        .value=${this.query}
        @input=${(event: Event) => {
          this.query = (event.target as HTMLInputElement).value
        }}
      />
      ${this.fault ? html`<p class="failure" role="alert">${this.fault}</p>` : nothing}
      <ul class="choose">
        ${repeat(
          entries,
          ({ room }) => room.id,
          entry => html`<li>
            <button type="button" ?disabled=${this.busy} @click=${() => void this.#forward(entry.room.id, titleOfEntry(entry))}>
              ${
                entry.peer
                  ? html`<tl-avatar .name=${entry.peer.name} userId=${entry.peer.id} .picture=${entry.peer.avatar}></tl-avatar>`
                  : html`<span class="sign">${icon(entry.room.kind === 'channel' ? 'channel' : 'people')}</span>`
              }<span>${titleOfEntry(entry)}</span>
            </button>
          </li>`,
        )}
      </ul>
      ${entries.length === 0 ? html`<p class="muted">No room of yours is called so where you may write.</p>` : nothing}`
  }

  async #forward(roomId: string, title: string): Promise<void> {
    this.busy = true
    this.fault = undefined
    try {
      await this.room.forward(this.seq, roomId)
      this.dispatchEvent(new CustomEvent('forwarded', { detail: title }))
    } catch (error) {
      this.fault = (error as Error).message
    } finally {
      this.busy = false
    }
  }
}

customElements.define('tl-forward', Forward)
