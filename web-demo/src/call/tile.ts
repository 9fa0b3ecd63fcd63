import { attachTrack, type Participant, type Quality, readingText } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { hueOf } from '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import './quality-bars.ts'

/** One picture: of a person, or of the screen somebody shares. */
export class Tile extends LightElement {
  static override properties = {
    participant: { attribute: false, hasChanged: () => true },
    source: {},
    picture: {},
    speaking: { type: Boolean, reflect: true },
    quality: { attribute: false },
  }
  declare participant: Participant
  declare source: 'camera' | 'screen'
  /** Address of the person's own picture, shown while there is none to see. */
  declare picture: string | undefined
  declare speaking: boolean
  /** How its line is; undefined while unknown. */
  declare quality: Quality | undefined

  constructor() {
    super()
    this.source = 'camera'
    this.speaking = false
  }

  override connectedCallback(): void {
    super.connectedCallback()
    // A picture that is moved in the page stands still until it is played again.
    void this.querySelector('video')
      ?.play()
      .catch(() => undefined)
  }

  protected override updated(): void {
    const video = this.querySelector('video')
    if (video) attachTrack(video, this.participant.track(this.source))
  }

  protected override render() {
    const { participant, source } = this
    const isScreen = source === 'screen'
    const on =
      participant.isOn(source) &&
      participant.track(source) !== undefined &&
      !participant.isHeld(source) &&
      participant.reading === 'readable'
    const name = participant.isLocal ? 'You' : participant.name
    const muted = !isScreen && !participant.isOn('mic')
    return html`<figure
      class="tile ${isScreen ? 'screen' : ''} ${participant.isLocal && !isScreen ? 'mirrored' : ''} ${on ? 'on' : ''} ${participant.away ? 'away' : ''}"
    >
      <video
        autoplay
        playsinline
        .muted=${true}
        aria-label=${isScreen ? `Screen of ${participant.name}` : `Video of ${participant.name}`}
        @loadedmetadata=${this.#fit}
        @resize=${this.#fit}
      ></video>
      ${
        on
          ? nothing
          : html`<div class="face" style="--hue: ${hueOf(participant.userId)}">
              <tl-avatar .name=${participant.name} userId=${participant.userId} .picture=${this.picture}></tl-avatar>
            </div>`
      }
      ${participant.away ? html`<p class="returning label-pill" role="status">Reconnecting</p>` : nothing}
      ${
        participant.reading === 'readable'
          ? nothing
          : html`<p class="unreadable label-pill" role="status">${icon('lock')}${readingText(participant.reading, participant.name)}</p>`
      }
      ${!isScreen && participant.handRaisedAt ? html`<span class="hand">${icon('hand')}<span class="sr-only">Hand raised</span></span>` : nothing}
      <figcaption class="label-pill">
        ${muted ? html`<span class="mic-off">${icon('micOff')}<span class="sr-only">Muted, </span></span>` : nothing}
        <span class="name">${isScreen ? `${name === 'You' ? 'Your' : `${name}’s`} screen` : name}</span>
      </figcaption>
      ${isScreen ? nothing : html`<tl-bars .participant=${participant} .quality=${this.quality}></tl-bars>`}
    </figure>`
  }

  /** Crops a little, never a lot: a phone held upright is shown whole in a wide tile. */
  #fit(event: Event): void {
    const video = event.target as HTMLVideoElement
    const upright = video.videoHeight > video.videoWidth
    const tileUpright = video.clientHeight > video.clientWidth * 1.3
    video.classList.toggle('whole', upright !== tileUpright && upright)
  }
}

customElements.define('tl-tile', Tile)
