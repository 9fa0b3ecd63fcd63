import { type Call, canShareScreen, hasMediaDevices } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { type IconName, icon } from '../design/icons.ts'
import { sentenceOf } from '../lobby/media-error.ts'

export type Panel = 'chat' | 'members'

/** The bar below the pictures. Fires `panel` with the one to show or hide, `leave`, and `fault` with a sentence. */
export class Controls extends LightElement {
  static override properties = {
    call: { attribute: false },
    panel: {},
    unread: { type: Number },
    knocks: { type: Number },
    busy: { state: true },
  }
  declare call: Call | undefined
  declare panel: Panel | undefined
  declare unread: number
  /** How many wait to be let in. */
  declare knocks: number
  declare busy: boolean

  constructor() {
    super()
    this.unread = 0
    this.knocks = 0
    this.busy = false
    this.follow(() => this.call)
  }

  protected override render() {
    const { call } = this
    return html`<div class="controls" role="toolbar" aria-label="Call controls">
      ${call ? [this.#mic(call), this.#camera(call), this.#screen(call), this.#hand(call), html`<span class="gap"></span>`] : nothing}
      ${this.#panelButton('chat', 'chat', 'Chat')} ${this.#panelButton('members', 'people', 'Members')}
      <span class="gap"></span>
      <button class="control leave" aria-label="Leave call" title="Leave call" @click=${() => this.#fire('leave')}>
        ${icon('leave')}
      </button>
    </div>`
  }

  #mic(call: Call) {
    const label = call.micOn ? 'Mute microphone' : 'Unmute microphone'
    return this.#button(label, call.micOn ? 'mic' : 'micOff', !call.micOn, () =>
      this.#try('mic', () => call.setMic(!call.micOn)),
    )
  }

  #camera(call: Call) {
    const label = call.cameraOn ? 'Turn camera off' : 'Turn camera on'
    return this.#button(label, call.cameraOn ? 'camera' : 'cameraOff', !call.cameraOn, () =>
      this.#try('camera', () => call.setCamera(!call.cameraOn)),
    )
  }

  #screen(call: Call) {
    if (!canShareScreen() || !call.moderation.can('publish')) return nothing
    const on = call.sharingScreen
    return html`<button
      class="control ${on ? 'active' : ''}"
      aria-label=${on ? 'Stop sharing screen' : 'Share screen'}
      title=${on ? 'Stop sharing screen' : 'Share screen'}
      @click=${() => this.#try('screen', () => (on ? call.stopScreen() : call.shareScreen()))}
    >
      ${icon(on ? 'screenStop' : 'screen')}
    </button>`
  }

  #hand(call: Call) {
    const up = call.local.handRaisedAt !== undefined
    const label = up ? 'Lower hand' : 'Raise hand'
    const set = () => call.moderation.setHand(!up).catch((error: Error) => this.#fire('fault', error.message))
    return html`<button class="control ${up ? 'active' : ''}" aria-label=${label} title=${label} @click=${set}>
      ${icon('hand')}
    </button>`
  }

  #button(label: string, name: IconName, off: boolean, act: () => Promise<void>) {
    return html`<button
      class="control ${off ? 'off' : ''}"
      aria-label=${label}
      title=${label}
      ?disabled=${!hasMediaDevices() || !this.call?.moderation.can('publish')}
      @click=${act}
    >
      ${icon(name)}
    </button>`
  }

  #panelButton(panel: Panel, name: IconName, label: string) {
    const open = this.panel === panel
    const [count, what] = panel === 'chat' ? [this.unread, 'unread'] : [this.knocks, 'waiting']
    const badge = count > 0
    return html`<button
      class="control ${open ? 'active' : ''}"
      aria-label=${badge ? `${label}, ${count} ${what}` : label}
      title=${label}
      aria-expanded=${open}
      @click=${() => this.#fire('panel', panel)}
    >
      ${icon(name)}
      ${badge ? html`<span class="badge" aria-hidden="true">${count > 99 ? '99+' : count}</span>` : nothing}
    </button>`
  }

  async #try(kind: 'mic' | 'camera' | 'screen', act: () => Promise<void>): Promise<void> {
    if (this.busy) return
    this.busy = true
    try {
      await act()
    } catch (error) {
      // Closing the browser's own chooser is no fault.
      const chosenNone = kind === 'screen' && (error as Error).name === 'NotAllowedError'
      if (!chosenNone) this.#fire('fault', sentenceOf(error as Error, kind))
    } finally {
      this.busy = false
    }
  }

  #fire(name: string, detail?: string): void {
    this.dispatchEvent(new CustomEvent(name, { detail }))
  }
}

customElements.define('tl-controls', Controls)
