import type { DeviceKind, MediaDevice } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'

const LABELS: Record<DeviceKind, string> = { mic: 'Microphone', camera: 'Camera', speaker: 'Speaker' }

/** Chooses among the devices of one kind. Fires `choose` with the id; shows nothing when there is no choice to make. */
export class DeviceSelect extends LightElement {
  static override properties = { kind: {}, devices: { attribute: false }, selected: {} }
  declare kind: DeviceKind
  declare devices: MediaDevice[]
  declare selected: string | undefined

  constructor() {
    super()
    this.devices = []
  }

  protected override render() {
    if (this.devices.length === 0) return nothing
    const id = `tl-device-${this.kind}`
    return html`<div class="field">
      <label for=${id}>${LABELS[this.kind]}</label>
      <select class="select" id=${id} @change=${this.#choose}>
        ${this.devices.map(
          (device, index) =>
            html`<option value=${device.id} ?selected=${device.id === this.selected}>
              ${device.label || `${LABELS[this.kind]} ${index + 1}`}
            </option>`,
        )}
      </select>
    </div>`
  }

  #choose(event: Event): void {
    const { value } = event.target as HTMLSelectElement
    this.dispatchEvent(new CustomEvent('choose', { detail: value }))
  }
}

customElements.define('tl-device-select', DeviceSelect)
