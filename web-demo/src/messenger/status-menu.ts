import { LIMITS, type Presence, type Trunkline, type User } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { presenceDot, presenceWord } from '../design/presence.ts'
import { dialogCard } from './dialog.ts'
import { type Choice, OwnStatus } from './own-status.ts'
import '../push/push-switch.ts'
import { type Person, rememberPerson } from './people.ts'
import './picture-picker.ts'

const CHOICES: readonly [choice: Choice, word: string, about: string][] = [
  ['online', 'Online', 'Away while you look at something else'],
  ['away', 'Away', 'Until you say otherwise'],
  ['dnd', 'Do not disturb', 'On all your devices'],
  ['hidden', 'Hidden', 'Others see you as offline'],
]
const MINUTE_MS = 60_000
const ENDS: readonly [word: string, minutes: number | undefined][] = [
  ['Until I change it', undefined],
  ['For 30 minutes', 30],
  ['For 2 hours', 120],
  ['For 1 day', 1_440],
]

/** Who one is and how one is there. Fires `leave`. */
export class StatusMenu extends LightElement {
  static override properties = {
    client: { attribute: false },
    person: { attribute: false },
    open: { state: true },
    choice: { state: true },
    fault: { state: true },
    user: { state: true },
  }
  declare client: Trunkline
  declare person: Person
  declare open: boolean
  /** As the form has it, not said yet. */
  declare choice: Choice
  declare fault: string | undefined
  /** As one is called and pictured now. */
  declare user: User
  #own: OwnStatus | undefined
  #stop: (() => void) | undefined

  constructor() {
    super()
    this.open = false
    this.choice = 'online'
    this.follow(() => this.client.presence)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.requestUpdate()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#own?.close()
    this.#own = undefined
    this.#stop?.()
  }

  protected override willUpdate(): void {
    if (!this.isConnected || this.#own) return
    this.#own = new OwnStatus(this.client, () => this.requestUpdate())
    this.user = this.person.user
    this.#stop = this.client.users.on('changed', user => this.#learn(user))
    void this.#look()
  }

  protected override updated(): void {
    const dialog = this.querySelector('dialog')
    if (this.open && dialog && !dialog.open) dialog.showModal()
  }

  protected override render() {
    const { user } = this
    const { choice = 'online' } = this.#own ?? {}
    const seen: Presence = this.client.presence.of(user.id)
    const status = choice === 'hidden' ? 'offline' : choice === 'online' ? 'online' : choice
    const word = choice === 'hidden' ? 'Hidden' : presenceWord({ ...seen, status })
    return html`<button
        class="me"
        aria-haspopup="dialog"
        title="Change how you are there"
        @click=${() => {
          this.choice = choice
          this.fault = undefined
          this.open = true
        }}
      >
        <span class="face"
          ><tl-avatar .name=${user.name} userId=${user.id} .picture=${user.avatar}></tl-avatar>${presenceDot(status)}</span
        >
        <span class="what"><strong>${user.name}</strong><small>${word}</small></span>
      </button>
      ${
        this.open
          ? dialogCard({
              title: 'How you are there',
              body: this.#form(),
              closed: () => {
                this.open = false
              },
            })
          : nothing
      }`
  }

  #form() {
    const { user } = this
    return html`<tl-picture-picker
        .face=${html`<tl-avatar .name=${user.name} userId=${user.id} .picture=${user.avatar}></tl-avatar>`}
        .removable=${user.avatar !== undefined}
        .set=${this.#setPicture}
      ></tl-picture-picker>
      <form class="stack" @submit=${this.#submit}>
        <fieldset class="kinds">
          <legend class="sr-only">Status</legend>
          ${CHOICES.map(
            ([choice, word, about]) => html`<label class="choice">
              <input
                type="radio"
                name="status"
                .checked=${this.choice === choice}
                @change=${() => {
                  this.choice = choice
                }}
              /><span>${word}<small>${about}</small></span></label
            >`,
          )}
        </fieldset>
        <div class="field">
          <label for="tl-status-words">In words</label>
          <input
            class="input"
            id="tl-status-words"
            name="words"
            autocomplete="off"
            maxlength=${LIMITS.customStatusChars}
            placeholder="In theatre until noon"
            value=${this.#own?.custom?.text ?? ''}
          />
        </div>
        <div class="field">
          <label for="tl-status-ends">How long the words stand</label>
          <select class="select" id="tl-status-ends" name="minutes">
            ${ENDS.map(([word, minutes]) => html`<option value=${minutes ?? ''}>${word}</option>`)}
          </select>
        </div>
        <label class="switch-row">
          <span>Call waiting<small>Calls ring while you are in another one. Otherwise callers are told that you are busy.</small></span>
          <input type="checkbox" role="switch" name="callWaiting" .checked=${this.#own?.callWaiting ?? false} />
        </label>
        ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
        <button class="button primary wide">Save</button>
      </form>
      <hr />
      <tl-push-switch .client=${this.client} .userId=${user.id}></tl-push-switch>
      <button class="button wide" @click=${() => this.dispatchEvent(new CustomEvent('leave'))}>Be somebody else</button>`
  }

  /** It may have been changed on another device. */
  async #look(): Promise<void> {
    const user = await this.client.users.get(this.person.user.id).catch(() => undefined)
    if (user) this.#learn(user)
  }

  #learn(user: User): void {
    if (user.id !== this.person.user.id) return
    this.user = user
    rememberPerson({ ...this.person, user })
  }

  readonly #setPicture = async (picture: Blob | null) => {
    const avatar = (await this.client.users.setAvatar(this.user.id, picture)) ?? undefined
    const { avatar: _, ...user } = this.user
    this.#learn({ ...user, ...(avatar !== undefined && { avatar }) })
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const data = new FormData(event.target as HTMLFormElement)
    const text = String(data.get('words') ?? '').trim()
    const minutes = Number(data.get('minutes'))
    const until = minutes > 0 ? new Date(Date.now() + minutes * MINUTE_MS).toISOString() : undefined
    try {
      const custom = text ? { text, ...(until && { until }) } : undefined
      await this.#own?.say(this.choice, custom, data.get('callWaiting') !== null)
      this.fault = undefined
      this.querySelector('dialog')?.close()
    } catch (error) {
      this.fault = (error as Error).message
    }
  }
}

customElements.define('tl-status-menu', StatusMenu)
