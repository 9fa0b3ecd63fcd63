import type { Room, Trunkline } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { LightElement } from '../design/element.ts'
import type { Act } from './actions.ts'
import './conversation.ts'
import type { Conversation } from './conversation.ts'
import './pinned-bar.ts'
import './thread.ts'

/**
 * What is said in a room: what is pinned, the messages, where one writes. Fires `thread` with a message's number when
 * somebody wants its thread: whoever cancels it shows `<tl-thread>` elsewhere, else the thread takes the room's place.
 */
export class Chat extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    at: { type: Number },
    thread: { state: true },
  }
  declare room: Room
  /** Knows rooms to forward to; without one nothing is forwarded. */
  declare client: Trunkline | undefined
  /** The message to go to. */
  declare at: number | undefined
  /** The message whose thread is shown in the room's place. */
  declare thread: number | undefined
  /** What has been gone to already. */
  #shown: { room: Room; at: number } | undefined

  constructor() {
    super()
    this.follow(() => this.room)
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('room')) this.thread = undefined
    if (changed.has('at')) this.#shown = undefined
  }

  protected override updated(): void {
    const { room, at } = this
    if (at === undefined || room.state !== 'open') return
    if (this.#shown?.room === room && this.#shown.at === at) return
    this.#shown = { room, at }
    this.thread = undefined
    void this.updateComplete.then(() => this.#show(at))
  }

  protected override render() {
    const { room, client, thread } = this
    // The room stays where it was scrolled to while a thread is shown.
    return html`<div class="chat" ?inert=${thread !== undefined} @act=${this.#act}>
        <tl-pinned-bar .room=${room}></tl-pinned-bar>
        <tl-conversation .room=${room} .client=${client} @thread=${this.#openThread}></tl-conversation>
      </div>
      ${
        thread === undefined
          ? nothing
          : html`<tl-thread .room=${room} .client=${client} .seq=${thread} .back=${true} @close=${() => void this.#closeThread()}></tl-thread>`
      }`
  }

  /** From the bar above: what is asked within the conversation does not come here. */
  #act({ detail }: CustomEvent<Act>): void {
    if (detail.do === 'show') void this.#show(detail.seq)
  }

  async #show(seq: number): Promise<void> {
    await this.querySelector<Conversation>('.chat > tl-conversation')?.show(seq)
  }

  readonly #openThread = (event: Event) => {
    const { detail } = event as CustomEvent<number>
    if (this.dispatchEvent(new CustomEvent('thread', { detail, cancelable: true }))) this.thread = detail
  }

  async #closeThread(): Promise<void> {
    const { thread } = this
    this.thread = undefined
    await this.updateComplete
    const root = [
      ...this.querySelectorAll<HTMLElement & { item?: { message?: { seq: number } } }>('tl-message'),
    ].find(message => message.item?.message?.seq === thread)
    root?.querySelector<HTMLElement>('.message')?.focus({ preventScroll: true })
  }
}

customElements.define('tl-chat', Chat)
