import { attachTrack, watchAudioLevel } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import '../design/level-bars.ts'
import type { LocalDevices } from './local-devices.ts'

/** Oneself in the mirror before a call, with microphone and camera switches. */
export class Preview extends LightElement {
  static override properties = {
    devices: { attribute: false, hasChanged: () => true },
    name: {},
    userId: {},
    picture: {},
  }
  declare devices: LocalDevices
  declare name: string
  /** So that one has the same colour here as in the call. */
  declare userId: string | undefined
  /** Address of one's own picture. */
  declare picture: string | undefined
  #level: ((listener: (level: number) => void) => () => void) | undefined
  #levelOf: MediaStreamTrack | undefined

  protected override updated(): void {
    const video = this.querySelector('video')
    if (video) attachTrack(video, this.devices.camera)
  }

  protected override render() {
    const { devices } = this
    const camera = devices.isOn('camera')
    if (this.#levelOf !== devices.mic) {
      const mic = devices.mic
      this.#levelOf = mic
      this.#level = mic && (listener => watchAudioLevel(mic, listener))
    }
    return html`<div class="preview">
      <video class="mirrored" ?hidden=${!camera} autoplay playsinline .muted=${true}></video>
      ${
        camera
          ? nothing
          : html`<div class="blank">
              <tl-avatar .name=${this.name || '·'} userId=${this.userId || this.name} .picture=${this.picture}></tl-avatar>
              <p>${devices.opening ? 'Starting your camera' : 'Your camera is off'}</p>
            </div>`
      }
      <div class="switches">
        ${this.#switch('mic')} ${this.#switch('camera')}
        ${
          devices.isOn('mic')
            ? html`<span class="meter"><tl-level .source=${this.#level}></tl-level></span>`
            : nothing
        }
      </div>
    </div>`
  }

  #switch(kind: 'mic' | 'camera') {
    const on = this.devices.isOn(kind)
    const word = kind === 'mic' ? 'microphone' : 'camera'
    const label = `Turn ${word} ${on ? 'off' : 'on'}`
    return html`<button
      type="button"
      class="switch ${on ? '' : 'off'}"
      aria-label=${label}
      title=${label}
      ?disabled=${!this.devices.supported}
      @click=${() => void this.devices.toggle(kind)}
    >
      ${icon(on ? kind : `${kind}Off`)}
    </button>`
  }
}

customElements.define('tl-preview', Preview)
