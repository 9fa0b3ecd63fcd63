import type { SearchHit, Trunkline, User } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/** People found by name and chosen. Fires `chosen` with all of them. */
export class PeoplePicker extends LightElement {
  static override properties = {
    client: { attribute: false },
    label: {},
    chosen: { attribute: false },
    isLeftOut: { attribute: false },
    name: { state: true },
    found: { state: true },
    fault: { state: true },
  }
  declare client: Trunkline
  declare label: string
  declare chosen: readonly User[]
  /** Whom not to offer: those who are in the room already. */
  declare isLeftOut: ((userId: string) => boolean) | undefined
  declare name: string
  /** Undefined until something was looked for. */
  declare found: User[] | undefined
  declare fault: string | undefined

  constructor() {
    super()
    this.label = 'People'
    this.chosen = []
    this.name = ''
  }

  protected override render() {
    return html`<div class="field picker">
      <label for="tl-picker-name">${this.label}</label>
      ${
        this.chosen.length > 0
          ? html`<ul class="chips" aria-label="People chosen">
              ${this.chosen.map(
                user => html`<li>
                  <tl-avatar .name=${user.name} userId=${user.id} .picture=${user.avatar}></tl-avatar><span>${user.name}</span>
                  <button type="button" aria-label="Leave out ${user.name}" @click=${() => this.#remove(user)}>
                    ${icon('close')}
                  </button>
                </li>`,
              )}
            </ul>`
          : nothing
      }
      <input
        class="input"
        id="tl-picker-name"
        autocomplete="off"
        maxlength="200"
        placeholder="Look for a name"
        .value=${this.name}
        @input=${(event: Event) => void this.#look((event.target as HTMLInputElement).value)}
        @keydown=${this.#key}
      />
      ${this.#results()}
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
    </div>`
  }

  #results() {
    const { found } = this
    if (!found || this.name.trim() === '') return nothing
    if (found.length === 0)
      return html`<p class="hint" role="status">Nobody by this name shares a room with you.</p>`
    return html`<ul class="choices" aria-label="People found">
      ${found.map(
        user => html`<li>
          <button type="button" @click=${() => this.#add(user)}>
            <tl-avatar .name=${user.name} userId=${user.id} .picture=${user.avatar}></tl-avatar><span>${user.name}</span>
          </button>
        </li>`,
      )}
    </ul>`
  }

  async #look(name: string): Promise<void> {
    this.name = name
    const query = name.trim()
    if (!query) {
      this.found = undefined
      return
    }
    try {
      const { data } = await this.client.search(query, { kinds: ['person'], limit: 8 })
      if (this.name.trim() !== query) return
      const chosen = new Set(this.chosen.map(({ id }) => id))
      this.found = data.flatMap((hit: SearchHit) =>
        hit.kind === 'person' && !chosen.has(hit.user.id) && !this.isLeftOut?.(hit.user.id) ? hit.user : [],
      )
      this.fault = undefined
    } catch (error) {
      this.fault = (error as Error).message
    }
  }

  /** Enter takes the first who was found, rather than sending the form. */
  #key(event: KeyboardEvent): void {
    if (event.key !== 'Enter' || event.isComposing || this.name.trim() === '') return
    event.preventDefault()
    const [first] = this.found ?? []
    if (first) this.#add(first)
  }

  #add(user: User): void {
    this.found = undefined
    this.name = ''
    this.querySelector<HTMLInputElement>('input')?.focus()
    this.#tell([...this.chosen, user])
  }

  #remove(user: User): void {
    this.#tell(this.chosen.filter(({ id }) => id !== user.id))
    this.querySelector<HTMLInputElement>('input')?.focus()
  }

  #tell(detail: User[]): void {
    this.dispatchEvent(new CustomEvent('chosen', { detail }))
  }
}

customElements.define('tl-people-picker', PeoplePicker)
