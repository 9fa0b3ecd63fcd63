import { html, nothing } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { brandMark, icon } from '../design/icons.ts'
import { nameField } from '../design/name-field.ts'
import { recall, remember } from '../room/storage.ts'
import { inventRoom, roomIdOf } from './room-name.ts'

/** Whether this server runs the demo, which it writes into the page. */
const isDemo = document.documentElement.dataset.demo !== 'off'

/** The front page: what this is, and the way into a room. Fires `go` with a path. */
export class Landing extends LightElement {
  static override properties = { lost: { type: Boolean }, room: { state: true }, name: { state: true } }
  /** The address led nowhere. */
  declare lost: boolean
  declare room: string
  declare name: string

  constructor() {
    super()
    this.lost = false
    this.room = ''
    this.name = recall('name') ?? ''
  }

  protected override render() {
    return html`<main class="landing">
      <header><a class="brand" href="/">${brandMark()}Trunkline</a></header>
      <div class="columns">
        <section class="pitch">
          <h1>Calls and messages, on your own server.</h1>
          <p class="muted">
            Video, chat, pictures and presence in one room. Open it, send the link, talk. Nothing to install.
          </p>
          ${this.lost ? html`<p class="notice" role="status">There is no such room at this address.${isDemo ? ' Open one here.' : ''}</p>` : nothing}
          ${isDemo ? this.#form() : closed()}
        </section>
        ${picture()}
      </div>
    </main>`
  }

  #form() {
    const roomId = roomIdOf(this.room)
    const typed = this.room.trim()
    return html`<form @submit=${this.#submit}>
      ${nameField({
        id: 'tl-landing-name',
        value: this.name,
        changed: name => {
          this.name = name
        },
      })}
      <div class="field">
        <label for="tl-landing-room">Room</label>
        <input
          class="input"
          id="tl-landing-room"
          autocomplete="off"
          autocapitalize="none"
          spellcheck="false"
          placeholder="Leave empty for a new one"
          .value=${this.room}
          @input=${(event: Event) => {
            this.room = (event.target as HTMLInputElement).value
          }}
        />
        ${
          typed && roomId !== typed
            ? html`<p class="muted" role="status">
              ${roomId ? `Its address will be /r/${roomId}` : 'Letters and digits, please; or leave it empty for a new room.'}
            </p>`
            : nothing
        }
      </div>
      <button class="button primary wide tall">
        ${roomId ? 'Open room' : 'Create a room'}${icon('arrow')}
      </button>
    </form>
    <a class="second-way" href="/chat">
      <span class="sign">${icon('chat')}</span>
      <span class="what"><strong>Try messaging</strong><small>Rooms, channels, threads and search</small></span>
      ${icon('arrow')}
    </a>
    <p class="muted"><a href="/check">Check your connection</a></p>`
  }

  #submit(event: Event): void {
    event.preventDefault()
    const name = this.name.trim()
    if (name) remember('name', name)
    const query = name ? `?name=${encodeURIComponent(name)}` : ''
    const detail = `/r/${roomIdOf(this.room) || inventRoom()}${query}`
    this.dispatchEvent(new CustomEvent('go', { detail }))
  }
}

/** Where nobody comes in without an app that lets them: how one comes in then, and what opens it for everybody. */
const closed = () => html`<p class="muted">
    <strong>Rooms here are opened by an app.</strong> Use the link it gave you.
  </p>
  <p class="muted">
    Do you run this server? Make a room with <code>POST /v1/rooms</code>, a token with <code>POST /v1/tokens</code>, and hand
    out <code>/r/&lt;room&gt;#token=&lt;token&gt;</code>. With <code>TRUNKLINE_DEMO=1</code> everybody may open rooms as a
    guest.
  </p>`

/** A call, drawn. */
const picture = () => html`<div class="picture-of-a-call" aria-hidden="true">
  <div class="t t1"><tl-avatar name="Mara Lind" userId="m-3"></tl-avatar><span class="label-pill">Mara</span></div>
  <div class="t t2"><tl-avatar name="Jonas Weber" userId="j-8"></tl-avatar><span class="label-pill">Jonas</span></div>
  <div class="t t3"><tl-avatar name="Aiko Sato" userId="a-12"></tl-avatar><span class="label-pill">Aiko</span></div>
  <div class="b b1">Can you see the scan?</div>
  <div class="b b2">Yes, clear as day</div>
  <div class="c"><i>${icon('mic')}</i><i>${icon('camera')}</i><i>${icon('screen')}</i><i class="x">${icon('leave')}</i></div>
</div>`

customElements.define('tl-landing', Landing)
