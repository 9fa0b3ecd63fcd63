import { type Call, type DeviceKind, listDevices, type MediaDevice } from '@trunkline/sdk'
import { html } from 'lit'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import '../design/level-bars.ts'
import '../lobby/device-select.ts'
import { sentenceOf } from '../lobby/media-error.ts'
import { recall, remember } from '../room/storage.ts'

/** Changes devices during a call. Fires `speaker` with an id, and `fault` with a sentence. */
export class Settings extends LightElement {
  static override properties = {
    call: { attribute: false },
    devices: { state: true },
    shown: { state: true },
  }
  declare call: Call | undefined
  declare devices: MediaDevice[]
  declare shown: boolean
  readonly #level = (listener: (level: number) => void) =>
    this.call?.watchOwnLevel(listener) ?? (() => undefined)

  constructor() {
    super()
    this.devices = []
    this.shown = false
    this.follow(() => this.call)
  }

  async show(): Promise<void> {
    this.devices = await listDevices()
    this.shown = true
    this.querySelector('dialog')?.showModal()
  }

  protected override render() {
    return html`<dialog class="card settings" aria-labelledby="tl-settings" @close=${this.#hide} @click=${this.#outside}>
      <header>
        <h2 id="tl-settings">Devices</h2>
        <button class="icon-button" aria-label="Close" @click=${this.#close}>${icon('close')}</button>
      </header>
      <div class="fields">
        ${this.devices.length === 0 ? html`<p class="muted">This browser shows no devices to this page.</p>` : ''}
        ${(['mic', 'camera', 'speaker'] as const).map(
          kind => html`<tl-device-select
              kind=${kind}
              .devices=${this.devices.filter(device => device.kind === kind)}
              .selected=${this.#selected(kind)}
              @choose=${(event: CustomEvent<string>) => this.#choose(kind, event.detail)}
            ></tl-device-select>
            ${
              kind === 'mic' && this.shown
                ? html`<div class="own-level">
                    <span class="muted">Your level</span><tl-level .source=${this.#level}></tl-level>
                  </div>`
                : ''
            }`,
        )}
      </div>
    </dialog>`
  }

  #selected(kind: DeviceKind): string | undefined {
    const track = kind === 'speaker' ? undefined : this.call?.local.track(kind)
    return track?.getSettings().deviceId ?? recall(`device.${kind}`)
  }

  async #choose(kind: DeviceKind, id: string): Promise<void> {
    remember(`device.${kind}`, id)
    try {
      if (kind === 'speaker') this.dispatchEvent(new CustomEvent('speaker', { detail: id }))
      else await this.call?.switchDevice(kind, id)
    } catch (error) {
      const detail = sentenceOf(error as Error, kind === 'camera' ? 'camera' : 'mic')
      this.dispatchEvent(new CustomEvent('fault', { detail }))
    }
  }

  #hide(): void {
    this.shown = false
  }

  #close(): void {
    this.querySelector('dialog')?.close()
  }

  /** A click beside the card. */
  #outside(event: MouseEvent): void {
    if (event.target === event.currentTarget) this.#close()
  }
}

customElements.define('tl-settings', Settings)
