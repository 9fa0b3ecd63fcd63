import { type Call, type Participant, readingText, type Trust } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

const TRUST_WORDS: Readonly<Record<Trust, string>> = {
  new: 'Not seen before',
  known: 'The same device as before',
  changed: 'Another device than before',
  verified: 'Compared',
  refused: 'Not known as theirs',
}

/** By what to know that nobody is in between, and whose devices are in the call. */
export class EncryptionDialog extends LightElement {
  static override properties = { call: { attribute: false }, shown: { state: true } }
  declare call: Call | undefined
  declare shown: boolean

  constructor() {
    super()
    this.shown = false
    this.follow(() => this.call)
  }

  show(): void {
    this.shown = true
    this.querySelector('dialog')?.showModal()
  }

  protected override render() {
    const { call } = this
    const { encryption } = call ?? {}
    if (!call || !encryption) return nothing
    const others = call.participants.filter(({ isLocal }) => !isLocal)
    return html`<dialog class="card encryption" aria-labelledby="tl-encryption" @close=${this.#hide} @click=${this.#aside}>
      <header>
        <h2 id="tl-encryption">End-to-end encryption</h2>
        <button class="icon-button" aria-label="Close" @click=${this.#close}>${icon('close')}</button>
      </header>
      ${this.shown ? (encryption.keys === 'devices' ? this.#devices(call, others) : this.#app()) : nothing}
    </dialog>`
  }

  #app() {
    return html`<p>Sound, pictures and the whiteboard are encrypted with a key that this app gave to everybody. The messages of the chat are not.</p>`
  }

  #devices(call: Call, others: readonly Participant[]) {
    const number = call.encryption?.safetyNumber
    const mayConfirm = others.some(it => this.#trustOf(it) !== 'verified' && this.#trustOf(it) !== undefined)
    return html`<div class="stack">
      <p>
        Sound, pictures and the whiteboard can be read by those in this call alone. The messages of the chat are not
        encrypted in this way.
      </p>
      ${
        number
          ? html`<section>
              <h3>Safety number</h3>
              <p class="number" aria-label="Safety number">${number.split(' ').map(group => html`<span>${group} </span>`)}</p>
              <p class="muted">Read it to each other. If everybody sees the same, nobody is in between, not even this server.</p>
            </section>`
          : html`<p class="muted">${others.length === 0 ? 'There is a number to compare once somebody else is here.' : 'The number to compare is on its way.'}</p>`
      }
      <ul class="people-list">
        ${repeat(
          others,
          ({ id }) => id,
          person => this.#person(person),
        )}
      </ul>
      ${
        number && mayConfirm
          ? html`<button class="button primary wide" @click=${() => this.#confirm(others)}>${icon('check')}We all see this number</button>`
          : nothing
      }
    </div>`
  }

  #person(person: Participant) {
    const { name, userId, reading } = person
    const trust = this.#trustOf(person)
    const words =
      reading === 'readable' || reading === 'noKey' ? trust && TRUST_WORDS[trust] : readingText(reading, name)
    return html`<li>
      <tl-avatar .name=${name} userId=${userId} .picture=${this.call?.room.files.addressOf(person.avatar)}></tl-avatar>
      <span class="what"><strong>${name}</strong><small>${words ?? 'On the way'}</small></span>
      ${trust === 'verified' ? icon('shield') : trust === 'changed' ? icon('alert') : nothing}
    </li>`
  }

  #trustOf(person: Participant): Trust | undefined {
    return this.call?.encryption?.identityOf(person)?.trust
  }

  #confirm(others: readonly Participant[]): void {
    for (const person of others) void this.call?.encryption?.confirm(person)
  }

  #hide(): void {
    this.shown = false
  }

  #close(): void {
    this.querySelector('dialog')?.close()
  }

  /** A click beside the card. */
  #aside(event: MouseEvent): void {
    if (event.target === event.currentTarget) this.#close()
  }
}

customElements.define('tl-encryption', EncryptionDialog)
