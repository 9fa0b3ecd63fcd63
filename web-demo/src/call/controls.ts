import { type Call, canShareScreen, hasMediaDevices } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { type MenuItem, openMenu } from '../chat/menu.ts'
import { LightElement } from '../design/element.ts'
import { type IconName, icon } from '../design/icons.ts'
import { sentenceOf } from '../lobby/media-error.ts'

export type Panel = 'chat' | 'members'

type Toggle = { word: string; sign: IconName; on: boolean; news?: boolean; act: () => void }

/**
 * The bar below the pictures. Fires `panel` with the one to show or hide, `board` to show or hide the whiteboard, `leave`,
 * and `fault` with a sentence.
 */
export class Controls extends LightElement {
  static override properties = {
    call: { attribute: false },
    panel: {},
    unread: { type: Number },
    knocks: { type: Number },
    compact: { type: Boolean },
    boardOpen: { type: Boolean },
    boardNews: { type: Boolean },
    busy: { state: true },
  }
  declare call: Call | undefined
  declare panel: Panel | undefined
  declare unread: number
  /** How many wait to be let in. */
  declare knocks: number
  /** Whether there is room for the most needed alone: the others are in a menu then. */
  declare compact: boolean
  declare boardOpen: boolean
  /** Whether somebody has drawn what was not seen yet. */
  declare boardNews: boolean
  declare busy: boolean

  constructor() {
    super()
    this.unread = 0
    this.knocks = 0
    this.compact = false
    this.boardOpen = false
    this.boardNews = false
    this.busy = false
    this.follow(() => this.call)
  }

  protected override render() {
    const { call } = this
    return html`<div class="controls" role="toolbar" aria-label="Call controls">
      ${call ? [this.#mic(call), this.#camera(call), this.#rest(call), html`<span class="gap"></span>`] : nothing}
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

  /** What one does beside speaking and being seen. */
  #rest(call: Call) {
    const toggles = this.#toggles(call)
    if (!this.compact) return toggles.map(toggle => this.#toggle(toggle))
    const news = toggles.some(toggle => toggle.news)
    const open = ({ currentTarget }: Event) => {
      const items = toggles.map(({ word, sign, act }): MenuItem => ({ word, icon: sign, act }))
      openMenu(currentTarget as HTMLElement, { label: 'More', items: [items] })
    }
    return html`<button
      class="control ${toggles.some(({ on }) => on) ? 'active' : ''}"
      aria-label=${news ? 'More, somebody draws on the whiteboard' : 'More'}
      aria-haspopup="menu"
      title="More"
      @click=${open}
    >
      ${icon('more')} ${news ? html`<span class="news"></span>` : nothing}
    </button>`
  }

  #toggles(call: Call): Toggle[] {
    const { sharingScreen, local, moderation } = call
    const up = local.handRaisedAt !== undefined
    const screen: Toggle = {
      word: sharingScreen ? 'Stop sharing screen' : 'Share screen',
      sign: sharingScreen ? 'screenStop' : 'screen',
      on: sharingScreen,
      act: () => void this.#try('screen', () => (sharingScreen ? call.stopScreen() : call.shareScreen())),
    }
    const board: Toggle = {
      word: this.boardOpen ? 'Close whiteboard' : 'Whiteboard',
      sign: 'board',
      on: this.boardOpen,
      news: this.boardNews && !this.boardOpen,
      act: () => this.#fire('board'),
    }
    const hand: Toggle = {
      word: up ? 'Lower hand' : 'Raise hand',
      sign: 'hand',
      on: up,
      act: () => void moderation.setHand(!up).catch((error: Error) => this.#fire('fault', error.message)),
    }
    return canShareScreen() && moderation.can('publish') ? [screen, board, hand] : [board, hand]
  }

  #toggle({ word, sign, on, news, act }: Toggle) {
    return html`<button
      class="control ${on ? 'active' : ''}"
      aria-label=${news ? `${word}, somebody draws` : word}
      title=${word}
      @click=${act}
    >
      ${icon(sign)} ${news ? html`<span class="news"></span>` : nothing}
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
