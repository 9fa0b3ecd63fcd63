import type { RoomPreview, Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { membersWord } from './access.ts'
import { dialogCard } from './dialog.ts'
import { roomSign } from './room-sign.ts'

/** Channels there are to follow. Fires `open` with the id of one that was entered. */
export class Discover extends LightElement {
  static override properties = {
    client: { attribute: false },
    open: { state: true },
    query: { state: true },
    channels: { state: true },
    note: { state: true },
  }
  declare client: Trunkline
  declare open: boolean
  declare query: string
  declare channels: RoomPreview[] | undefined
  /** What became of the last thing that was done. */
  declare note: string | undefined

  constructor() {
    super()
    this.open = false
    this.query = ''
  }

  protected override updated(): void {
    const dialog = this.querySelector('dialog')
    if (this.open && dialog && !dialog.open) dialog.showModal()
  }

  protected override render() {
    const label = 'Discover channels'
    return html`<button class="icon-button" aria-label=${label} title=${label} aria-haspopup="dialog" @click=${this.#show}>
        ${icon('compass')}
      </button>
      ${
        this.open
          ? dialogCard({
              title: label,
              body: this.#body(),
              closed: () => {
                this.open = false
              },
            })
          : nothing
      }`
  }

  #body() {
    const { channels } = this
    return html`<div class="stack">
      <input
        class="input"
        type="search"
        aria-label="Search channels"
        placeholder="Search channels"
        .value=${this.query}
        @input=${(event: Event) => {
          this.query = (event.target as HTMLInputElement).value
          void this.#load()
        }}
      />
      ${this.note ? html`<p class="notice" role="status">${this.note}</p>` : nothing}
      ${channels?.length === 0 ? html`<p class="empty">${this.query.trim() ? 'There is no channel of this name to follow.' : 'There is no channel to follow yet. Make the first.'}</p>` : nothing}
      <ul class="people-list" aria-label="Channels">
        ${channels?.map(
          channel => html`<li>
            ${roomSign(channel)}
            <span class="what">
              <strong>${channel.title || 'Channel without a name'}</strong>
              <small>${membersWord(channel.memberCount)}${channel.description ? ` · ${channel.description}` : ''}</small>
            </span>
            <button class="button small" @click=${() => void this.#follow(channel)}>
              ${this.client.inbox.get(channel.id) ? 'Open' : channel.access === 'open' ? 'Follow' : 'Ask to follow'}
            </button>
          </li>`,
        )}
      </ul>
    </div>`
  }

  readonly #show = () => {
    this.open = true
    this.query = ''
    this.note = undefined
    void this.#load()
  }

  async #load(): Promise<void> {
    const query = this.query.trim()
    try {
      const { data } = await this.client.channels(query ? { query } : {})
      if (this.query.trim() === query) this.channels = data
    } catch (error) {
      this.note = (error as Error).message
    }
  }

  async #follow(channel: RoomPreview): Promise<void> {
    try {
      const known = this.client.inbox.get(channel.id)
      const member = known?.me ?? (await this.client.room(channel.id).follow())
      if (member.role === 'pending') {
        this.note = `A moderator of ${channel.title} will let you in.`
        return
      }
      this.querySelector('dialog')?.close()
      this.dispatchEvent(new CustomEvent('open', { detail: channel.id }))
    } catch (error) {
      this.note = (error as Error).message
    }
  }
}

customElements.define('tl-discover', Discover)
