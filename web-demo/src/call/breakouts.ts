import { type Breakout, type Breakouts, LIMITS } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

const MINUTES = [1, 5, 10, 15, 30, 60]

type Person = { userId: string; name: string }

/** Opens, watches and closes breakouts, for hosts. Fires `fault` with a sentence. */
export class BreakoutsDialog extends LightElement {
  static override properties = {
    breakouts: { attribute: false },
    count: { state: true },
    minutes: { state: true },
    sent: { state: true },
    busy: { state: true },
  }
  declare breakouts: Breakouts | undefined
  declare count: number
  /** 0: until they are closed. */
  declare minutes: number
  /** By user: the number of their breakout, from 0. */
  declare sent: ReadonlyMap<string, number>
  declare busy: boolean

  constructor() {
    super()
    this.count = 2
    this.minutes = 10
    this.sent = new Map()
    this.busy = false
    this.follow(() => this.breakouts)
    this.follow(() => this.breakouts?.call)
  }

  show(): void {
    this.#spread()
    this.querySelector('dialog')?.showModal()
  }

  protected override render() {
    const { breakouts } = this
    return html`<dialog class="card breakouts" aria-labelledby="tl-breakouts" @click=${this.#outside}>
      <header>
        <h2 id="tl-breakouts">Breakout rooms</h2>
        <button class="icon-button" aria-label="Close" @click=${this.#hide}>${icon('close')}</button>
      </header>
      ${breakouts ? (breakouts.open.length > 0 ? this.#running(breakouts) : this.#planning()) : nothing}
    </dialog>`
  }

  #planning() {
    const people = this.#people()
    const most = Math.min(LIMITS.breakoutsPerRoom, 20)
    return html`<form class="fields" @submit=${this.#start}>
      <div class="pair">
        <div class="field">
          <label for="tl-breakout-count">Rooms</label>
          <input
            class="input"
            id="tl-breakout-count"
            type="number"
            min="1"
            max=${most}
            .value=${String(this.count)}
            @input=${(event: Event) => {
              const value = Math.round(Number((event.target as HTMLInputElement).value))
              this.count = Math.min(most, Math.max(1, value || 1))
              this.#spread()
            }}
          />
        </div>
        <div class="field">
          <label for="tl-breakout-minutes">Time</label>
          <select
            class="select"
            id="tl-breakout-minutes"
            @change=${(event: Event) => {
              this.minutes = Number((event.target as HTMLSelectElement).value)
            }}
          >
            ${MINUTES.map(it => html`<option value=${it} ?selected=${it === this.minutes}>${it === 1 ? '1 minute' : `${it} minutes`}</option>`)}
            <option value="0">Until I close them</option>
          </select>
        </div>
      </div>
      ${
        people.length === 0
          ? html`<p class="muted">Nobody else is in the call. Rooms can be opened, and people sent there later.</p>`
          : html`<ul class="assign">
              ${people.map(({ userId, name }) =>
                this.#assign(
                  name,
                  userId,
                  Array.from({ length: this.count }, (_, n) => ({ value: String(n), word: titleOf(n) })),
                  String(this.sent.get(userId) ?? ''),
                  value => {
                    const sent = new Map(this.sent)
                    if (value === '') sent.delete(userId)
                    else sent.set(userId, Number(value))
                    this.sent = sent
                  },
                ),
              )}
            </ul>
            <button class="button small" type="button" @click=${() => this.#spread()}>Spread evenly</button>`
      }
      <button class="button primary wide" ?disabled=${this.busy}>Open ${this.count === 1 ? 'the room' : `${this.count} rooms`}</button>
    </form>`
  }

  #running(breakouts: Breakouts) {
    const choices = breakouts.open.map(({ roomId, title }) => ({ value: roomId, word: title }))
    return html`<div class="fields">
      <ul class="rooms">
        ${repeat(
          breakouts.open,
          ({ roomId }) => roomId,
          breakout => this.#room(breakouts, breakout),
        )}
      </ul>
      <ul class="assign">
        ${this.#members().map(({ userId, name }) => {
          const now = breakouts.open.find(({ userIds }) => userIds.includes(userId))?.roomId ?? ''
          return this.#assign(name, userId, choices, now, value =>
            this.#do(() => breakouts.move(userId, value === '' ? undefined : value)),
          )
        })}
      </ul>
      <button class="button danger wide" ?disabled=${this.busy} @click=${() => this.#closeAll(breakouts)}>
        Close all rooms
      </button>
    </div>`
  }

  #room(breakouts: Breakouts, { roomId, title, userIds }: Breakout) {
    const isHere = breakouts.current?.roomId === roomId
    const go = () => {
      this.#hide()
      this.#do(() => breakouts.visit(isHere ? undefined : roomId))
    }
    return html`<li>
      <span class="name"><strong>${title}</strong><small>${userIds.length === 1 ? '1 person' : `${userIds.length} people`}</small></span>
      <button class="button small" aria-label=${isHere ? `Come back from ${title}` : `Go there: ${title}`} @click=${go}>
        ${isHere ? 'Come back' : 'Go there'}
      </button>
    </li>`
  }

  #assign(
    name: string,
    userId: string,
    choices: readonly { value: string; word: string }[],
    chosen: string,
    choose: (value: string) => void,
  ) {
    return html`<li>
      <tl-avatar .name=${name} userId=${userId}></tl-avatar>
      <span class="name">${name}</span>
      <select
        class="select"
        aria-label="Room of ${name}"
        @change=${(event: Event) => choose((event.target as HTMLSelectElement).value)}
      >
        <option value="" ?selected=${chosen === ''}>Main room</option>
        ${choices.map(({ value, word }) => html`<option value=${value} ?selected=${value === chosen}>${word}</option>`)}
      </select>
    </li>`
  }

  /** Those in the call beside oneself, each user once. */
  #people(): Person[] {
    const own = this.breakouts?.home.me?.user.id
    const people = new Map(
      this.breakouts?.call.participants.map(({ userId, name }) => [userId, { userId, name }]) ?? [],
    )
    if (own !== undefined) people.delete(own)
    return [...people.values()].sort((a, b) => a.name.localeCompare(b.name))
  }

  /** Whom one may send about: those in the call, and those in breakouts already. */
  #members(): Person[] {
    const { breakouts } = this
    const away = breakouts?.open.flatMap(({ userIds }) => userIds) ?? []
    const named = away.map(userId => ({ userId, name: breakouts?.home.member(userId)?.user.name ?? userId }))
    return [...new Map([...named, ...this.#people()].map(person => [person.userId, person])).values()]
  }

  #spread(): void {
    this.sent = new Map(this.#people().map(({ userId }, n) => [userId, n % this.count]))
  }

  #start(event: Event): void {
    event.preventDefault()
    const wanted = Array.from({ length: this.count }, (_, n) => ({
      title: titleOf(n),
      userIds: [...this.sent].flatMap(([userId, to]) => (to === n ? userId : [])),
    }))
    this.#do(async () => {
      await this.breakouts?.start(wanted, this.minutes === 0 ? undefined : this.minutes * 60)
      this.#hide()
    })
  }

  #closeAll(breakouts: Breakouts): void {
    this.#do(async () => {
      await breakouts.close()
      this.#hide()
    })
  }

  #do(act: () => Promise<void>): void {
    this.busy = true
    act()
      .catch((error: Error) => {
        this.#hide()
        this.dispatchEvent(new CustomEvent('fault', { detail: error.message }))
      })
      .finally(() => {
        this.busy = false
      })
  }

  #hide(): void {
    this.querySelector('dialog')?.close()
  }

  /** A click beside the card. */
  #outside(event: MouseEvent): void {
    if (event.target === event.currentTarget) this.#hide()
  }
}

const titleOf = (n: number): string => `Room ${n + 1}`

customElements.define('tl-breakouts', BreakoutsDialog)
