import { canEncryptCalls, type Knocking, type Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../call/at-the-door.ts'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { brandMark, icon } from '../design/icons.ts'
import { nameField } from '../design/name-field.ts'
import { encryptsByDefault, othersEncrypt } from '../room/encryption-choice.ts'
import './device-select.ts'
import { LocalDevices } from './local-devices.ts'
import './preview.ts'

/** `encrypted`: undefined unless it was chosen here. */
export type JoinDetail = { name: string; devices: LocalDevices; encrypted: boolean | undefined }

const LIST = new Intl.ListFormat('en', { type: 'conjunction' })

/**
 * The page before the call: how one looks and sounds, who is there, and the way in. Fires `join`, or `chat` with
 * a name for the messages alone, `encrypt` with whether the call is to be encrypted, and `rename` with the name at each key.
 */
export class Lobby extends LightElement {
  static override properties = {
    roomId: {},
    heading: {},
    name: {},
    fixedName: {},
    room: { attribute: false },
    knocking: { attribute: false },
    joining: { type: Boolean },
    fault: {},
    embedded: { type: Boolean },
    voice: { type: Boolean },
    encrypted: { attribute: false },
  }
  declare roomId: string
  /** What the room is called here; its own title when absent. */
  declare heading: string | undefined
  declare name: string
  declare fixedName: string | undefined
  /** Open already when we are known; then it tells who is in the call. */
  declare room: Room | undefined
  /** While a host is asked to let one in. */
  declare knocking: Knocking | undefined
  declare joining: boolean
  declare fault: string | undefined
  declare embedded: boolean
  /** A voice call: the camera stays off until it is turned on. */
  declare voice: boolean
  /** Whether to come in encrypted, once that is chosen. */
  declare encrypted: boolean | undefined
  readonly #devices = new LocalDevices(() => this.requestUpdate())

  constructor() {
    super()
    this.name = ''
    this.joining = false
    this.voice = false
    this.follow(() => this.room)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    if (this.voice) this.#devices.cameraOn = false
    void this.#devices.open()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#devices.close()
  }

  /** As they are chosen and switched here. */
  get devices(): LocalDevices {
    return this.#devices
  }

  protected override render() {
    const devices = this.#devices
    return html`<main class="lobby">
      ${this.embedded ? nothing : html`<a class="brand" href="/">${brandMark()}Trunkline</a>`}
      <div class="columns">
        <section aria-label="Camera preview">
          <tl-preview .devices=${devices} .name=${this.fixedName ?? this.name} .userId=${this.room?.me?.user.id} .picture=${this.#pictureOf(this.room?.me?.user.id)}></tl-preview>
          ${this.#faults()}
          <div class="devices">
            ${(['mic', 'camera', 'speaker'] as const).map(
              kind => html`<tl-device-select
                kind=${kind}
                .devices=${devices.of(kind)}
                .selected=${devices.chosen(kind)}
                @choose=${(event: CustomEvent<string>) => void devices.choose(kind, event.detail)}
              ></tl-device-select>`,
            )}
          </div>
          ${this.embedded ? nothing : html`<p class="muted to-check"><a href="/check" target="_blank">Check your connection</a></p>`}
        </section>
        <form @submit=${this.#submit} novalidate>
          <div class="title">
            <h1>${this.heading || this.room?.info?.title || this.roomId}</h1>
            ${this.#whoIsHere()}
          </div>
          ${this.#whoElseSees()}
          ${this.knocking ? this.#door(this.knocking) : this.#wayIn()}
        </form>
      </div>
    </main>`
  }

  #door(knocking: Knocking) {
    return html`<tl-at-the-door
      .knocking=${knocking}
      @again=${this.#submit}
      @cancel=${() => this.dispatchEvent(new CustomEvent('cancel'))}
    ></tl-at-the-door>`
  }

  #wayIn() {
    return html`${this.#nameField()} ${canEncryptCalls() ? this.#encryption() : nothing}
          ${this.fault ? html`<p class="notice error" role="alert">${icon('alert')}${this.fault}</p>` : nothing}
          <button class="button primary wide tall" ?disabled=${this.joining}>
            ${this.joining ? html`<span class="spinner"></span>Joining` : 'Join call'}
          </button>
          <button type="button" class="button wide" ?disabled=${this.joining} @click=${this.#chat}>Only chat</button>`
  }

  #encryption() {
    const on = this.#encrypts
    const others = othersEncrypt(this.room)
    const mixed = others === undefined || others === on
    const what = mixed
      ? 'Nobody else sees or hears the call, not even this server.'
      : on
        ? 'The others in this call do not encrypt it: they see and hear nothing of you.'
        : 'The others encrypt this call: without it you see and hear nothing of them.'
    return html`<label class="switch-row encryption">
      <span>End-to-end encryption<small>${what}</small></span>
      <input type="checkbox" role="switch" name="encryption" .checked=${on} ?disabled=${this.joining} @change=${this.#encrypt} />
    </label>`
  }

  get #encrypts(): boolean {
    return this.encrypted ?? encryptsByDefault(this.room)
  }

  #encrypt(event: Event): void {
    this.encrypted = (event.target as HTMLInputElement).checked
    this.dispatchEvent(new CustomEvent('encrypt', { detail: this.encrypted }))
  }

  #nameField() {
    if (this.fixedName !== undefined) {
      return html`<p class="muted">You join as <strong>${this.fixedName}</strong>.</p>`
    }
    const changed = (name: string) => {
      this.name = name
      this.dispatchEvent(new CustomEvent('rename', { detail: name }))
    }
    return nameField({ id: 'tl-name', value: this.name, required: true, changed })
  }

  #faults() {
    const { supported, micFault, cameraFault } = this.#devices
    if (!supported) {
      return html`<p class="notice">
        ${icon('lock')}This page is not on https, so the browser gives no microphone or camera. You can still join,
        see and hear the others, and chat.
      </p>`
    }
    return [micFault, cameraFault].flatMap(fault =>
      fault ? html`<p class="notice" role="status">${icon('alert')}${fault}</p>` : [],
    )
  }

  #whoIsHere() {
    const call = this.room?.liveCall
    if (!this.room?.info) return html`<p class="muted">Check how you look and sound, then join.</p>`
    if (call?.lobby || call?.locked || (!call && this.room.info.lobby)) {
      return html`<p class="muted">A host of this call lets people in.</p>`
    }
    if (!call || call.participants.length === 0) return html`<p class="muted">Nobody is in the call yet.</p>`
    const people = call.participants.map(({ name, userId }) => ({
      name: this.room?.member(userId)?.user.name ?? name,
      userId,
    }))
    const names = [...new Set(people.map(({ name }) => name))]
    const shown = names.length > 3 ? [...names.slice(0, 3), `${names.length - 3} more`] : names
    return html`<div class="here">
      <span class="faces">
        ${people
          .slice(0, 4)
          .map(
            ({ name, userId }) =>
              html`<tl-avatar .name=${name} userId=${userId} .picture=${this.#pictureOf(userId)}></tl-avatar>`,
          )}
      </span>
      <p class="muted">${LIST.format(shown)} ${names.length === 1 ? 'is' : 'are'} in the call.</p>
    </div>`
  }

  /** Who comes in agrees to it: so it is said before. */
  #whoElseSees() {
    const { recording, stream } = this.room?.liveCall ?? {}
    if (!recording && !stream) return nothing
    const what = [...(recording ? ['recorded'] : []), ...(stream ? ['shown live to others'] : [])]
    return html`<p class="notice" role="status">${icon(stream ? 'live' : 'record')}This call is being ${LIST.format(what)}.</p>`
  }

  #pictureOf(userId: string | undefined): string | undefined {
    const { room } = this
    return userId === undefined ? undefined : room?.files.addressOf(room.member(userId)?.user.avatar)
  }

  #submit(event: Event): void {
    event.preventDefault()
    const name = this.#named()
    if (!name) return
    const detail: JoinDetail = { name, devices: this.#devices, encrypted: this.encrypted }
    this.dispatchEvent(new CustomEvent('join', { detail }))
  }

  #chat(): void {
    const detail = this.#named()
    if (detail) this.dispatchEvent(new CustomEvent('chat', { detail }))
  }

  /** The name to come in by; empty after asking for one. */
  #named(): string {
    const name = (this.fixedName ?? this.name).trim()
    if (!name) {
      this.fault = 'Enter your name, so that the others know who you are.'
      this.querySelector('input')?.focus()
    }
    return name
  }
}

customElements.define('tl-lobby', Lobby)
