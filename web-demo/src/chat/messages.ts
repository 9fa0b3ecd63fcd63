import { type Room, type Trunkline, textOf } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { gistOfFiles } from '../files/gist.ts'
import { ask } from './actions.ts'
import './film-link.ts'
import './message.ts'
import type { Message } from './message.ts'
import { reveal } from './reveal.ts'
import { talkOf } from './talk.ts'
import { type SystemItem, type TimelineItem, timelineOf } from './timeline.ts'
import { repliesWord } from './words.ts'

/** Within this many pixels of the end one counts as reading along. */
const NEAR_END = 80
/** With this many pixels left above, earlier messages are fetched. */
const NEAR_START = 300
/** A message this many events back is scrolled to; what is older is shown by itself. */
const REACH = 600
/** A page on the way there. */
const PAGE = 200
/** For how long a message one went to stands out. */
const MARKED_MS = 2_500

/** What is said, scrolled: it follows the end while one is there, and stays where it is when one is not. */
export class Messages extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    threadOf: { attribute: false },
    unseen: { state: true },
    spoken: { state: true },
    loading: { state: true },
    marked: { state: true },
  }
  declare room: Room
  /** Knows rooms to forward to. */
  declare client: Trunkline | undefined
  /** The message whose thread is shown; the room itself without one. */
  declare threadOf: number | undefined
  /** Messages that came while one was further up. */
  declare unseen: number
  /** The newest message of others, for screen readers. */
  declare spoken: string
  declare loading: boolean
  declare marked: number | undefined
  #following = true
  #failed = false
  #top = 0
  /** What was unread when the room was opened. */
  #unread: { after: number; upTo: number } | undefined
  #before: { first: number | undefined; height: number; top: number } | undefined
  #stop: (() => void) | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
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
    clearTimeout(this.#timer)
    this.#stop?.()
    this.#stop = undefined
  }

  /** Scrolls to a message and marks it. Whether it is here: what is far back, or in a thread, is not. */
  async show(seq: number): Promise<boolean> {
    const { room } = this
    const isKnown = () => talkOf(room, this.threadOf).messages.some(message => message.seq === seq)
    const first = () => room.events[0]?.seq ?? 0
    if (this.threadOf === undefined && first() - seq <= REACH) {
      while (first() > seq && room.hasEarlier) if ((await room.loadEarlier(PAGE)).length === 0) break
    }
    if (!isKnown() || room !== this.room) return false
    this.#following = false
    this.marked = seq
    this.requestUpdate()
    await this.updateComplete
    await this.#drawn()
    const message = this.querySelector<HTMLElement>('tl-message.marked .message')
    if (message && this.#scroll) reveal(this.#scroll, message, 'center')
    message?.focus({ preventScroll: true })
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.marked = undefined
    }, MARKED_MS)
    return true
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('room') || changed.has('threadOf')) this.#begin()
    if (!this.#stop) this.#listen()
    const { room } = this
    if (room.state !== 'open') this.#failed = false
    else if (!this.#unread && room.me && this.threadOf === undefined) {
      this.#unread = { after: room.me.readSeq, upTo: room.events.at(-1)?.seq ?? 0 }
    }
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
    const first = this.#first
    const { first: firstBefore, height = 0, top = 0 } = this.#before ?? {}
    const prepended = first !== undefined && firstBefore !== undefined && first < firstBefore
    this.#before = { first, height, top }
    void this.#place(prepended ? height - top : undefined)
  }

  get #first(): number | undefined {
    const { threadOf, room } = this
    return threadOf === undefined ? room.events[0]?.seq : room.thread(threadOf).messages[0]?.seq
  }

  /** Messages render themselves a moment later, and have no height until then. */
  async #drawn(): Promise<void> {
    await Promise.all(
      Array.from(this.querySelectorAll<Message>('tl-message'), message => message.updateComplete),
    )
  }

  /** Keeps the distance from the end when messages were put above, else follows the end. Before anything is painted. */
  async #place(fromEnd: number | undefined): Promise<void> {
    await this.#drawn()
    const scroll = this.#scroll
    if (!scroll) return
    if (fromEnd !== undefined && !this.#following) scroll.scrollTop = scroll.scrollHeight - fromEnd
    else if (this.#following) scroll.scrollTop = scroll.scrollHeight
    if (scroll.scrollHeight <= scroll.clientHeight + NEAR_START && !this.#failed) void this.#earlier()
  }

  protected override render() {
    const { room, threadOf } = this
    const { id = '', name = '' } = room.me?.user ?? {}
    const talk = talkOf(room, threadOf)
    const items = timelineOf({
      ...talk,
      me: { id, name },
      nameOf: userId => room.member(userId)?.user.name,
      // Who never read anything is new here: everything is.
      unread: this.#unread?.after ? this.#unread : undefined,
    })
    const isWhole = room.state !== 'opening' && !talk.hasEarlier
    const isEmpty = isWhole && !items.some(({ kind }) => kind === 'message')
    const isCut = isWhole && threadOf === undefined && (room.info?.firstSeq ?? 1) > 1
    return html`<div
        class="scroll"
        role="region"
        aria-label=${threadOf === undefined ? 'Messages' : 'Messages of the thread'}
        aria-description="Arrow keys go from message to message, Tab to what can be done with one"
        tabindex="0"
        @scroll=${this.#onScroll}
        @keydown=${this.#onKey}
      >
        <div class="list">
          ${isCut ? html`<p class="system">Earlier messages were removed: this room keeps them for a time only.</p>` : nothing}
          ${repeat(
            items,
            ({ key }) => key,
            item => this.#item(item),
          )}
          ${isEmpty ? html`<p class="empty">No messages yet.${room.can('write') ? ' Say hello.' : ''}</p>` : nothing}
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
    if (item.kind === 'message') {
      const isMarked = item.message !== undefined && item.message.seq === this.marked
      const isRoot = item.message !== undefined && item.message.seq === this.threadOf
      const count = item.message?.thread?.count ?? 0
      return html`<tl-message
          class=${isMarked ? 'marked' : ''}
          .room=${this.room}
          .item=${item}
          .inThread=${this.threadOf !== undefined}
          .canForward=${this.client !== undefined}
          .marked=${isMarked}
        ></tl-message>
        ${isRoot ? html`<p class="answers"><span>${count > 0 ? repliesWord(count) : 'No replies yet'}</span></p>` : nothing}`
    }
    if (item.kind === 'day') return html`<h3 class="day"><span>${item.text}</span></h3>`
    if (item.kind === 'unread') return html`<p class="unread" role="separator"><span>${item.text}</span></p>`
    const { about, call, film } = item
    if (call) return this.#callLine(item.text, call)
    if (film)
      return html`<p class="system"><tl-film-link .room=${this.room} .fileId=${film.fileId} .problem=${film.problem}></tl-film-link></p>`
    return html`<p class="system" title=${item.names ?? nothing}>${
      about === undefined
        ? item.text
        : html`<button type="button" class="plain" @click=${(event: Event) =>
            ask(event.currentTarget as Element, { do: 'show', seq: about })}>${item.text}</button>`
    }</p>`
  }

  /** A call that did not come about, and the way to try it again where there is one. */
  #callLine(text: string, { media, missed }: NonNullable<SystemItem['call']>) {
    const again = () =>
      this.dispatchEvent(
        new CustomEvent('call-back', { bubbles: true, detail: { roomId: this.room.id, media } }),
      )
    return html`<p class="system"><span class="call-line ${missed ? 'missed' : ''}">
      ${icon(missed ? 'callMissed' : 'callOut')}${text}
      ${
        this.client && this.room.canCall && this.room.can('call')
          ? html`<button type="button" class="plain" @click=${again}>${missed ? 'Call back' : 'Call again'}</button>`
          : nothing
      }
    </span></p>`
  }

  /** Another room, or another thread: at its end. */
  #begin(): void {
    this.#stop?.()
    this.#stop = undefined
    this.#before = undefined
    this.#unread = undefined
    this.#following = true
    this.#failed = false
    this.unseen = 0
    this.spoken = ''
    this.marked = undefined
    if (this.threadOf !== undefined) void this.room.loadMessage(this.threadOf).catch(() => undefined)
  }

  #listen(): void {
    this.#stop = this.room.on('message', event => {
      if (event.data.threadOf !== this.threadOf) return
      if (event.sender === this.room.me?.user.id) {
        this.#following = true
        // Who answers has read.
        if (this.#unread) this.#unread = { after: event.seq, upTo: event.seq }
        return
      }
      if (this.room.message(event.seq)?.blocked) return
      const name = this.room.member(event.sender ?? '')?.user.name ?? event.sender ?? 'Somebody'
      this.spoken = `${name}: ${textOf(event.data.parts) ?? gistOfFiles(event.data.parts) ?? 'a message'}`
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

  /** From message to message; Escape goes back to the whole, where the keys scroll. */
  #onKey(event: KeyboardEvent): void {
    const target = event.target as HTMLElement
    const isMessage = target.matches('.message')
    if (event.key === 'Escape' && isMessage) {
      event.stopPropagation()
      this.#scroll?.focus()
    }
    const step = event.key === 'ArrowUp' ? -1 : event.key === 'ArrowDown' ? 1 : 0
    if (step === 0 || (!isMessage && target !== this.#scroll)) return
    const messages = [...this.querySelectorAll<HTMLElement>('.message')]
    const at = messages.indexOf(target)
    const next = at < 0 ? messages.at(-1) : messages[at + step]
    if (!next || !this.#scroll) return
    event.preventDefault()
    next.focus({ preventScroll: true })
    reveal(this.#scroll, next, 'nearest')
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
    const talk = talkOf(this.room, this.threadOf)
    if (this.loading || !talk.hasEarlier || this.room.state !== 'open') return
    this.loading = true
    // What fails is asked again when one scrolls, not at once.
    this.#failed = await talk.loadEarlier().then(
      () => false,
      () => true,
    )
    this.loading = false
  }
}

customElements.define('tl-messages', Messages)
