import type { Room, Trunkline, User } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { dialogCard } from './dialog.ts'
import './people-picker.ts'

const LIST = new Intl.ListFormat('en', { type: 'conjunction' })

/** A button, and the dialog it opens: brings people into the room, or invites them. Fires `say`. */
export class AddPeople extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    open: { state: true },
    people: { state: true },
    busy: { state: true },
    fault: { state: true },
  }
  declare room: Room
  declare client: Trunkline
  declare open: boolean
  declare people: User[]
  declare busy: boolean
  declare fault: string | undefined

  constructor() {
    super()
    this.open = false
    this.people = []
    this.busy = false
  }

  protected override updated(): void {
    const dialog = this.querySelector('dialog')
    if (this.open && dialog && !dialog.open) dialog.showModal()
  }

  protected override render() {
    return html`<button
        class="button small"
        aria-haspopup="dialog"
        @click=${() => {
          this.people = []
          this.fault = undefined
          this.open = true
        }}
      >
        ${icon('plus')}Add people
      </button>
      ${
        this.open
          ? dialogCard({
              title: 'Add people',
              body: this.#form(),
              closed: () => {
                this.open = false
              },
            })
          : nothing
      }`
  }

  #form() {
    const isNobody = this.people.length === 0 || this.busy
    return html`<form class="stack" @submit=${(event: Event) => void this.#submit(event)}>
      <tl-people-picker
        .client=${this.client}
        .chosen=${this.people}
        .isLeftOut=${(userId: string) => this.room.member(userId) !== undefined}
        @chosen=${(event: CustomEvent<User[]>) => {
          this.people = event.detail
        }}
      ></tl-people-picker>
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
      <div class="answers">
        <button class="button" name="way" value="invite" ?disabled=${isNobody}>Invite</button>
        <button class="button primary" name="way" value="add" ?disabled=${isNobody}>Add now</button>
      </div>
    </form>`
  }

  async #submit(event: Event): Promise<void> {
    event.preventDefault()
    const isInvitation = ((event as SubmitEvent).submitter as HTMLButtonElement | null)?.value === 'invite'
    const ids = this.people.map(({ id }) => id)
    const names = LIST.format(this.people.map(({ name }) => name))
    this.busy = true
    try {
      await (isInvitation ? this.room.invite(ids) : this.room.add(ids))
      this.querySelector('dialog')?.close()
      const detail = isInvitation
        ? `${names} can accept the invitation now.`
        : `${names} can read and take part now.`
      this.dispatchEvent(new CustomEvent('say', { detail }))
    } catch (error) {
      this.fault = (error as Error).message
    } finally {
      this.busy = false
    }
  }
}

customElements.define('tl-add-people', AddPeople)
