import { type CallRecord, LIMITS, type Trunkline, type User } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { durationWord, momentWord } from '../chat/words.ts'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { roomSign } from '../messenger/room-sign.ts'
import { titleOfEntry } from '../messenger/titles.ts'
import { callIcon, callWord, isOwn } from './call-words.ts'

const PAGE = 30

/** Calls of all one's rooms, the latest first. Fires `open` with a room's id, `call` with a room's id and for what. */
export class CallList extends LightElement {
  static override properties = {
    client: { attribute: false },
    records: { state: true },
    cursor: { state: true },
    fault: { state: true },
  }
  declare client: Trunkline
  declare records: readonly CallRecord[] | undefined
  declare cursor: string | undefined
  declare fault: string | undefined
  #stops: (() => void)[] = []
  #latest = ''

  override connectedCallback(): void {
    super.connectedCallback()
    // A call that began or ended shows in the list of rooms first.
    this.#stops = [this.client.inbox.on('changed', () => this.#look())]
    void this.#load()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    for (const stop of this.#stops) stop()
  }

  protected override render() {
    const { records } = this
    if (this.fault) return html`<p class="empty" role="alert">${this.fault}</p>`
    if (!records)
      return html`<p class="empty" role="status"><span class="spinner"></span>Loading your calls</p>`
    if (records.length === 0)
      return html`<p class="empty">No calls yet. Open a room and press the receiver or the camera.</p>`
    return html`<nav aria-label="Calls">
      <ul class="rooms">
        ${records.map(record => this.#row(record))}
      </ul>
      ${this.cursor ? html`<button class="fold" @click=${() => void this.#earlier()}>Show earlier calls</button>` : nothing}
    </nav>`
  }

  #row(record: CallRecord) {
    const entry = this.client.inbox.get(record.roomId)
    if (!entry) return nothing
    const me = entry.me.user
    const { peer, room } = entry
    const title = titleOfEntry(entry)
    const isMissed = record.outcome === 'missed' && !isOwn(record, me.id)
    const media = record.media ?? 'video'
    return html`<li class="call-row">
      <button class="room-row" @click=${() => this.#fire('open', record.roomId)}>
        <span class="face">
          ${peer ? html`<tl-avatar .name=${peer.name} userId=${peer.id} .picture=${peer.avatar}></tl-avatar>` : roomSign(room)}
        </span>
        <span class="what">
          <span class="line"><strong>${title}</strong></span>
          <span class="line ${isMissed ? 'missed' : ''}">
            ${icon(callIcon(record, me.id))}<small>${callWord(record, me.id)}</small>
          </span>
          <span class="line"><small><time datetime=${record.startedAt}>${momentWord(record.startedAt)}</time>${this.#more(record, me, peer)}</small></span>
        </span>
      </button>
      <button
        class="icon-button"
        aria-label="Call ${title}"
        title=${media === 'video' ? 'Video call' : 'Voice call'}
        @click=${() => this.#fire('call', { roomId: record.roomId, media })}
      >
        ${icon(media === 'video' ? 'camera' : 'phone')}
      </button>
    </li>`
  }

  /** Who rang, where it may have been several, or how long it was. */
  #more({ from, outcome, durationMs }: CallRecord, me: User, peer: User | undefined): string {
    if (outcome === 'answered' && durationMs !== undefined) return `, ${durationWord(durationMs)}`
    return from && !peer && from.id !== me.id ? `, ${from.name}` : ''
  }

  /** Once more from the beginning, when something about calls changed. */
  #look(): void {
    const latest = this.client.inbox.rooms.map(({ lastCall }) => JSON.stringify(lastCall ?? '')).join()
    if (latest === this.#latest) return
    this.#latest = latest
    void this.#load()
  }

  async #load(): Promise<void> {
    try {
      const limit = Math.min(LIMITS.pageSize, Math.max(PAGE, this.records?.length ?? 0))
      const page = await this.client.rings.history({ limit })
      this.records = page.data
      this.cursor = page.nextCursor
      this.fault = undefined
    } catch (error) {
      this.fault = (error as Error).message
    }
  }

  async #earlier(): Promise<void> {
    const { cursor } = this
    if (!cursor) return
    try {
      const page = await this.client.rings.history({ limit: PAGE, cursor })
      this.records = [...(this.records ?? []), ...page.data]
      this.cursor = page.nextCursor
    } catch (error) {
      this.dispatchEvent(new CustomEvent('say', { detail: (error as Error).message }))
    }
  }

  #fire(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}

customElements.define('tl-call-list', CallList)
