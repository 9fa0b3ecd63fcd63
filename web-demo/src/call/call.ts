import type { Breakouts, Call, Room } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import '../chat/chat.ts'
import { LightElement } from '../design/element.ts'
import { brandMark, icon } from '../design/icons.ts'
import '../design/toast.ts'
import type { Toast } from '../design/toast.ts'
import '../members/members.ts'
import { copyText } from '../room/clipboard.ts'
import { recall } from '../room/storage.ts'
import './board/board.ts'
import { SharedBoard } from './board/shared-board.ts'
import './breakout-sign.ts'
import './breakouts.ts'
import './call-clock.ts'
import type { BreakoutsDialog } from './breakouts.ts'
import './controls.ts'
import './encryption-dialog.ts'
import type { EncryptionDialog } from './encryption-dialog.ts'
import './encryption-sign.ts'
import type { Panel } from './controls.ts'
import { openHostMenu } from './host-menu.ts'
import './live-dialog.ts'
import type { LiveDialog } from './live-dialog.ts'
import './live-sign.ts'
import './people.ts'
import './settings.ts'
import type { Settings } from './settings.ts'
import './recording-sign.ts'
import { Signs } from './signs.ts'
import './sounds.ts'
import './stage.ts'
import { Unread } from './unread.ts'
import './waiting.ts'

/** Below this width (CSS pixels) chat and members cover the call instead of standing beside it. */
const NARROW = 900
/** And below this one the bar has room for the most needed alone. */
const COMPACT = 560

/** Joining comes first: the whiteboard is listened to when the pictures are there, ms. */
const BOARD_MS = 1_000

/** In a room: the call, with chat or members beside it. Fires `left`. */
export class CallView extends LightElement {
  static override properties = {
    room: { attribute: false },
    call: { attribute: false },
    breakouts: { attribute: false },
    invite: {},
    heading: {},
    within: { type: Boolean },
    panel: { state: true },
    narrow: { state: true },
    compact: { state: true },
    boardOpen: { state: true },
    boardNews: { state: true },
    speaker: { state: true },
  }
  declare room: Room
  /** Undefined where the server carries no calls: then there is the chat. */
  declare call: Call | undefined
  /** Of the room the call began in; absent where there can be none. */
  declare breakouts: Breakouts | undefined
  /** The link to hand on; absent within another page, whose own addresses lead here. */
  declare invite: string | undefined
  /** What the room is called here; its own title when absent. */
  declare heading: string | undefined
  /** Within a page that goes on behind it: there is a way back to that, by `back`. */
  declare within: boolean
  declare panel: Panel | undefined
  declare narrow: boolean
  declare compact: boolean
  declare boardOpen: boolean
  /** Somebody has drawn while the whiteboard was closed. */
  declare boardNews: boolean
  declare speaker: string | undefined
  #unread: Unread | undefined
  #signs: Signs | undefined
  #board: SharedBoard | undefined
  #boardTimer: ReturnType<typeof setTimeout> | undefined
  readonly #observer = new ResizeObserver(([entry]) => this.#resize(entry?.contentRect.width ?? 0))

  constructor() {
    super()
    this.narrow = false
    this.compact = false
    this.boardOpen = false
    this.boardNews = false
    this.within = false
    this.speaker = recall('device.speaker')
    this.follow(() => this.room)
    this.follow(() => this.call)
    this.follow(() => this.call?.moderation)
    this.follow(() => this.breakouts)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#resize(this.parentElement?.clientWidth ?? 0)
    // The messages are just behind it.
    this.panel = this.narrow || this.within ? undefined : 'chat'
    this.#observer.observe(this)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#observer.disconnect()
    this.#unread?.close()
    this.#signs?.close()
    this.#closeBoard()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('room')) {
      this.#unread?.close()
      this.#unread = new Unread(this.room, () => this.requestUpdate())
    }
    if (changed.has('call')) {
      this.#signs?.close()
      this.#signs = this.call && new Signs(this.call, text => this.#say(text))
      this.#closeBoard()
      if (this.call) this.#boardTimer = setTimeout(() => this.#openBoard(), BOARD_MS)
    }
    this.#unread?.setSeen(this.panel === 'chat')
    // Ended by the server: there is no call to show any more.
    if (this.call?.state === 'left') queueMicrotask(() => this.#fire('left'))
  }

  protected override render() {
    const covered = this.narrow && this.panel !== undefined
    return html`<main class="call ${this.panel ? 'with-panel' : ''}">
        <div class="main" ?inert=${covered}>
          ${this.#header()}
          <div class="stage ${this.boardOpen ? 'with-board' : ''}">
            ${
              this.call
                ? html`${this.boardOpen ? this.#whiteboard() : nothing}<tl-stage .call=${this.call} ?covered=${covered}></tl-stage>
                    ${this.#alone(this.call)}
                    <tl-sounds .call=${this.call} .speaker=${this.speaker}></tl-sounds>`
                : html`<p class="alone label-pill">This server carries no calls. The chat works.</p>`
            }
            ${this.#banner()}
            <tl-toast></tl-toast>
          </div>
          <tl-controls
            .call=${this.call}
            .panel=${this.panel}
            .unread=${this.#unread?.count ?? 0}
            .knocks=${this.call?.moderation.waiting.length ?? 0}
            .compact=${this.compact}
            .boardOpen=${this.boardOpen}
            .boardNews=${this.boardNews}
            @board=${this.#toggleBoard}
            @panel=${this.#toggle}
            @leave=${this.#leave}
            @fault=${(event: CustomEvent<string>) => this.#say(event.detail)}
          ></tl-controls>
        </div>
        ${this.#side()}
      </main>
      <tl-settings
        .call=${this.call}
        @speaker=${(event: CustomEvent<string>) => {
          this.speaker = event.detail
        }}
        @fault=${(event: CustomEvent<string>) => this.#say(event.detail)}
      ></tl-settings>
      <tl-encryption .call=${this.call}></tl-encryption>
      <tl-live .call=${this.call}></tl-live>
      <tl-breakouts .breakouts=${this.breakouts} @fault=${this.#onFault}></tl-breakouts>`
  }

  /** Nobody to talk to yet: the way to change that. */
  #alone(call: Call) {
    if (call.participants.length > 1 || this.boardOpen) return nothing
    return html`<div class="alone">
      <p>Nobody else is here yet.</p>
      ${
        this.invite
          ? html`<button class="button primary small" @click=${this.#copy}>${icon('link')}Invite</button>`
          : nothing
      }
    </div>`
  }

  #whiteboard() {
    return html`<tl-board .board=${this.#openBoard()} @close=${this.#toggleBoard} @fault=${this.#onFault}></tl-board>`
  }

  #header() {
    const count = this.call ? this.call.participants.length + this.call.moreListeners : 0
    return html`<header class="bar">
      ${
        this.within
          ? html`<button class="icon-button" aria-label="Back to your messages" title="Back to your messages; the call goes on" @click=${() => this.#fire('back')}>
              ${icon('back')}
            </button>`
          : html`<span class="brand">${brandMark()}</span>`
      }
      <div class="what">
        <h1>${this.heading || this.room.info?.title || this.room.id}</h1>
        ${count > 1 ? html`<p class="muted">${count} in the call</p>` : nothing}
        ${this.compact ? nothing : html`<tl-call-clock .since=${this.call?.startedAt}></tl-call-clock>`}
        <tl-encryption-sign
          .call=${this.call}
          ?compact=${this.compact}
          @open=${() => this.querySelector<EncryptionDialog>('tl-encryption')?.show()}
        ></tl-encryption-sign>
        <tl-recording-sign .moderation=${this.call?.moderation}></tl-recording-sign>
        <tl-live-sign .moderation=${this.call?.moderation} @open=${this.#showLive}></tl-live-sign>
        <tl-breakout-sign .breakouts=${this.breakouts}></tl-breakout-sign>
      </div>
      ${
        this.invite
          ? html`<button class="button small invite" aria-label="Copy invite link" @click=${this.#copy}>
            ${icon('link')}<span>Copy invite link</span>
          </button>`
          : nothing
      }
      ${this.#hostButton()}
      <button
        class="icon-button"
        aria-label="Device settings"
        title="Device settings"
        @click=${() => void this.querySelector<Settings>('tl-settings')?.show()}
      >
        ${icon('sliders')}
      </button>
    </header>`
  }

  #hostButton() {
    const { call } = this
    if (!call?.moderation.isHost) return nothing
    const open = (event: Event) =>
      openHostMenu(event.currentTarget as HTMLElement, {
        call,
        say: text => this.#say(text),
        breakouts: this.breakouts && (() => this.querySelector<BreakoutsDialog>('tl-breakouts')?.show()),
        live: this.#showLive,
      })
    return html`<button class="icon-button" aria-label="Host controls" aria-haspopup="menu" title="Host controls" @click=${open}>
      ${icon(call.moderation.locked ? 'lock' : 'shield')}
    </button>`
  }

  #banner() {
    const away = this.room.state === 'reconnecting' || this.call?.state === 'reconnecting'
    return html`<div class="banner" role="status">
      ${away ? html`<p class="notice-pill"><span class="spinner"></span>Reconnecting</p>` : nothing}
      ${
        this.call && this.panel !== 'members'
          ? html`<tl-waiting .call=${this.call} .most=${3} @fault=${this.#onFault}></tl-waiting>`
          : nothing
      }
    </div>`
  }

  #side() {
    if (!this.panel) return nothing
    const title = this.panel === 'chat' ? 'Chat' : 'Members'
    return html`<aside class="side" aria-label=${title} @keydown=${this.#escape}>
      <header class="bar">
        <h2>${title}</h2>
        <button class="icon-button" aria-label="Close ${title.toLowerCase()}" @click=${this.#closePanel}>
          ${icon('close')}
        </button>
      </header>
      ${
        this.panel === 'chat'
          ? html`<tl-chat .room=${this.room}></tl-chat>`
          : html`<div class="body">
              ${this.call ? html`<tl-people .call=${this.call} @fault=${this.#onFault}></tl-people>` : nothing}
              <tl-members .room=${this.room} .outside=${this.call !== undefined}></tl-members>
            </div>`
      }
    </aside>`
  }

  readonly #showLive = () => this.querySelector<LiveDialog>('tl-live')?.show()

  readonly #onFault = ({ detail }: CustomEvent<string>) => this.#say(detail)

  #openBoard(): SharedBoard | undefined {
    clearTimeout(this.#boardTimer)
    if (!this.#board && this.call) {
      this.#board = new SharedBoard(this.call)
      this.#board.on('changed', () => this.#onBoard())
    }
    return this.#board
  }

  #closeBoard(): void {
    clearTimeout(this.#boardTimer)
    this.#board?.close()
    this.#board = undefined
    this.boardOpen = false
    this.boardNews = false
  }

  #toggleBoard(): void {
    this.boardOpen = !this.boardOpen
    this.boardNews = false
    if (this.boardOpen) this.#openBoard()?.ask()
    // Its own button goes with it.
    if (this.boardOpen) return
    this.querySelector<HTMLElement>('.control:is([title$="hiteboard"], [title="More"])')?.focus()
  }

  /** Says once that there is something to see. */
  #onBoard(): void {
    const latest = this.#board?.strokes.at(-1)
    if (!latest) this.boardNews = false
    if (!latest || this.boardOpen || this.boardNews) return
    this.boardNews = true
    const name = this.call?.participants.find(({ userId }) => userId === latest.by)?.name
    this.#say(name ? `${name} draws on the whiteboard` : 'There is a drawing on the whiteboard')
  }

  #toggle({ detail }: CustomEvent<Panel>): void {
    this.panel = this.panel === detail ? undefined : detail
  }

  #closePanel(): void {
    const panel = this.panel
    this.panel = undefined
    void this.updateComplete.then(() =>
      this.querySelector<HTMLElement>(
        `.control[aria-label^="${panel === 'chat' ? 'Chat' : 'Members'}"]`,
      )?.focus(),
    )
  }

  #escape(event: KeyboardEvent): void {
    if (event.key === 'Escape' && this.narrow) this.#closePanel()
  }

  async #copy(): Promise<void> {
    if (this.invite) this.#say((await copyText(this.invite)) ? 'Invite link copied' : this.invite)
  }

  async #leave(): Promise<void> {
    await this.call?.leave()
    this.#fire('left')
  }

  #say(text: string): void {
    this.querySelector<Toast>('tl-toast')?.show(text)
  }

  #resize(width: number): void {
    if (width === 0) return
    this.narrow = width < NARROW
    this.compact = width < COMPACT
  }

  #fire(name: string): void {
    this.dispatchEvent(new CustomEvent(name))
  }
}

customElements.define('tl-call', CallView)
