import { attachTrack, type Call } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/** Plays everybody's sound. Apart from the pictures: a voice must not wait for a first frame. */
export class Sounds extends LightElement {
  static override properties = { call: { attribute: false }, speaker: {}, blocked: { state: true } }
  declare call: Call
  /** Id of the output to play on; the default one when empty. */
  declare speaker: string | undefined
  declare blocked: boolean

  constructor() {
    super()
    this.blocked = false
    this.follow(() => this.call)
  }

  protected override updated(): void {
    for (const audio of this.querySelectorAll('audio')) {
      const [id, source] = (audio.dataset.key ?? '').split(' ')
      const participant = this.call.participants.find(it => it.id === id)
      const track = participant?.track(source === 'mic' ? 'mic' : 'screenAudio')
      const before = audio.srcObject
      attachTrack(audio, track)
      if (this.speaker && 'setSinkId' in audio) audio.setSinkId(this.speaker).catch(() => undefined)
      if (track && audio.srcObject !== before) void this.#play(audio)
    }
  }

  protected override render() {
    const keys = this.call.participants.flatMap(participant =>
      participant.isLocal
        ? []
        : (['mic', 'screenAudio'] as const)
            .filter(source => participant.track(source))
            .map(source => `${participant.id} ${source}`),
    )
    return html`${repeat(
      keys,
      key => key,
      key => html`<audio data-key=${key} autoplay></audio>`,
    )}${
      this.blocked
        ? html`<button class="button primary sound" @click=${this.#unblock}>${icon('speaker')}Turn on sound</button>`
        : nothing
    }`
  }

  async #play(audio: HTMLAudioElement): Promise<void> {
    try {
      await audio.play()
    } catch (error) {
      // Browsers play sound only after the person has touched the page.
      if ((error as Error).name === 'NotAllowedError') this.blocked = true
    }
  }

  #unblock(): void {
    this.blocked = false
    for (const audio of this.querySelectorAll('audio')) void this.#play(audio)
  }
}

customElements.define('tl-sounds', Sounds)
