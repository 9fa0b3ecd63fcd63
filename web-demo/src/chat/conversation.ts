import type { Room, RoomMessage, Trunkline } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import '../bots/ephemerals.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import '../design/toast.ts'
import type { Toast } from '../design/toast.ts'
import { filesIn } from '../files/chosen.ts'
import { copyText } from '../room/clipboard.ts'
import type { Act } from './actions.ts'
import './composer.ts'
import type { Composer } from './composer.ts'
import { openDialog } from './dialog.ts'
import './forward.ts'
import './history.ts'
import './messages.ts'
import type { Messages } from './messages.ts'
import type { Mode } from './mode-bar.ts'
import { gistOf } from './quote.ts'
import { hasReacted } from './reactions.ts'
import { talkOf } from './talk.ts'
import { timelineOf } from './timeline.ts'
import { momentWord, typingWord } from './words.ts'

/**
 * Messages, who is typing, and where one writes: of a room, or of one of its threads. Does what is asked of a message
 * (`act` events from within). Files may be dropped anywhere on it. Fires `thread` with the number of the message
 * whose thread is wanted.
 */
export class Conversation extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    threadOf: { attribute: false },
    dragging: { state: true },
    mode: { state: true },
  }
  declare room: Room
  declare client: Trunkline | undefined
  declare threadOf: number | undefined
  declare dragging: boolean
  declare mode: Mode | undefined

  constructor() {
    super()
    this.dragging = false
    this.follow(() => this.room)
    this.addEventListener('act', event => {
      event.stopPropagation()
      void this.act((event as CustomEvent<Act>).detail)
    })
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('room') || changed.has('threadOf')) this.mode = undefined
    // What is answered or edited may be taken back meanwhile.
    const about = this.mode && this.room.message(this.mode.message.seq)
    if (about?.deletedAt) this.mode = undefined
  }

  protected override render() {
    const { room, client, threadOf } = this
    const isThread = threadOf !== undefined
    const typing = isThread ? '' : typingWord(room.typing.map(({ user }) => user.name))
    return html`<div
      class="conversation ${this.dragging ? 'dragging' : ''}"
      @dragover=${this.#dragOver}
      @dragleave=${this.#dragLeave}
      @drop=${this.#drop}
    >
      <tl-messages .room=${room} .client=${client} .threadOf=${threadOf}></tl-messages>
      <p class="typing" role="status">
        ${typing ? html`<span class="dots" aria-hidden="true"><i></i><i></i><i></i></span>${typing}` : nothing}
      </p>
      ${isThread ? nothing : html`<tl-ephemerals .room=${room}></tl-ephemerals>`}
      <tl-composer
        .room=${room}
        .threadOf=${threadOf}
        .mode=${this.mode}
        @mode=${() => {
          this.mode = undefined
        }}
        @edit-last=${this.#editLast}
        @say=${(event: CustomEvent<string>) => this.#say(event.detail)}
      ></tl-composer>
      ${this.dragging ? this.#target() : nothing}
      <tl-toast></tl-toast>
    </div>`
  }

  /** Where files that are held over the page go. */
  #target() {
    return html`<div class="drop-target">
      <p>${icon('clip')}<strong>Drop to send here</strong><small>Pictures, videos, sounds and any other file</small></p>
    </div>`
  }

  /** Goes to a message: in this list, in its thread, or by itself when it is far back. */
  async show(seq: number): Promise<void> {
    const { room } = this
    try {
      if (await this.querySelector<Messages>('tl-messages')?.show(seq)) return
      const message = await room.loadMessage(seq)
      if (room !== this.room) return
      if (message.threadOf !== undefined && message.threadOf !== this.threadOf) {
        this.dispatchEvent(new CustomEvent('thread', { detail: message.threadOf, cancelable: true }))
      } else this.#showAlone(message)
    } catch (error) {
      this.#say((error as Error).message)
    }
  }

  async act(act: Act): Promise<void> {
    const { room } = this
    const message = room.message(act.seq)
    try {
      if (act.do === 'show') await this.show(act.seq)
      else if (!message) return
      else if (act.do === 'react') {
        const isOn = hasReacted(message, act.reaction, room.me?.user.id)
        await (isOn ? room.unreact(act.seq, act.reaction) : room.react(act.seq, act.reaction))
      } else if (act.do === 'reply' || act.do === 'edit') this.#compose({ kind: act.do, message })
      else if (act.do === 'thread')
        this.dispatchEvent(new CustomEvent('thread', { detail: act.seq, cancelable: true }))
      else if (act.do === 'pin') await room.pin(act.seq)
      else if (act.do === 'unpin') await room.unpin(act.seq)
      else if (act.do === 'copy') {
        if (await copyText(message.text ?? '')) this.#say('Copied')
      } else if (act.do === 'history')
        openDialog(this, 'What it said', () => html`<tl-history .room=${room} .seq=${act.seq}></tl-history>`)
      else if (act.do === 'forward') this.#forward(act.seq)
      else this.#confirmDeletion(message)
    } catch (error) {
      this.#say((error as Error).message)
    }
  }

  #compose(mode: Mode): void {
    this.mode = mode
  }

  #forward(seq: number): void {
    const { client, room } = this
    if (!client) return
    openDialog(this, 'Forward to', close => {
      const done = ({ detail }: CustomEvent<string>) => {
        close()
        this.#say(`Forwarded to ${detail}`)
      }
      return html`<tl-forward .room=${room} .client=${client} .seq=${seq} @forwarded=${done}></tl-forward>`
    })
  }

  #confirmDeletion(message: RoomMessage): void {
    const { room } = this
    openDialog(this, 'Delete this message?', close => {
      const confirm = () => {
        close()
        room.delete(message.seq).catch((error: Error) => this.#say(error.message))
      }
      return html`<p class="gist">${gistOf(message)}</p>
        <p class="muted">What it says goes for everybody and for good.</p>
        <div class="actions">
          <button class="button" @click=${close}>Keep it</button>
          <button class="button danger" @click=${confirm}>Delete</button>
        </div>`
    })
  }

  /** A message that is too far back to scroll to. */
  #showAlone(message: RoomMessage): void {
    const { room } = this
    const me = room.me?.user ?? { id: '', name: '' }
    const nameOf = (userId: string) => room.member(userId)?.user.name
    const item = timelineOf({ messages: [message], events: [], pending: [], me, nameOf }).find(
      ({ kind }) => kind === 'message',
    )
    openDialog(this, momentWord(message.at), close => {
      // Where it leads to is behind the dialog.
      return html`<div class="alone-message" @act=${close}>
          <tl-message .room=${room} .item=${item} .canForward=${this.client !== undefined}></tl-message>
        </div>
        <p class="muted">It was said long ago: scroll up to read what was said around it.</p>`
    })
  }

  #editLast(): void {
    const { room } = this
    const me = room.me?.user.id
    const last = talkOf(room, this.threadOf).messages.findLast(
      ({ sender, deletedAt, text, forwarded }) =>
        sender === me && !deletedAt && text !== undefined && forwarded === undefined,
    )
    if (last) this.#compose({ kind: 'edit', message: last })
  }

  #say(text: string): void {
    this.querySelector<Toast>('tl-toast')?.show(text)
  }

  #dragOver(event: DragEvent): void {
    if (!event.dataTransfer?.types.includes('Files') || !this.room.can('write')) return
    event.preventDefault()
    event.dataTransfer.dropEffect = 'copy'
    this.dragging = true
  }

  #dragLeave(event: DragEvent): void {
    if (!this.contains(event.relatedTarget as Node | null)) this.dragging = false
  }

  #drop(event: DragEvent): void {
    event.preventDefault()
    this.dragging = false
    const files = filesIn(event.dataTransfer)
    void this.querySelector<Composer>('tl-composer')?.attach(files)
  }
}

customElements.define('tl-conversation', Conversation)
