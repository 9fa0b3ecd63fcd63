import type { Presence, Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { dialogCard } from './dialog.ts'
import type { Person } from './people.ts'
import { presenceDot, presenceWord } from './presence-dot.ts'

type Choice = 'online' | 'away' | 'dnd' | 'hidden'
const CHOICES: readonly [Choice, string][] = [
  ['online', 'Online'],
  ['away', 'Away'],
  ['dnd', 'Do not disturb'],
  ['hidden', 'Hidden: others see you as offline'],
]

/** Who one is and how one is there. Fires `leave`. */
export class StatusMenu extends LightElement {
  static override properties = {
    client: { attribute: false },
    person: { attribute: false },
    open: { state: true },
    choice: { state: true },
    words: { state: true },
    fault: { state: true },
  }
  declare client: Trunkline
  declare person: Person
  declare open: boolean
  declare choice: Choice
  declare words: string
  declare fault: string | undefined

  constructor() {
    super()
    this.open = false
    this.choice = 'online'
    this.words = ''
    this.follow(() => this.client.presence)
  }

  protected override updated(): void {
    if (this.open) {
      const dialog = this.querySelector('dialog')
      if (dialog && !dialog.open) dialog.showModal()
    }
  }

  protected override render() {
    const { user } = this.person
    const own: Presence = this.client.presence.of(user.id)
    const status = this.choice === 'hidden' ? 'offline' : own.status === 'offline' ? 'online' : own.status
    const word = this.choice === 'hidden' ? 'Hidden' : presenceWord({ ...own, status })
    return html`<button
        class="me"
        aria-haspopup="dialog"
        @click=${() => {
          this.open = true
        }}
      >
        <span class="face"
          ><tl-avatar .name=${user.name} userId=${user.id}></tl-avatar>${presenceDot(status)}</span
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
    return html`<form class="stack" @submit=${this.#submit}>
        <fieldset>
          <legend class="sr-only">Status</legend>
          ${CHOICES.map(
            ([choice, word]) => html`<label class="choice">
              <input
                type="radio"
                name="status"
                .checked=${this.choice === choice}
                @change=${() => {
                  this.choice = choice
                }}
              />${word}</label
            >`,
          )}
        </fieldset>
        <div class="field">
          <label for="tl-status-words">In words</label>
          <input
            class="input"
            id="tl-status-words"
            maxlength="100"
            placeholder="In theatre until noon"
            .value=${this.words}
            @input=${(event: Event) => {
              this.words = (event.target as HTMLInputElement).value
            }}
          />
        </div>
        ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
        <button class="button primary">Save</button>
      </form>
      <hr />
      <button class="button wide" @click=${() => this.dispatchEvent(new CustomEvent('leave'))}>Be somebody else</button>`
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault()
    const text = this.words.trim()
    const isHidden = this.choice === 'hidden'
    try {
      await this.client.presence.set({
        ...(this.choice === 'hidden' ? {} : { status: this.choice }),
        custom: text ? { text } : null,
        hidden: isHidden,
      })
      this.fault = undefined
      this.querySelector('dialog')?.close()
    } catch (error) {
      this.fault = (error as Error).message
    }
  }
}

customElements.define('tl-status-menu', StatusMenu)
