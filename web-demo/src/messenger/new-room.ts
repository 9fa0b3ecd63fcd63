import { LIMITS, type Trunkline, type User } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { ACCESS_WORDS, type Access } from './access.ts'
import { dialogCard } from './dialog.ts'
import './people-picker.ts'

type Kind = 'group' | 'channel'

/** A dialog for a new group or channel, with people found by name. Fires `open` with its id. */
export class NewRoom extends LightElement {
  static override properties = {
    client: { attribute: false },
    open: { state: true },
    kind: { state: true },
    access: { state: true },
    title: { state: true },
    members: { state: true },
    fault: { state: true },
  }
  declare client: Trunkline
  declare open: boolean
  declare kind: Kind
  declare access: Access
  declare title: string
  declare members: User[]
  declare fault: string | undefined

  constructor() {
    super()
    this.open = false
    this.#reset()
  }

  protected override updated(): void {
    const dialog = this.querySelector('dialog')
    if (this.open && dialog && !dialog.open) dialog.showModal()
  }

  protected override render() {
    const label = 'New room'
    return html`<button
        class="icon-button"
        aria-label=${label}
        title=${label}
        aria-haspopup="dialog"
        @click=${() => {
          this.#reset()
          this.open = true
        }}
      >
        ${icon('plus')}
      </button>
      ${
        this.open
          ? dialogCard({
              title: 'New room',
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
      <fieldset class="kinds">
        <legend class="sr-only">Kind</legend>
        ${this.#kind('group', 'Group', 'For those you bring in: everybody writes')}
        ${this.#kind('channel', 'Channel', 'For those who follow: publishers write')}
      </fieldset>
      <div class="field">
        <label for="tl-new-title">Title</label>
        <input
          class="input"
          id="tl-new-title"
          required
          maxlength=${LIMITS.roomNameChars}
          .value=${this.title}
          @input=${(event: Event) => {
            this.title = (event.target as HTMLInputElement).value
          }}
        />
      </div>
      ${this.kind === 'channel' ? this.#access() : nothing}
      <tl-people-picker
        .client=${this.client}
        .chosen=${this.members}
        @chosen=${(event: CustomEvent<User[]>) => {
          this.members = event.detail
        }}
      ></tl-people-picker>
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
      <button class="button primary wide">Create</button>
    </form>`
  }

  #kind(kind: Kind, word: string, about: string) {
    return html`<label class="choice">
      <input
        type="radio"
        name="kind"
        .checked=${this.kind === kind}
        @change=${() => {
          this.kind = kind
        }}
      /><span>${word}<small>${about}</small></span></label
    >`
  }

  #access() {
    return html`<div class="field">
      <label for="tl-new-access">Who may follow</label>
      <select
        class="select"
        id="tl-new-access"
        @change=${(event: Event) => {
          this.access = (event.target as HTMLSelectElement).value as Access
        }}
      >
        ${ACCESS_WORDS.map(([access, word]) => html`<option value=${access} ?selected=${access === this.access}>${word}</option>`)}
      </select>
    </div>`
  }

  #reset(): void {
    this.kind = 'group'
    this.access = 'open'
    this.title = ''
    this.members = []
    this.fault = undefined
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault()
    const { kind, access } = this
    try {
      const room = await this.client.createRoom({
        kind,
        title: this.title.trim(),
        members: this.members.map(({ id }) => id),
        ...(kind === 'channel' ? { access } : {}),
      })
      this.querySelector('dialog')?.close()
      this.dispatchEvent(new CustomEvent('open', { detail: room.id }))
    } catch (error) {
      this.fault = (error as Error).message
    }
  }
}

customElements.define('tl-new-room', NewRoom)
