import type { LinkedFile, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { lengthWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { ring } from './ring.ts'
import { scrubber } from './scrubber.ts'
import { frameAt } from './storyboard.ts'
import { largestOf } from './thumbnails.ts'

/** While it plays and nobody moves, its controls are there for this long. */
const IDLE_MS = 2_500

/** A video with its poster, controls of ours, and what one would see where the pointer is on its line of time. */
export class Player extends LightElement {
  static override properties = {
    room: { attribute: false },
    fileId: {},
    playing: { state: true },
    at: { state: true },
    length: { state: true },
    muted: { state: true },
    peek: { state: true },
    idle: { state: true },
    fault: { state: true },
    waiting: { state: true },
  }
  declare room: Room
  declare fileId: string
  declare playing: boolean
  /** Seconds. */
  declare at: number
  declare length: number
  declare muted: boolean
  /** Where the pointer is on the line of time, 0 to 1. */
  declare peek: number | undefined
  declare idle: boolean
  declare fault: boolean
  declare waiting: boolean
  /** Kept while it plays, though the file's address changes. */
  #source: { fileId: string; variant: string; url: string } | undefined
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor() {
    super()
    this.#reset()
    this.muted = false
    this.follow(() => this.room.files)
  }

  #reset(): void {
    this.playing = false
    this.at = 0
    this.length = 0
    this.idle = false
    this.fault = false
    this.waiting = false
    this.peek = undefined
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearTimeout(this.#timer)
  }

  protected override willUpdate(changed: Map<PropertyKey, unknown>): void {
    if (changed.has('fileId')) {
      this.#reset()
      this.#source = undefined
    }
  }

  get #video(): HTMLVideoElement | null {
    return this.querySelector('video')
  }

  protected override render() {
    const { room, fileId, playing, at } = this
    const file = room.files.get(fileId)
    const length = this.length || (file?.durationMs ?? 0) / 1_000
    const played = length > 0 ? at / length : 0
    const { width = 16, height = 9 } = file ?? {}
    const source = this.#address(file)
    const isLate = (this.fault || !source) && file?.state !== 'ready'
    return html`<div
      class="player ${playing && this.idle ? 'idle' : ''}"
      style="aspect-ratio: ${width} / ${height}; --ratio: ${width / height}"
      @pointermove=${this.#wake}
      @focusin=${this.#wake}
      @keydown=${this.#key}
    >
      <video
        src=${source ?? nothing}
        poster=${(file && largestOf(room, file)) || nothing}
        playsinline
        autoplay
        preload="metadata"
        aria-label=${file?.name ?? 'Video'}
        @click=${this.#toggle}
        @loadedmetadata=${this.#begun}
        @durationchange=${this.#tick}
        @timeupdate=${this.#tick}
        @play=${this.#tick}
        @pause=${this.#tick}
        @playing=${() => {
          this.waiting = false
        }}
        @waiting=${() => {
          this.waiting = true
        }}
        @volumechange=${() => {
          this.muted = this.#video?.muted === true
        }}
        @error=${this.#failed}
      ></video>
      ${isLate ? this.#late(file) : this.fault ? html`<p class="words" role="alert">This browser cannot play it. It can be saved.</p>` : nothing}
      ${this.waiting && playing && !this.fault ? html`<span class="wait">${ring(undefined)}</span>` : nothing}
      ${
        playing || isLate || this.fault
          ? nothing
          : html`<button type="button" class="large" aria-label="Play" @click=${this.#toggle}>${icon('play')}</button>`
      }
      <div class="player-controls">
        ${this.#line(file, length, played)}
        <div class="row">
          <button type="button" class="icon-button" aria-label=${playing ? 'Pause' : 'Play'} @click=${this.#toggle}>${icon(playing ? 'pause' : 'play')}</button>
          <span class="time">${lengthWord(at * 1_000)} / ${lengthWord(length * 1_000)}</span>
          <button type="button" class="icon-button" aria-label=${this.muted ? 'With sound' : 'Without sound'} @click=${this.#mute}>${icon(this.muted ? 'silent' : 'speaker')}</button>
          <button type="button" class="icon-button" aria-label="Whole screen" @click=${this.#enlarge}>${icon('wholeScreen')}</button>
        </div>
      </div>
    </div>`
  }

  /** The form that plays everywhere, the smaller one on a phone; what came, until there is one. */
  #address(file: LinkedFile | undefined): string | undefined {
    const { room } = this
    const isPhone = matchMedia('(max-width: 760px)').matches
    const order = isPhone ? (['videoSmall', 'video'] as const) : (['video', 'videoSmall'] as const)
    const variant = order.find(name => file?.links[name] !== undefined) ?? 'original'
    const isSame = this.#source?.fileId === file?.id && this.#source?.variant === variant
    // One that has begun goes on as it is, unless it could not be played.
    if (this.#source && (isSame || (this.at > 0 && !this.fault))) return this.#source.url
    const url = file && room.files.urlOf(file.id, variant)
    if (!file || !url) return undefined
    this.fault = false
    this.#source = { fileId: file.id, variant, url }
    return url
  }

  #late(file: LinkedFile | undefined) {
    return html`<p class="words" role="status">${ring(file && this.room.files.progressOf(file.id))}Being prepared</p>`
  }

  #line(file: LinkedFile | undefined, length: number, played: number) {
    return html`<div class="scrub" style="--played: ${(played * 100).toFixed(2)}%" @pointermove=${this.#look} @pointerleave=${() => {
      this.peek = undefined
    }}>
      ${scrubber({ label: 'Position in the video', at: this.at, played, seek: this.#seek })}
      ${this.peek === undefined || length === 0 ? nothing : this.#glimpse(file, this.peek, length)}
    </div>`
  }

  #glimpse(file: LinkedFile | undefined, peek: number, length: number) {
    const { storyboard } = file ?? {}
    const url = file && storyboard && this.room.files.urlOf(file.id, 'storyboard')
    const { x, y } = storyboard ? frameAt(storyboard, peek * length * 1_000) : { x: 0, y: 0 }
    return html`<div class="peek" style="--at: ${(peek * 100).toFixed(2)}%" aria-hidden="true">
      ${
        url && storyboard
          ? html`<i style="width: ${storyboard.width}px; height: ${storyboard.height}px; background: url(${url}) ${-x}px ${-y}px"></i>`
          : nothing
      }<span>${lengthWord(peek * length * 1_000)}</span>
    </div>`
  }

  readonly #toggle = async () => {
    const video = this.#video
    if (!video) return
    if (video.paused) await video.play().catch(() => undefined)
    else video.pause()
  }

  #mute(): void {
    const video = this.#video
    if (video) video.muted = !video.muted
  }

  async #enlarge(): Promise<void> {
    const player = this.querySelector('.player')
    if (document.fullscreenElement) await document.exitFullscreen()
    else await player?.requestFullscreen().catch(() => undefined)
  }

  #tick(): void {
    const video = this.#video
    if (!video) return
    this.at = video.currentTime
    this.playing = !video.paused && !video.ended
    if (Number.isFinite(video.duration)) this.length = video.duration
  }

  /** Of what came, a browser may know the sound and not the picture, and plays that: it waits for the form it knows. */
  #begun(): void {
    const video = this.#video
    if (video?.videoWidth === 0) {
      this.fault = true
      video.pause()
    }
    this.#tick()
  }

  #failed(): void {
    if (!this.#video?.error) return
    this.fault = true
    this.playing = false
  }

  readonly #seek = (share: number) => {
    const video = this.#video
    if (!video || !this.length) return
    this.peek = share
    video.currentTime = share * this.length
    this.at = video.currentTime
  }

  #look(event: PointerEvent): void {
    const { left, width } = (event.currentTarget as Element).getBoundingClientRect()
    this.peek = Math.min(1, Math.max(0, (event.clientX - left) / width))
  }

  #wake(): void {
    this.idle = false
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      this.idle = true
    }, IDLE_MS)
  }

  #key(event: KeyboardEvent): void {
    const isButton = event.target instanceof HTMLButtonElement
    if (event.key === ' ' && !isButton) void this.#toggle()
    else if (event.key === 'm') this.#mute()
    else if (event.key === 'f') void this.#enlarge()
    else return
    event.preventDefault()
  }
}

customElements.define('tl-player', Player)
