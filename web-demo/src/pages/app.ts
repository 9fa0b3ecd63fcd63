import { LIMITS } from '@trunkline/sdk'
import { html } from 'lit'
import { LightElement } from '../design/element.ts'
import '../check/check.ts'
import '../messenger/messenger.ts'
import '../room/room.ts'
import '../watch/watch.ts'
import { nameOf, tokenOf } from '../room/address.ts'
import { playlistOf } from '../watch/watch-path.ts'
import './landing.ts'
import { roomOfPath } from './room-name.ts'

/**
 * The demo's addresses: `/`, `/r/<room>?name=<name>#token=<token>`, `/chat`, `/chat/<room>`, `/check#token=<token>` and
 * `/watch/<stream>/<key>`.
 */
export class App extends LightElement {
  static override properties = { path: { state: true } }
  declare path: string

  constructor() {
    super()
    this.path = location.pathname
  }

  override connectedCallback(): void {
    super.connectedCallback()
    addEventListener('popstate', this.#read)
    addEventListener('hashchange', this.#read)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    removeEventListener('popstate', this.#read)
    removeEventListener('hashchange', this.#read)
  }

  protected override render() {
    const [, isMessenger, chosen] = /^(\/chat)(?:\/([A-Za-z0-9][A-Za-z0-9_-]*))?\/?$/.exec(this.path) ?? []
    if (isMessenger) return html`<tl-messenger .roomId=${chosen} @go=${this.#go}></tl-messenger>`
    if (/^\/check\/?$/.test(this.path)) {
      document.title = 'Check your connection · Trunkline'
      return html`<tl-check .token=${tokenOf('/check')}></tl-check>`
    }
    const playlist = playlistOf(this.path)
    if (playlist) {
      document.title = 'Live · Trunkline'
      return html`<tl-watch .playlist=${playlist}></tl-watch>`
    }
    const roomId = roomOfPath(this.path)
    document.title = roomId ? `${roomId} · Trunkline` : 'Trunkline'
    if (!roomId) return html`<tl-landing .lost=${this.path !== '/'} @go=${this.#go}></tl-landing>`
    const name = nameOf(roomId) ?? ''
    const token = tokenOf(roomId)
    return html`<tl-room .roomId=${roomId} .name=${name.slice(0, LIMITS.userNameChars)} .token=${token}></tl-room>`
  }

  readonly #read = () => {
    this.path = location.pathname
    this.requestUpdate()
  }

  #go({ detail }: CustomEvent<string>): void {
    history.pushState(null, '', detail)
    this.#read()
  }
}

customElements.define('tl-app', App)
