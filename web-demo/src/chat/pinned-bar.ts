import { everyItem, type Room, type RoomMessage } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { ask } from './actions.ts'
import { openDialog } from './dialog.ts'
import './pins.ts'
import { gistOf } from './quote.ts'

const CHANGES: ReadonlySet<string> = new Set([
  'message.pinned',
  'message.unpinned',
  'message.deleted',
  'message.edited',
])

/** The message pinned last, above the others; a click goes to it, and the rest stand in a list. */
export class PinnedBar extends LightElement {
  static override properties = { room: { attribute: false }, pins: { state: true } }
  declare room: Room
  declare pins: readonly RoomMessage[]
  #stops: (() => void)[] = []
  #asked = 0

  constructor() {
    super()
    this.pins = []
  }

  override connectedCallback(): void {
    super.connectedCallback()
    if (this.hasUpdated) this.#listen()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#unlisten()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('room')) this.#listen()
  }

  protected override render() {
    const [latest] = this.pins
    if (!latest) return nothing
    const count = this.pins.length
    return html`<div class="pinned" role="region" aria-label="Pinned messages">
      <button type="button" class="latest" title="Go to this message" @click=${() => ask(this, { do: 'show', seq: latest.seq })}>
        ${icon('pin')}<span><strong>Pinned</strong>${gistOf(latest)}</span>
      </button>
      <button type="button" class="all" @click=${() => this.#list()}>${count === 1 ? 'Details' : `All ${count}`}</button>
    </div>`
  }

  #unlisten(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  #listen(): void {
    this.#unlisten()
    this.pins = []
    this.#stops = [
      this.room.on('state', state => {
        if (state === 'open') void this.#load()
      }),
      this.room.on('event', ({ type }) => {
        if (CHANGES.has(type)) void this.#load()
      }),
    ]
    if (this.room.state === 'open') void this.#load()
  }

  async #load(): Promise<void> {
    this.#asked += 1
    const asked = this.#asked
    const pins = await Array.fromAsync(everyItem(page => this.room.pins(page))).catch(() => undefined)
    if (pins && asked === this.#asked) this.pins = pins
  }

  #list(): void {
    openDialog(
      this,
      'Pinned messages',
      close => html`<tl-pins .room=${this.room} .pins=${this.pins} @act=${close} @empty=${close}></tl-pins>`,
    )
  }
}

customElements.define('tl-pinned-bar', PinnedBar)
