import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { brandMark, icon } from '../design/icons.ts'
import { nameField } from '../design/name-field.ts'
import { recall, remember } from '../room/storage.ts'
import { createPerson, forgetPerson, knownPeople, type Person } from './people.ts'

/** Who one is: somebody new, or one of those this browser was before. Fires `person`. */
export class SignIn extends LightElement {
  static override properties = {
    fault: {},
    name: { state: true },
    busy: { state: true },
    people: { state: true },
  }
  /** Why one is asked again. */
  declare fault: string | undefined
  declare name: string
  declare busy: boolean
  declare people: Person[]

  constructor() {
    super()
    this.name = recall('name') ?? ''
    this.busy = false
    this.people = knownPeople()
  }

  protected override render() {
    return html`<main class="sign-in">
      <a class="brand" href="/">${brandMark()}Trunkline</a>
      <h1>Try messaging</h1>
      <p class="muted">
        Rooms, channels, threads, reactions, search: as somebody of your own making. To see both sides, be somebody
        else in a second tab.
      </p>
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
      ${this.people.length > 0 ? this.#known() : nothing}
      <form @submit=${this.#submit}>
        ${nameField({
          id: 'tl-sign-in-name',
          value: this.name,
          required: true,
          changed: name => {
            this.name = name
          },
        })}
        <button class="button primary wide tall" ?disabled=${this.busy || this.name.trim() === ''}>
          ${this.people.length > 0 ? 'Start as somebody new' : 'Start'}${icon('arrow')}
        </button>
      </form>
    </main>`
  }

  #known() {
    return html`<ul class="people" aria-label="Continue as">
      ${this.people.map(
        person => html`<li>
          <button class="person" @click=${() => this.#go(person)}>
            <tl-avatar .name=${person.user.name} userId=${person.user.id} .picture=${person.user.avatar}></tl-avatar>
            <span>Continue as <strong>${person.user.name}</strong></span>
          </button>
          <button
            class="icon-button"
            aria-label="Forget ${person.user.name}"
            title="Forget ${person.user.name}"
            @click=${() => this.#forget(person)}
          >
            ${icon('close')}
          </button>
        </li>`,
      )}
    </ul>`
  }

  #forget(person: Person): void {
    forgetPerson(person.user.id)
    this.people = knownPeople()
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault()
    const name = this.name.trim()
    if (name === '') return
    this.busy = true
    this.fault = undefined
    try {
      const person = await createPerson(name)
      remember('name', name)
      this.#go(person)
    } catch (error) {
      this.fault = (error as Error).message
    } finally {
      this.busy = false
    }
  }

  #go(detail: Person): void {
    this.dispatchEvent(new CustomEvent('person', { detail }))
  }
}

customElements.define('tl-sign-in', SignIn)
