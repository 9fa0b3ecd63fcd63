import type { LinkedFile, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { lengthWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { localUrl } from './local-url.ts'
import { ring } from './ring.ts'
import { scrubber } from './scrubber.ts'
import type { ShownFile } from './shown.ts'
import { barsOf, STEP, waveShape } from './waveform.ts'

const SPEEDS = [1, 1.5, 2] as const

/** Two do not speak at once. */
let speaking: Voice | undefined

/** Something to listen to, a voice message or any recording: its waveform, to play and to seek in. */
export class Voice extends LightElement {
  static override properties = {
    room: { attribute: false },
    shown: { attribute: false },
    peaks: { attribute: false },
    playing: { state: true },
    at: { state: true },
    speed: { state: true },
    length: { state: true },
    fault: { state: true },
    bars: { state: true },
  }
  /** Absent for what is not sent yet. */
  declare room: Room | undefined
  declare shown: ShownFile
  /** Loudness as it was recorded, 0 to 100, until the server tells. */
  declare peaks: readonly number[] | undefined
  declare playing: boolean
  /** Seconds. */
  declare at: number
  declare speed: number
  declare length: number | undefined
  declare fault: boolean
  /** As many as there is room for. */
  declare bars: number
  #local: { blob: Blob; url: string; done: () => void } | undefined
  /** Kept while it plays, though the file's address changes. */
  #source: string | undefined
  readonly #observer = new ResizeObserver(([entry]) => {
    if (entry && entry.contentRect.width > 0) this.bars = Math.floor(entry.contentRect.width / STEP)
  })

  constructor() {
    super()
    this.playing = false
    this.at = 0
    this.speed = 1
    this.fault = false
    this.bars = 48
    this.follow(() => this.room?.files)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#observer.disconnect()
    this.#local?.done()
    this.#local = undefined
    if (speaking === this) speaking = undefined
  }

  protected override willUpdate(): void {
    const { blob } = this.shown
    if (!blob || !this.isConnected || this.#local?.blob === blob) return
    this.#local?.done()
    this.#local = { blob, ...localUrl(blob) }
  }

  protected override updated(): void {
    const wave = this.querySelector('.wave')
    // Observing what is observed already does nothing.
    if (wave) this.#observer.observe(wave)
  }

  get #file(): LinkedFile | undefined {
    const { fileId } = this.shown
    return fileId === undefined ? undefined : this.room?.files.get(fileId)
  }

  get #audio(): HTMLAudioElement | null {
    return this.querySelector('audio')
  }

  /** Seconds, of what is known best. */
  get #length(): number {
    const told = this.#file?.durationMs ?? this.shown.durationMs
    return told === undefined ? (this.length ?? 0) : told / 1_000
  }

  protected override render() {
    const { shown, playing, at } = this
    const file = this.#file
    const length = this.#length
    const isGone = shown.fileId !== undefined && this.room?.files.isGone(shown.fileId) === true
    const label = shown.voice ? 'voice message' : shown.name
    const source = this.#address(file)
    if (isGone) return html`<p class="voice lost">${icon('trash')}The recording was deleted</p>`
    return html`<div class="voice ${playing ? 'playing' : ''}">
      <button
        type="button"
        class="icon-button play"
        aria-label="${playing ? 'Pause' : 'Play'} ${label}"
        ?disabled=${source === undefined}
        @click=${this.#toggle}
      >
        ${shown.uploaded !== undefined && shown.uploaded < 1 ? ring(shown.uploaded) : nothing}${icon(playing ? 'pause' : 'play')}
      </button>
      <div class="track">
        ${shown.voice ? nothing : html`<strong>${shown.name}</strong>`}
        ${this.#wave(file?.waveform ?? this.peaks ?? [], length > 0 ? at / length : 0)}
        <p>
          <span>${lengthWord((at > 0 ? at : length) * 1_000)}</span>
          ${this.fault ? html`<span role="alert">It cannot be played here</span>` : nothing}
          ${
            playing || at > 0
              ? html`<button type="button" class="speed" aria-label="Speed ${this.speed}" @click=${this.#nextSpeed}>${this.speed}×</button>`
              : nothing
          }
        </p>
      </div>
      <audio
        src=${source ?? nothing}
        preload="none"
        @loadedmetadata=${this.#measure}
        @timeupdate=${this.#tick}
        @play=${this.#started}
        @pause=${this.#stopped}
        @ended=${this.#ended}
        @error=${this.#failed}
      ></audio>
    </div>`
  }

  /** What is sent from here plays from here; else the form that plays everywhere, else what came. */
  #address(file: LinkedFile | undefined): string | undefined {
    if (this.#local) return this.#local.url
    const { room, playing, at } = this
    if (this.#source && (playing || at > 0)) return this.#source
    this.#source =
      room &&
      file &&
      (room.files.urlOf(file.id, 'audio') ?? room.files.urlOf(file.id, 'opus') ?? room.files.urlOf(file.id))
    return this.#source
  }

  #wave(peaks: readonly number[], played: number) {
    const bars = barsOf(peaks, this.bars)
    return html`<div class="wave" style="--played: ${(Math.min(1, played) * 100).toFixed(2)}%">
      ${waveShape(bars, 'rest')}${waveShape(bars, 'done')}
      ${scrubber({ label: `Position in the ${this.shown.voice ? 'voice message' : 'recording'}`, at: this.at, played, seek: this.#seek })}
    </div>`
  }

  async #toggle(): Promise<void> {
    const audio = this.#audio
    if (!audio) return
    if (this.playing) {
      audio.pause()
      return
    }
    if (speaking !== this) speaking?.stop()
    speaking = this
    audio.playbackRate = this.speed
    await audio.play().catch(() => undefined)
  }

  stop(): void {
    this.#audio?.pause()
  }

  /** Recordings made in browsers often do not say how long they are. */
  #measure(): void {
    const duration = this.#audio?.duration ?? Number.NaN
    if (Number.isFinite(duration)) this.length = duration
  }

  #tick(): void {
    this.at = this.#audio?.currentTime ?? 0
  }

  #started(): void {
    this.playing = true
    this.fault = false
  }

  #stopped(): void {
    this.playing = false
    this.#tick()
  }

  #ended(): void {
    const audio = this.#audio
    if (audio) audio.currentTime = 0
    this.at = 0
  }

  #failed(): void {
    this.playing = false
    this.fault = this.#audio?.error !== null
    this.#source = undefined
  }

  readonly #seek = (share: number) => {
    const audio = this.#audio
    const length = this.#length
    if (!audio || length === 0) return
    this.at = share * length
    audio.currentTime = this.at
  }

  #nextSpeed(): void {
    this.speed = SPEEDS[(SPEEDS.indexOf(this.speed as 1) + 1) % SPEEDS.length] ?? 1
    const audio = this.#audio
    if (audio) audio.playbackRate = this.speed
  }
}

customElements.define('tl-voice', Voice)
