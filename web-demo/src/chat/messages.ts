import { type Room, textOf } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import './message.ts'
import type { Message } from './message.ts'
import { type TimelineItem, timelineOf } from './timeline.ts'

/** Within this many pixels of the end one counts as reading along. */
const NEAR_END = 80
/** With this many pixels left above, earlier messages are fetched. */
const NEAR_START = 300

/** The log of a room, scrolled: it follows the end while one is there, and stays where it is when one is not. */
export class Messages extends LightElement {
  static override properties = {
    room: { attribute: false },
    unseen: { state: true },
    spoken: { state: true },
    loading: { state: true },
  }
  declare room: Room
  /** Messages that came while one was further up. */
  declare unseen: number
  /** The newest message of others, for screen readers. */
  declare spoken: string
  declare loading: boolean
  #following = true
  #top = 0
  #before: { first: number | undefined; height: number; top: number } | undefined
  #stop: (() => void) | undefined
  readonly #observer = new ResizeObserver(() => this.#settle())

  constructor() {
    super()
    this.unseen = 0
    this.spoken = ''
    this.loading = false
    this.follow(() => this.room)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#observer.disconnect()
    this.#stop?.()
    this.#stop = undefined
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('room') || !this.#stop) this.#listen()
    const scroll = this.#scroll
    if (scroll)
      this.#before = { first: this.#before?.first, height: scroll.scrollHeight, top: scroll.scrollTop }
  }

  protected override firstUpdated(): void {
    const list = this.querySelector('.list')
    if (this.#scroll) this.#observer.observe(this.#scroll)
    // Grows by itself when a message changes.
    if (list) this.#observer.observe(list)
  }

  protected override updated(): void {
    const first = this.room.events[0]?.seq
    const { first: firstBefore, height = 0, top = 0 } = this.#before ?? {}
    const prepended = first !== undefined && firstBefore !== undefined && first < firstBefore
    this.#before = { first, height, top }
    void this.#place(prepended ? height - top : undefined)
  }

  /** Keeps the distance from the end when messages were put above, else follows the end. Before anything is painted. */
  async #place(fromEnd: number | undefined): Promise<void> {
    // Messages render themselves a moment later, and have no height until then.
    await Promise.all(
      Array.from(this.querySelectorAll<Message>('tl-message'), message => message.updateComplete),
    )
    const scroll = this.#scroll
    if (!scroll) return
    if (fromEnd !== undefined) scroll.scrollTop = scroll.scrollHeight - fromEnd
    else if (this.#following) scroll.scrollTop = scroll.scrollHeight
    if (scroll.scrollHeight <= scroll.clientHeight + NEAR_START) void this.#earlier()
  }

  protected override render() {
    const { room } = this
    const { id = '', name = '' } = room.me?.user ?? {}
    const items = timelineOf({
      events: room.events,
      pending: room.pending,
      me: { id, name },
      nameOf: userId => room.member(userId)?.user.name,
    })
    const empty = !items.some(({ kind }) => kind === 'message')
    return html`<div class="scroll" role="region" aria-label="Messages" tabindex="0" @scroll=${this.#onScroll}>
        <div class="list">
          ${repeat(
            items,
            ({ key }) => key,
            item => this.#item(item),
          )}
          ${empty ? html`<p class="empty">No messages yet. Say hello.</p>` : nothing}
        </div>
      </div>
      ${this.loading ? html`<p class="loading"><span class="spinner"></span></p>` : nothing}
      ${
        this.unseen > 0
          ? html`<button class="newer" @click=${() => this.#toEnd()}>
              ${this.unseen === 1 ? '1 new message' : `${this.unseen} new messages`}${icon('down')}
            </button>`
          : nothing
      }
      <p class="sr-only" aria-live="polite">${this.spoken}</p>`
  }

  #item(item: TimelineItem) {
    if (item.kind === 'message') return html`<tl-message .room=${this.room} .item=${item}></tl-message>`
    if (item.kind === 'day') return html`<h3 class="day"><span>${item.text}</span></h3>`
    return html`<p class="system">${item.text}</p>`
  }

  #listen(): void {
    this.#stop?.()
    this.#stop = this.room.on('message', event => {
      if (event.sender === this.room.me?.user.id) {
        this.#following = true
        return
      }
      const name = this.room.member(event.sender ?? '')?.user.name ?? event.sender ?? 'Somebody'
      this.spoken = `${name}: ${textOf(event.data.parts) ?? 'a picture'}`
      if (!this.#following) this.unseen += 1
    })
  }

  get #scroll(): HTMLElement | null {
    return this.querySelector('.scroll')
  }

  #onScroll(): void {
    const scroll = this.#scroll
    if (!scroll) return
    const nearEnd = scroll.scrollHeight - scroll.scrollTop - scroll.clientHeight < NEAR_END
    // Being far from the end because something grew is not leaving it; only scrolling up is.
    if (nearEnd) this.#following = true
    else if (scroll.scrollTop < this.#top) this.#following = false
    this.#top = scroll.scrollTop
    if (this.#following) this.unseen = 0
    if (scroll.scrollTop < NEAR_START) void this.#earlier()
  }

  /** The space changed (a keyboard, a longer draft): what was at the end stays at the end. */
  #settle(): void {
    const scroll = this.#scroll
    if (scroll && this.#following) scroll.scrollTop = scroll.scrollHeight
  }

  #toEnd(): void {
    this.#following = true
    this.unseen = 0
    this.#scroll?.scrollTo({ top: this.#scroll.scrollHeight, behavior: 'smooth' })
  }

  async #earlier(): Promise<void> {
    if (this.loading || !this.room.hasEarlier || this.room.state !== 'open') return
    this.loading = true
    await this.room.loadEarlier().catch(() => undefined)
    this.loading = false
  }
}

customElements.define('tl-messages', Messages)
