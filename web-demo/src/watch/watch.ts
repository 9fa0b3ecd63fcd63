import { html, nothing, type PropertyValues } from 'lit'
import { LightElement } from '../design/element.ts'
import { brandMark, icon } from '../design/icons.ts'
import { copyText } from '../room/clipboard.ts'

const HLS = 'application/vnd.apple.mpegurl'
/** Between two looks whether there is something to see, ms. */
const LOOK_MS = 2_000
/** So often: the first segments take some seconds, and a machine that is busy takes longer. */
const LOOKS = 20

type Phase = 'waiting' | 'playing' | 'nothing' | 'unplayable'

/** What is shown of a call to whoever has the link. */
export class Watch extends LightElement {
  static override properties = {
    playlist: {},
    phase: { state: true },
    silent: { state: true },
    copied: { state: true },
  }
  /** A path on this server. */
  declare playlist: string
  declare phase: Phase
  /** Whether the browser let it begin without sound only. */
  declare silent: boolean
  declare copied: boolean
  #looking: AbortController | undefined

  constructor() {
    super()
    this.phase = 'waiting'
    this.silent = false
    this.copied = false
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#looking?.abort()
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('playlist')) void this.#look()
  }

  protected override render() {
    return html`<main class="watch">
      <header><a class="brand" href="/">${brandMark()}Trunkline</a></header>
      <div class="screen">
        <video
          controls
          playsinline
          aria-label="Live stream"
          ?hidden=${this.phase !== 'playing'}
          @playing=${this.#onPlaying}
          @ended=${this.#onEnded}
          @error=${this.#onError}
        ></video>
        <div class="words" role="status">${this.#words()}</div>
      </div>
      ${
        this.silent && this.phase === 'playing'
          ? html`<button class="button primary" @click=${this.#unmute}>${icon('speaker')}Turn sound on</button>`
          : nothing
      }
    </main>`
  }

  #words() {
    switch (this.phase) {
      case 'playing':
        return nothing
      case 'waiting':
        return html`<p><span class="spinner"></span>The picture comes in a moment</p>`
      case 'nothing':
        return html`<h1>Nothing is shown here now</h1>
          <p class="muted">The stream has ended, or the link is not complete.</p>
          <button class="button" @click=${() => void this.#look()}>${icon('turn')}Look again</button>`
      case 'unplayable':
        return html`<h1>This browser cannot play it</h1>
          <p class="muted">Open this page in Chrome, Edge or Safari, or the address in a player such as VLC.</p>
          <button class="button" @click=${this.#copy}>
            ${icon(this.copied ? 'check' : 'copy')}${this.copied ? 'Address copied' : 'Copy address for a player'}
          </button>`
    }
  }

  /** Waits until there is something to see, and shows it. */
  async #look(): Promise<void> {
    this.#looking?.abort()
    const looking = new AbortController()
    this.#looking = looking
    const { signal } = looking
    const video = this.querySelector('video')
    if (!video) return
    if (!video.canPlayType(HLS)) {
      this.phase = 'unplayable'
      return
    }
    this.phase = 'waiting'
    for (let n = 0; n < LOOKS; n++) {
      const isThere = await fetch(this.playlist, { signal, cache: 'no-store' }).then(
        ({ ok }) => ok,
        () => false,
      )
      if (signal.aborted) return
      if (isThere) return this.#play(video)
      await new Promise(resolve => setTimeout(resolve, LOOK_MS))
    }
    if (!signal.aborted) this.phase = 'nothing'
  }

  async #play(video: HTMLVideoElement): Promise<void> {
    video.src = this.playlist
    try {
      await video.play()
    } catch (error) {
      if ((error as Error).name !== 'NotAllowedError') return
      // Nobody has touched the page yet: browsers let pictures begin then, and no sound.
      video.muted = true
      this.silent = true
      await video.play().catch(() => undefined)
    }
  }

  #onPlaying(): void {
    this.phase = 'playing'
  }

  #onEnded(): void {
    this.phase = 'nothing'
  }

  /** What was kept in store is over, or the line broke: looked at anew. */
  #onError(event: Event): void {
    if ((event.target as HTMLVideoElement).src) void this.#look()
  }

  #unmute(): void {
    const video = this.querySelector('video')
    if (video) video.muted = false
    this.silent = false
    video?.focus()
  }

  async #copy(): Promise<void> {
    this.copied = await copyText(new URL(this.playlist, location.origin).href)
  }
}

customElements.define('tl-watch', Watch)
