import type { MessagePart, Room, RoomMessage } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { botBadge } from '../bots/badge.ts'
import '../bots/controls.ts'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import '../files/attachments.ts'
import { filesOf } from '../files/shown.ts'
import { actionsOf, ask } from './actions.ts'
import { messageToolbar, openMessageMenu, openReactions } from './message-toolbar.ts'
import './quote.ts'
import { reactionsRow } from './reactions.ts'
import { richText } from './rich-text.ts'
import { ticks } from './ticks.ts'
import type { MessageItem } from './timeline.ts'
import { momentWord, repliesWord, timeOf } from './words.ts'

/** Between a bubble and its toolbar, in pixels. */
const TOOLBAR_GAP = 6

/** One message: a bubble, what others made of it, and below the last of a group its time. */
export class Message extends LightElement {
  static override properties = {
    room: { attribute: false },
    item: { attribute: false, hasChanged: () => true },
    inThread: { type: Boolean },
    canForward: { type: Boolean },
    marked: { type: Boolean },
    active: { state: true },
    revealed: { state: true },
  }
  declare room: Room
  declare item: MessageItem
  declare inThread: boolean
  declare canForward: boolean
  /** Somebody came here for this one. */
  declare marked: boolean
  /** It has the pointer or the focus: its toolbar shows. */
  declare active: boolean
  /** Of somebody one has blocked, and shown all the same. */
  declare revealed: boolean

  constructor() {
    super()
    this.inThread = false
    this.canForward = false
    this.marked = false
    this.active = false
    this.revealed = false
  }

  protected override updated(): void {
    const toolbar = this.querySelector<HTMLElement>('.toolbar')
    const [bubble, message] = [toolbar?.parentElement, this.querySelector('.message')]
    if (!toolbar || !bubble || !message) return
    const [inner, outer] = [bubble.getBoundingClientRect(), message.getBoundingClientRect()]
    const room = this.item.own ? inner.left - outer.left : outer.right - inner.right
    toolbar.classList.toggle('within', room < toolbar.offsetWidth + TOOLBAR_GAP)
  }

  protected override render() {
    const { own, starts, ends, name, sender, at, message } = this.item
    const classes = [
      own && 'own',
      starts && 'starts',
      ends && 'ends',
      this.marked && 'marked',
      this.#isMine && 'to-me',
    ]
    return html`<article
      class="message ${classes.filter(Boolean).join(' ')}"
      aria-label="${own ? 'You' : name}, ${timeOf(at)}"
      tabindex="-1"
      @pointerenter=${this.#enter}
      @pointerleave=${this.#leave}
      @focusin=${this.#enter}
      @focusout=${this.#leave}
      @menu-closed=${this.#settle}
      @click=${this.#tap}
    >
      <div class="body">
        ${starts ? html`<h3 class=${own ? 'sr-only' : 'from'}>${own ? 'You' : name}${botBadge(this.room.member(sender)?.user)}</h3>` : nothing}
        ${this.#bubble()} ${this.#below()}
        ${ends ? html`<time datetime=${at}>${timeOf(at)}${message?.expiresAt && !message.deletedAt ? html`<span title="It disappears ${momentWord(message.expiresAt)}">${icon('clock')}disappears</span>` : nothing}</time>` : nothing}
      </div>
    </article>`
  }

  /** Whose it is, beside the last of a group. */
  #face() {
    const { own, ends, name, sender } = this.item
    return own || !ends
      ? nothing
      : html`<tl-avatar class="who" .name=${name} userId=${sender} .picture=${this.room.files.addressOf(this.room.member(sender)?.user.avatar)}></tl-avatar>`
  }

  get #isMine(): boolean {
    const { message } = this.item
    return (
      message?.mentions?.includes(this.room.me?.user.id ?? '') === true && message.deletedAt === undefined
    )
  }

  #bubble() {
    const { message, own, expired, parts } = this.item
    if (message?.deletedAt !== undefined) {
      return html`<div class="bubble gone">
        <p class="text">${expired ? 'This message disappeared' : 'This message was deleted'}</p>${this.#face()}
      </div>`
    }
    if (message?.blocked && !this.revealed) {
      return html`<div class="bubble gone">
        <p class="text">Message of somebody you blocked.</p>
        <button type="button" class="plain" @click=${() => {
          this.revealed = true
        }}>Show</button>${this.#face()}
      </div>`
    }
    const isWordless =
      parts.every(part => 'fileId' in part) && this.#replyTo === undefined && !message?.forwarded
    return html`<div class="bubble ${isWordless ? 'wordless' : ''}">
      ${this.#replyTo === undefined ? nothing : html`<tl-quote .room=${this.room} .seq=${this.#replyTo}></tl-quote>`}
      ${this.#forwarded()}${this.#content()}${this.#mark(own)}${this.#face()}
      ${this.active && message ? messageToolbar({ room: this.room, message, actions: this.#actions(message) }) : nothing}
    </div>`
  }

  get #replyTo(): number | undefined {
    return this.item.message?.replyTo ?? this.item.pending?.replyTo
  }

  #actions(message: NonNullable<MessageItem['message']>) {
    return actionsOf(message, this)
  }

  #forwarded() {
    const { forwarded } = this.item.message ?? {}
    if (!forwarded) return nothing
    const name = this.room.member(forwarded.sender)?.user.name
    return html`<p class="forwarded">${icon('forward')}Forwarded${name ? ` from ${name}` : ''}, ${momentWord(forwarded.at)}</p>`
  }

  /** What became of it, at its end: pinned, edited, how far it came. */
  #mark(own: boolean) {
    const { message } = this.item
    if (!own && !message?.pinnedAt && !message?.editedAt) return nothing
    return html`<span class="mark"
      >${message?.pinnedAt ? html`<span role="img" aria-label="Pinned" title="Pinned">${icon('pin')}</span>` : nothing}${
        message?.editedAt
          ? html`<button
              type="button"
              class="plain"
              title="Edited ${momentWord(message.editedAt)}. Shows what it said before"
              @click=${() => ask(this, { do: 'history', seq: message.seq })}
            >edited</button>`
          : nothing
      }${own ? ticks(this.#state()) : nothing}</span
    >`
  }

  #state() {
    const { message, pending } = this.item
    return message ? this.room.stateOf(message) : (pending?.state ?? 'sending')
  }

  #below() {
    const { message, pending } = this.item
    if (pending?.state === 'failed') return this.#failure()
    if (!message || (message.blocked && !this.revealed)) return nothing
    const mayReact = this.#actions(message).has('react')
    const { seq, thread } = message
    return html`${this.#controls(message)}${reactionsRow(message, {
      room: this.room,
      toggle: reaction => ask(this, { do: 'react', seq, reaction }),
      add: mayReact
        ? event =>
            openReactions(event.currentTarget as HTMLElement, {
              room: this.room,
              message,
              actions: this.#actions(message),
            })
        : undefined,
    })}
    ${
      thread && !this.inThread
        ? html`<button type="button" class="replies" @click=${() => ask(this, { do: 'thread', seq })}>
            ${icon('thread')}${repliesWord(thread.count)}
          </button>`
        : nothing
    }`
  }

  #controls(message: RoomMessage) {
    if (!message.controls) return nothing
    return html`<tl-bot-controls .room=${this.room} .message=${message}></tl-bot-controls>`
  }

  /** Its files, and what it says below them. */
  #content() {
    const { pending, parts } = this.item
    const files = filesOf(parts, pending)
    return html`${
      files.length > 0
        ? html`<tl-attachments .room=${this.room} .files=${files} .pending=${pending}></tl-attachments>`
        : nothing
    }${parts.map(part => this.#part(part))}`
  }

  #part(part: MessagePart) {
    if ('fileId' in part) return nothing
    if ('text' in part) return html`<p class="text">${richText(part.text, this.room, this.item.message)}</p>`
    return html`<p class="text">${part.mime}</p>`
  }

  #failure() {
    const { pending } = this.item
    if (!pending) return nothing
    return html`<p class="failure">
      ${pending.error?.message ?? 'Not sent'}
      <button type="button" @click=${() => this.room.retry(pending.clientId)}>Try again</button>
      <button type="button" @click=${() => this.room.discard(pending.clientId)}>Delete</button>
    </p>`
  }

  #enter(event: Event): void {
    // A finger that scrolls past is no pointer that rests.
    if (event instanceof PointerEvent && event.pointerType === 'touch') return
    this.active = true
  }

  /** Focus that leaves has not arrived elsewhere yet. */
  #leave(event: Event): void {
    if (event instanceof FocusEvent && this.contains(event.relatedTarget as Node | null)) return
    queueMicrotask(() => this.#settle())
  }

  /** The toolbar stays while it is pointed at, has the focus, or a menu of it is open. */
  #settle(): void {
    const article = this.querySelector('.message')
    this.active =
      article?.matches(':is(:hover, :focus-within, :has([aria-expanded=true]))') === true &&
      // A finger leaves the hover where it was.
      (matchMedia('(hover: hover)').matches || article.matches(':focus-within'))
  }

  /** A finger has no pointer to rest on a message: a tap opens what one may do with it. */
  #tap(event: MouseEvent): void {
    const { message } = this.item
    if (!(event instanceof PointerEvent) || event.pointerType !== 'touch' || !message) return
    const target = event.target as Element
    if (
      !target.closest('.bubble') ||
      target.closest('button, a, input, audio, video') ||
      getSelection()?.type === 'Range'
    )
      return
    const actions = this.#actions(message)
    const bubble = this.querySelector<HTMLElement>('.message')
    if (actions.size > 0 && bubble) openMessageMenu(bubble, { room: this.room, message, actions })
  }
}

customElements.define('tl-message', Message)
