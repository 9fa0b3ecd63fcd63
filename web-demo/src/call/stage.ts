import type { Call, Participant } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { styleMap } from 'lit/directives/style-map.js'
import { LightElement } from '../design/element.ts'
import { layoutStage, type Piece } from './layout.ts'
import './tile.ts'

type Shown = Piece & { participant: Participant; source: 'camera' | 'screen' }

/** All the pictures of a call. They are placed, not re-ordered in the page: a video that is moved there stops. */
export class Stage extends LightElement {
  static override properties = {
    call: { attribute: false },
    size: { state: true },
  }
  declare call: Call
  declare size: { width: number; height: number }
  readonly #observer = new ResizeObserver(([entry]) => {
    const { width, height } = entry?.contentRect ?? { width: 0, height: 0 }
    this.size = { width, height }
  })

  constructor() {
    super()
    this.size = { width: 0, height: 0 }
    this.follow(() => this.call)
    // It knows what people are called now, and what they look like.
    this.follow(() => this.call.room)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#observer.observe(this)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#observer.disconnect()
  }

  protected override updated(_: PropertyValues): void {
    const placed = layoutStage(this.#shown(), this.size.width, this.size.height)
    for (const { key, participant, source } of this.#shown()) {
      const height = placed.get(key)?.height
      if (height && !participant.isLocal) this.call.prefer(participant, source, height * devicePixelRatio)
    }
  }

  protected override render() {
    if (this.size.width === 0) return nothing
    const shown = this.#shown()
    const placed = layoutStage(shown, this.size.width, this.size.height)
    const speaker = this.call.speaker
    return html`${repeat(
      shown,
      ({ key }) => key,
      ({ key, participant, source }) => {
        const box = placed.get(key)
        if (!box) return nothing
        const style = {
          transform: `translate(${box.x}px, ${box.y}px)`,
          width: `${box.width}px`,
          height: `${box.height}px`,
        }
        return html`<tl-tile
          class=${box.pip ? 'pip' : ''}
          style=${styleMap(style)}
          .participant=${participant}
          .source=${source}
          .picture=${this.call.room.files.addressOf(participant.avatar)}
          ?speaking=${source === 'camera' && participant === speaker}
        ></tl-tile>`
      },
    )}${shown.length === 1 ? html`<p class="alone label-pill">Nobody else is here yet.</p>` : nothing}`
  }

  #shown(): Shown[] {
    return this.call.participants.flatMap(participant => {
      const { id, isLocal: local } = participant
      const camera: Shown = { key: `${id} camera`, screen: false, local, participant, source: 'camera' }
      const screen: Shown = { key: `${id} screen`, screen: true, local, participant, source: 'screen' }
      return participant.isOn('screen') ? [camera, screen] : [camera]
    })
  }
}

customElements.define('tl-stage', Stage)
