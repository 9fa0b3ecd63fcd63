import { html, nothing } from 'lit'
import { lengthWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { sentenceOf } from '../lobby/media-error.ts'
import { type Recorded, Recording } from './recording.ts'
import './voice.ts'
import { STEP, waveShape } from './waveform.ts'

/** Bars of what was heard last. */
const BARS = 48
/** Nobody says anything in less. */
const LEAST_MS = 500

/**
 * Records a voice message in the place where one writes, from when it is there: to stop and listen to, to send, or to throw
 * away. Fires `send` with what was recorded, `cancel`, and `fault` with a sentence.
 */
export class Recorder extends LightElement {
  static override properties = { recorded: { state: true }, heard: { state: true } }
  declare recorded: Recorded | undefined
  declare heard: number
  #recording: Recording | undefined
  #isOver = false

  constructor() {
    super()
    this.heard = 0
  }

  override connectedCallback(): void {
    super.connectedCallback()
    void this.#start()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#isOver = true
    this.#recording?.cancel()
    this.#recording = undefined
  }

  async #start(): Promise<void> {
    try {
      const recording = await Recording.start(() => {
        this.heard += 1
      })
      if (this.#isOver) recording.cancel()
      else this.#recording = recording
      this.requestUpdate()
      await this.updateComplete
      this.querySelector<HTMLElement>('.send')?.focus()
    } catch (error) {
      this.dispatchEvent(new CustomEvent('fault', { detail: sentenceOf(error as Error, 'mic') }))
    }
  }

  /** Ends the recording, to be listened to before it is sent. */
  async stop(): Promise<Recorded | undefined> {
    const recording = this.#recording
    if (!recording) return this.recorded
    this.#recording = undefined
    if (recording.length < LEAST_MS) {
      recording.cancel()
      this.#cancel()
      return undefined
    }
    this.recorded = await recording.stop()
    return this.recorded
  }

  protected override render() {
    const { recorded } = this
    return html`<div class="recorder" @keydown=${this.#key}>
      <button type="button" class="icon-button" aria-label="Throw the recording away" title="Throw it away" @click=${this.#cancel}>${icon('trash')}</button>
      ${
        recorded
          ? html`<tl-voice
              .shown=${{ ...recorded.file, mime: recorded.file.blob.type }}
              .peaks=${recorded.peaks}
            ></tl-voice>`
          : this.#live()
      }
      <button type="button" class="icon-button send" aria-label="Send voice message" title="Send" ?disabled=${!recorded && !this.#recording} @click=${this.#send}>
        ${icon('send')}
      </button>
    </div>`
  }

  #live() {
    const recording = this.#recording
    const peaks = recording?.peaks.slice(-BARS) ?? []
    const shown = [...Array<number>(BARS - peaks.length).fill(0), ...peaks]
    return html`<span class="red" aria-hidden="true"></span>
      <span class="time" role="timer" aria-label="Recording">${lengthWord(recording?.length ?? 0)}</span>
      <span class="heard wave" style="--wide: ${BARS * STEP}px">${waveShape(shown, 'done')}</span>
      ${
        recording
          ? html`<button type="button" class="icon-button" aria-label="Stop and listen" title="Stop and listen" @click=${() => void this.stop()}>${icon('stop')}</button>`
          : nothing
      }`
  }

  readonly #cancel = () => {
    this.dispatchEvent(new CustomEvent('cancel'))
  }

  async #send(): Promise<void> {
    const recorded = await this.stop()
    if (recorded) this.dispatchEvent(new CustomEvent('send', { detail: recorded }))
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== 'Escape') return
    event.stopPropagation()
    this.#cancel()
  }
}

customElements.define('tl-recorder', Recorder)
