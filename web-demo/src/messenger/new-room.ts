import { LIMITS, type SearchHit, type Trunkline, type User } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { dialogCard } from './dialog.ts'

type Kind = 'group' | 'channel'
type Access = 'open' | 'request' | 'invite'
const ACCESS: readonly [Access, string][] = [
  ['open', 'Anybody may follow'],
  ['request', 'Anybody may ask to follow'],
  ['invite', 'By invitation only'],
]

/** A dialog for a new group or channel, with people found by name. Fires `open` with its id. */
export class NewRoom extends LightElement {
  static override properties = {
    client: { attribute: false },
    open: { state: true },
    kind: { state: true },
    access: { state: true },
    title: { state: true },
    name: { state: true },
    found: { state: true },
    members: { state: true },
    fault: { state: true },
  }
  declare client: Trunkline
  declare open: boolean
  declare kind: Kind
  declare access: Access
  declare title: string
  /** Of whoever is looked for. */
  declare name: string
  declare found: User[]
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
        ${this.#kind('group', 'Group', 'For those you bring in. Everybody writes.')}
        ${this.#kind('channel', 'Channel', 'For those who follow. Publishers write.')}
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
      <div class="field">
        <label for="tl-new-person">People</label>
        <input
          class="input"
          id="tl-new-person"
          autocomplete="off"
          placeholder="Look for a name"
          .value=${this.name}
          @input=${(event: Event) => void this.#look((event.target as HTMLInputElement).value)}
        />
        <ul class="choices" aria-label="People found">
          ${this.found.map(
            user => html`<li>
              <button type="button" @click=${() => this.#add(user)}>
                <tl-avatar .name=${user.name} userId=${user.id}></tl-avatar>${user.name}
              </button>
            </li>`,
          )}
        </ul>
        <ul class="chips" aria-label="People chosen">
          ${this.members.map(
            user => html`<li>
              ${user.name}<button type="button" aria-label="Leave out ${user.name}" @click=${() => this.#remove(user)}>
                ${icon('close')}
              </button>
            </li>`,
          )}
        </ul>
      </div>
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
      <button class="button primary">Create</button>
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
        ${ACCESS.map(([access, word]) => html`<option value=${access} ?selected=${access === this.access}>${word}</option>`)}
      </select>
    </div>`
  }

  #reset(): void {
    this.kind = 'group'
    this.access = 'open'
    this.title = ''
    this.name = ''
    this.found = []
    this.members = []
    this.fault = undefined
  }

  async #look(name: string): Promise<void> {
    this.name = name
    const query = name.trim()
    if (!query) {
      this.found = []
      return
    }
    try {
      const { data } = await this.client.search(query, { kinds: ['person'], limit: 8 })
      if (this.name.trim() !== query) return
      const chosen = new Set(this.members.map(({ id }) => id))
      this.found = data.flatMap((hit: SearchHit) => (hit.kind === 'person' && !chosen.has(hit.user.id) ? hit.user : []))
      this.fault = undefined
    } catch (error) {
      this.fault = (error as Error).message
    }
  }

  #add(user: User): void {
    this.members = [...this.members, user]
    this.found = []
    this.name = ''
    this.querySelector<HTMLInputElement>('#tl-new-person')?.focus()
  }

  #remove(user: User): void {
    this.members = this.members.filter(({ id }) => id !== user.id)
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
