import type { Ring, Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { titleOfEntry } from '../messenger/titles.ts'

export type Answer = 'video' | 'audio' | 'decline' | 'message'

/** Somebody calls: over everything, until it is answered. Fires `answer`, and `mute` with whether it is to ring. */
export class Incoming extends LightElement {
  static override properties = {
    client: { attribute: false },
    ring: { attribute: false },
    muted: { type: Boolean },
    inCall: { type: Boolean },
  }
  declare client: Trunkline
  declare ring: Ring
  declare muted: boolean
  /** Whether one is in another call, which ends by answering. */
  declare inCall: boolean

  constructor() {
    super()
    this.muted = false
    this.inCall = false
    // A room one has just been taken into may be heard of after its ring.
    this.follow(() => this.client.inbox)
  }

  protected override updated(): void {
    const dialog = this.querySelector('dialog')
    if (dialog && !dialog.open) dialog.showModal()
  }

  protected override render() {
    const { ring, muted } = this
    const { from, media } = ring
    const entry = this.client.inbox.get(ring.roomId)
    const where = entry && entry.room.kind !== 'direct' ? ` in ${titleOfEntry(entry)}` : ''
    const kind = media === 'video' ? 'Video call' : 'Voice call'
    return html`<dialog
      class="ringing"
      aria-label="${from.name} is calling"
      @cancel=${(event: Event) => event.preventDefault()}
    >
      <button
        class="icon-button silence"
        aria-label="Ring without a sound"
        aria-pressed=${muted}
        title=${muted ? 'Calls come in without a sound' : 'Ring without a sound'}
        @click=${() => this.dispatchEvent(new CustomEvent('mute', { detail: !muted }))}
      >
        ${icon(muted ? 'silent' : 'speaker')}
      </button>
      <span class="pulse"><tl-avatar .name=${from.name} userId=${from.id} .picture=${from.avatar}></tl-avatar></span>
      <h2>${from.name}</h2>
      <p class="muted">${kind}${where}</p>
      ${this.inCall ? html`<p class="label-pill">Answering ends the call you are in</p>` : nothing}
      <div class="answers">
        ${this.#button('decline', 'Decline', 'leave', 'no')}
        ${this.#button('message', 'Message', 'chat', '')}
        ${this.#button('audio', media === 'video' ? 'Voice only' : 'Accept', 'phone', media === 'video' ? '' : 'yes')}
        ${this.#button('video', media === 'video' ? 'Accept' : 'With video', 'camera', media === 'video' ? 'yes' : '')}
      </div>
    </dialog>`
  }

  #button(
    answer: Answer,
    word: string,
    sign: 'leave' | 'chat' | 'phone' | 'camera',
    tone: 'yes' | 'no' | '',
  ) {
    return html`<button
      class="answer ${tone}"
      ?autofocus=${tone === 'yes'}
      @click=${() => this.dispatchEvent(new CustomEvent<Answer>('answer', { detail: answer }))}
    >
      <span class="sign">${icon(sign)}</span>${word}
    </button>`
  }
}

customElements.define('tl-incoming', Incoming)
