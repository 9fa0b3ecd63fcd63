import { everyItem, type NotificationLevel, type Room, type Trunkline } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { LightElement } from '../design/element.ts'

const WORDS: Readonly<Record<NotificationLevel, string>> = {
  all: 'Everything',
  mentions: 'What mentions you',
  none: 'Nothing',
}

/** What of a room one is told while away. Fires `say`. */
export class RoomLevel extends LightElement {
  static override properties = {
    client: { attribute: false },
    room: { attribute: false },
    level: { state: true },
  }
  declare client: Trunkline
  declare room: Room
  /** null: as rooms of its kind are; undefined until it is known. */
  declare level: NotificationLevel | null | undefined

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('room')) return
    this.level = undefined
    void this.#load()
  }

  protected override render() {
    const { level, room } = this
    if (level === undefined) return nothing
    const usual = room.info?.kind === 'channel' ? WORDS.mentions : WORDS.all
    return html`<div class="field">
      <label for="tl-room-level">While you are away, you are told</label>
      <select
        class="select"
        id="tl-room-level"
        @change=${(event: Event) => void this.#set((event.target as HTMLSelectElement).value)}
      >
        <option value="" ?selected=${level === null}>${usual}, as usual</option>
        ${(Object.keys(WORDS) as NotificationLevel[]).map(
          one => html`<option value=${one} ?selected=${level === one}>${WORDS[one]}</option>`,
        )}
      </select>
    </div>`
  }

  async #load(): Promise<void> {
    const { room, client } = this
    let found: NotificationLevel | null = null
    try {
      for await (const one of everyItem(page => client.push.levels(page))) {
        if (one.roomId === room.id) found = one.level
      }
    } catch {
      // Without a connection there is nothing to choose.
      return
    }
    if (this.room === room) this.level = found
  }

  async #set(value: string): Promise<void> {
    const level = value === '' ? null : (value as NotificationLevel)
    try {
      await this.client.push.setLevel(this.room.id, level)
      this.level = level
    } catch (error) {
      this.dispatchEvent(new CustomEvent('say', { detail: (error as Error).message }))
    }
  }
}

customElements.define('tl-room-level', RoomLevel)
