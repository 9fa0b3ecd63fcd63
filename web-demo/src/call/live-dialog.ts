import type { Call, CallStream, RecordingLayout, StreamSending } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { timeOf } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { copyText } from '../room/clipboard.ts'
import { watchPath } from '../watch/watch-path.ts'
import { rtmpAddress } from './rtmp-address.ts'

const LAYOUTS: readonly { value: RecordingLayout; word: string; hint: string }[] = [
  { value: 'grid', word: 'Everybody alike', hint: 'In a grid' },
  { value: 'speaker', word: 'Who speaks', hint: 'Large, others beside' },
]

const SENDING_WORDS: Readonly<Record<StreamSending['state'], string>> = {
  live: 'Your streaming service takes the stream.',
  reconnecting: 'Connecting to your streaming service again.',
  failed: 'Nothing is sent to your streaming service any more.',
}

type Copied = 'page' | 'player'

/** Shows a call live to people outside of it: where to, how that goes, and its end. For hosts. */
export class LiveDialog extends LightElement {
  static override properties = {
    call: { attribute: false },
    shown: { state: true },
    byLink: { state: true },
    byService: { state: true },
    layout: { state: true },
    playlist: { state: true },
    copied: { state: true },
    busy: { state: true },
    fault: { state: true },
  }
  declare call: Call | undefined
  declare shown: boolean
  /** Whether to begin one that can be watched by a link. */
  declare byLink: boolean
  /** Whether to begin one that is sent to a streaming service. */
  declare byService: boolean
  declare layout: RecordingLayout
  /** Where the one that is on can be watched: a path on the server. */
  declare playlist: string | undefined
  declare copied: Copied | undefined
  declare busy: boolean
  declare fault: string | undefined
  /** The stream that was asked about. */
  #askedId: string | undefined

  constructor() {
    super()
    this.shown = false
    this.byLink = true
    this.byService = false
    this.layout = 'grid'
    this.busy = false
    this.follow(() => this.call?.moderation)
  }

  show(): void {
    this.fault = undefined
    this.copied = undefined
    this.shown = true
    this.querySelector('dialog')?.showModal()
  }

  protected override willUpdate(): void {
    const stream = this.call?.moderation.stream
    if (stream?.id !== this.#askedId) this.playlist = undefined
    if (!stream) this.#askedId = undefined
    else if (this.shown && stream.hls && stream.id !== this.#askedId) this.#ask(stream)
  }

  protected override updated(changed: PropertyValues<this>): void {
    // Made a speaker meanwhile.
    if (this.shown && !this.call?.moderation.isHost) this.#close()
    // The form is another: where the focus was is gone.
    if (changed.has('playlist') && this.playlist && this.shown)
      this.querySelector<HTMLElement>('.address button')?.focus()
  }

  protected override render() {
    const stream = this.call?.moderation.stream
    return html`<dialog class="card live" aria-labelledby="tl-live" @close=${this.#onClose} @click=${this.#aside}>
      <header>
        <h2 id="tl-live">Live stream</h2>
        <button class="icon-button" aria-label="Close" @click=${this.#close}>${icon('close')}</button>
      </header>
      ${this.shown ? (stream ? this.#running(stream) : this.#form()) : nothing}
    </dialog>`
  }

  #form() {
    return html`<form class="stack" @submit=${this.#start} novalidate>
      <p class="muted">
        Whoever watches sees and hears everybody in this call, some seconds later. Everybody in it is told first.
      </p>
      <div>
        ${this.#switch('byLink', 'Link to watch', 'Plays in the browser of whoever has it')}
        ${this.#switch('byService', 'Streaming service', 'YouTube, Twitch and others, by RTMP')}
      </div>
      ${this.byService ? this.#service() : nothing}
      <fieldset class="kinds" role="radiogroup" aria-label="Picture">
        ${LAYOUTS.map(
          ({ value, word, hint }) => html`<label class="choice">
            <input
              type="radio"
              name="tl-live-layout"
              value=${value}
              .checked=${this.layout === value}
              @change=${() => {
                this.layout = value
              }}
            />
            <span>${word}<small>${hint}</small></span>
          </label>`,
        )}
      </fieldset>
      ${this.#complaint()}
      <button class="button primary wide" ?disabled=${this.busy || !(this.byLink || this.byService)}>
        ${this.busy ? html`<span class="spinner"></span>Starting` : html`${icon('live')}Go live`}
      </button>
    </form>`
  }

  #switch(name: 'byLink' | 'byService', word: string, hint: string) {
    return html`<label class="switch-row">
      <span>${word}<small>${hint}</small></span>
      <input
        type="checkbox"
        role="switch"
        .checked=${this[name]}
        @change=${(event: Event) => {
          this[name] = (event.target as HTMLInputElement).checked
        }}
      />
    </label>`
  }

  #service() {
    return html`<div class="field">
        <label for="tl-live-server">Server</label>
        <input
          class="input"
          id="tl-live-server"
          name="server"
          inputmode="url"
          autocomplete="off"
          autocapitalize="off"
          spellcheck="false"
          placeholder="rtmp://live.example.org/app"
        />
      </div>
      <div class="field">
        <label for="tl-live-key">Stream key</label>
        <input class="input" id="tl-live-key" name="key" type="password" autocomplete="off" />
        <span class="hint">Both are in the settings of your service. The key is shown to nobody.</span>
      </div>`
  }

  #running(stream: CallStream) {
    return html`<div class="stack">
      <p class="state" role="status">
        <strong>${stream.paused ? 'Paused' : 'Live'}</strong>
        <span class="muted"
          >${stream.paused ? 'Whoever watches is told that it goes on soon.' : html`since ${timeOf(stream.startedAt)}`}</span
        >
      </p>
      ${stream.hls ? this.#links() : nothing} ${stream.rtmp ? this.#sending() : nothing} ${this.#complaint()}
      <div class="answers">
        <button
          class="button"
          ?disabled=${this.busy}
          @click=${() => this.#do(({ moderation }) => moderation.pauseStream(!stream.paused))}
        >
          ${icon(stream.paused ? 'play' : 'pause')}${stream.paused ? 'Go on' : 'Pause'}
        </button>
        <button class="button danger" ?disabled=${this.busy} @click=${this.#stop}>${icon('stop')}Stop stream</button>
      </div>
    </div>`
  }

  #links() {
    const { playlist } = this
    const files = this.call?.room.files
    const page = playlist && files?.addressOf(watchPath(playlist))
    const player = playlist && files?.addressOf(playlist)
    if (!page || !player) return html`<p class="muted">The link is on its way.</p>`
    return html`${this.#link('page', 'Link to watch', page, 'Whoever has it may watch. The picture comes after some seconds.')}
      ${this.#link('player', 'For players such as VLC', player)}`
  }

  #link(which: Copied, word: string, address: string, hint?: string) {
    const id = `tl-live-${which}`
    const copied = this.copied === which
    const copy = async () => {
      this.copied = (await copyText(address)) ? which : undefined
    }
    return html`<div class="field">
      <label for=${id}>${word}</label>
      <div class="address">
        <input
          class="input"
          id=${id}
          readonly
          .value=${address}
          @focus=${(event: Event) => (event.target as HTMLInputElement).select()}
        />
        <button class="icon-button" aria-label=${copied ? `Copied: ${word}` : `Copy: ${word}`} title="Copy" @click=${copy}>
          ${icon(copied ? 'check' : 'copy')}
        </button>
        ${
          which === 'page'
            ? html`<a class="icon-button" href=${address} target="_blank" rel="noopener" aria-label="Open: ${word}" title="Open">
                ${icon('arrow')}
              </a>`
            : nothing
        }
      </div>
      ${hint ? html`<span class="hint">${hint}</span>` : nothing}
    </div>`
  }

  #sending() {
    const sending = this.call?.moderation.streamSending
    if (!sending) return html`<p class="muted">It is sent to your streaming service.</p>`
    const { state, reason } = sending
    const text = `${SENDING_WORDS[state]}${reason ? ` ${reason}` : ''}`
    return html`<p class="notice ${state === 'failed' ? 'error' : state}" role="status">
      ${icon(state === 'live' ? 'check' : 'alert')}${text}
    </p>`
  }

  #complaint() {
    return this.fault ? html`<p class="notice error" role="alert">${icon('alert')}${this.fault}</p>` : nothing
  }

  #start(event: Event): void {
    event.preventDefault()
    const fields = new FormData(event.target as HTMLFormElement)
    const { byLink, byService, layout } = this
    this.#do(async ({ moderation }) => {
      const rtmp = byService
        ? rtmpAddress(String(fields.get('server')), String(fields.get('key')))
        : undefined
      const { stream, playlist } = await moderation.startStream({
        layout,
        ...(byLink && { hls: true }),
        ...(rtmp !== undefined && { rtmp }),
      })
      this.#askedId = stream.id
      this.playlist = playlist
    })
  }

  readonly #stop = () =>
    this.#do(async ({ moderation }) => {
      await moderation.stopStream()
      this.#close()
    })

  /** Where it can be watched, of a stream that somebody else began, or another tab. */
  #ask({ id }: CallStream): void {
    this.#askedId = id
    this.call?.moderation.getStream().then(
      ({ stream, playlist }) => {
        if (stream.id === this.#askedId) this.playlist = playlist
      },
      (error: Error) => {
        // It is over by now.
        if (this.call?.moderation.stream?.id === id) this.fault = error.message
      },
    )
  }

  #do(act: (call: Call) => Promise<void>): void {
    if (!this.call) return
    this.busy = true
    this.fault = undefined
    act(this.call)
      .catch((error: Error) => {
        this.fault = error.message
      })
      .finally(() => {
        this.busy = false
      })
  }

  readonly #close = () => this.querySelector('dialog')?.close()

  #onClose(): void {
    this.shown = false
  }

  /** A click beside the card. */
  #aside(event: MouseEvent): void {
    if (event.target === event.currentTarget) this.#close()
  }
}

customElements.define('tl-live', LiveDialog)
