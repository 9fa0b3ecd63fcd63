import { LIMITS, type Room, type RoomChanges } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { ACCESS_WORDS, type Access, retentionWord } from './access.ts'
import { dialogCard } from './dialog.ts'
import './picture-picker.ts'
import { roomSign } from './room-sign.ts'

const RETENTIONS = [null, 1, 7, 30, 90, 365] as const

/** A button, and the dialog it opens: what may be changed of a room. */
export class RoomSettings extends LightElement {
  static override properties = {
    room: { attribute: false },
    open: { state: true },
    busy: { state: true },
    fault: { state: true },
  }
  declare room: Room
  declare open: boolean
  declare busy: boolean
  declare fault: string | undefined

  constructor() {
    super()
    this.open = false
    this.busy = false
    this.follow(() => this.room)
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
          this.fault = undefined
          this.open = true
        }}
      >
        ${icon('pencil')}Edit
      </button>
      ${
        this.open
          ? dialogCard({
              title: 'Edit this room',
              body: html`${this.#picture()}${this.#form()}`,
              closed: () => {
                this.open = false
              },
            })
          : nothing
      }`
  }

  #picture() {
    const { info } = this.room
    if (!info || info.kind === 'direct') return nothing
    return html`<tl-picture-picker
      .face=${roomSign(info)}
      .removable=${info.avatar !== null}
      .set=${(picture: Blob | null) => this.room.setAvatar(picture)}
    ></tl-picture-picker>`
  }

  /** Filled once, when it opens: what others change meanwhile does not go under one's fingers. */
  #form() {
    const { info } = this.room
    if (!info) return nothing
    const days = RETENTIONS.some(it => it === info.retentionDays)
      ? RETENTIONS
      : [...RETENTIONS, info.retentionDays]
    return html`<form class="stack" @submit=${this.#submit}>
      ${
        info.kind === 'direct'
          ? nothing
          : html`<div class="field">
              <label for="tl-edit-title">Title</label>
              <input class="input" id="tl-edit-title" name="title" required maxlength=${LIMITS.roomNameChars} value=${info.title} />
            </div>`
      }
      <div class="field">
        <label for="tl-edit-description">Description</label>
        <textarea class="input" id="tl-edit-description" name="description" rows="3" maxlength=${LIMITS.descriptionChars}>${info.description}</textarea>
      </div>
      ${
        info.kind === 'channel'
          ? html`<div class="field">
              <label for="tl-edit-access">Who may follow</label>
              <select class="select" id="tl-edit-access" name="access">
                ${ACCESS_WORDS.map(([access, word]) => html`<option value=${access} ?selected=${access === info.access}>${word}</option>`)}
              </select>
            </div>`
          : nothing
      }
      ${
        info.kind === 'direct'
          ? nothing
          : html`<div class="field">
              <label for="tl-edit-role">Who comes in may</label>
              <select class="select" id="tl-edit-role" name="defaultRole">
                <option value="publisher" ?selected=${info.defaultRole === 'publisher'}>Read and write (publisher)</option>
                <option value="member" ?selected=${info.defaultRole === 'member'}>Read and react (member)</option>
              </select>
            </div>`
      }
      <div class="field">
        <label for="tl-edit-retention">Messages</label>
        <select class="select" id="tl-edit-retention" name="retention" ?disabled=${!this.room.can('administer')}>
          ${days.map(it => html`<option value=${it ?? ''} ?selected=${it === info.retentionDays}>${retentionWord(it)}</option>`)}
        </select>
      </div>
      ${
        info.kind === 'direct'
          ? nothing
          : html`<label class="check"
              ><input type="checkbox" name="guests" ?checked=${info.guests} />Guests with the link may come in</label
            >`
      }
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
      <button class="button primary wide" ?disabled=${this.busy}>Save</button>
    </form>`
  }

  async #submit(event: SubmitEvent): Promise<void> {
    event.preventDefault()
    const { info } = this.room
    if (!info) return
    const data = new FormData(event.target as HTMLFormElement)
    const text = (name: string) => String(data.get(name) ?? '').trim()
    const retention = text('retention')
    const changes: RoomChanges = {
      description: text('description'),
    }
    // For owners to say.
    if (this.room.can('administer')) changes.retentionDays = retention === '' ? null : Number(retention)
    if (info.kind !== 'direct') {
      changes.title = text('title')
      changes.defaultRole = text('defaultRole') === 'member' ? 'member' : 'publisher'
      changes.guests = data.has('guests')
    }
    if (info.kind === 'channel') changes.access = text('access') as Access
    this.busy = true
    try {
      await this.room.update(changes)
      this.fault = undefined
      this.querySelector('dialog')?.close()
    } catch (error) {
      this.fault = (error as Error).message
    } finally {
      this.busy = false
    }
  }
}

customElements.define('tl-room-settings', RoomSettings)
