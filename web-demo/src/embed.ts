import { html, LitElement, unsafeCSS } from 'lit'
import './room/room.ts'
import styles from './styles.css?inline'

/**
 * A room in any page: `<script type="module" src="https://calls.example.org/embed.js"></script>` and
 * `<trunkline-room room="ward-7" token="..."></trunkline-room>`. Without a token people come in as guests, where the
 * server lets them. `url` names the server when it is not the one the script came from.
 */
export class TrunklineRoom extends LitElement {
  static override properties = { url: {}, room: {}, token: {}, name: {} }
  static override styles = unsafeCSS(`${styles}\n:host { display: block; min-height: 480px; }`)
  declare url: string
  declare room: string
  declare token: string | undefined
  declare name: string

  constructor() {
    super()
    this.url = new URL(import.meta.url).origin
    this.name = ''
  }

  protected override render() {
    if (!this.room) return html``
    return html`<tl-room
      .url=${this.url}
      .roomId=${this.room}
      .token=${this.token || undefined}
      .name=${this.name}
      .embedded=${true}
    ></tl-room>`
  }
}

customElements.define('trunkline-room', TrunklineRoom)
