import type { Call, Participant } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { styleMap } from 'lit/directives/style-map.js'
import { LightElement } from '../design/element.ts'
import { layoutStage, type Piece } from './layout.ts'
import './quality-panel.ts'
import type { QualityPanel } from './quality-panel.ts'
import { Sight } from './sight.ts'
import './tile.ts'
import type { Tile } from './tile.ts'

type Shown = Piece & { participant: Participant; source: 'camera' | 'screen' }

/** All the pictures of a call. They are placed, not re-ordered in the page: a video that is moved there stops. */
export class Stage extends LightElement {
  static override properties = {
    call: { attribute: false },
    covered: { type: Boolean },
    size: { state: true },
  }
  declare call: Call
  /** Whether something else is shown over it. */
  declare covered: boolean
  declare size: { width: number; height: number }
  readonly #observer = new ResizeObserver(([entry]) => {
    const { width, height } = entry?.contentRect ?? { width: 0, height: 0 }
    this.size = { width, height }
  })

  readonly #sight = new Sight(() => this.#prefer())
  #stops: (() => void)[] = []

  constructor() {
    super()
    this.covered = false
    this.size = { width: 0, height: 0 }
    this.follow(() => this.call)
    // It knows what people are called now, and what they look like.
    this.follow(() => this.call.room)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#observer.observe(this)
    if (this.call) this.#listen()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#observer.disconnect()
    this.#sight.close()
    this.#deafen()
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('call')) this.#listen()
    this.#sight.watch(this.#tiles())
    this.#prefer()
  }

  /** Figures and levels are drawn as they come, apart from what happens in the call. */
  #listen(): void {
    this.#deafen()
    this.#stops = [
      this.call.on('quality', () => this.requestUpdate()),
      this.call.watchLevels(levelOf => {
        for (const tile of this.#tiles()) {
          // One's own voice one hears.
          if (!tile.speaking || tile.participant.isLocal) continue
          tile.style.setProperty('--level', levelOf(tile.participant).toFixed(2))
        }
      }),
    ]
  }

  #deafen(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  #tiles(): Tile[] {
    return [...this.querySelectorAll<Tile>('tl-tile')]
  }

  /** Asks for pictures as large as they are shown, and for none that are not. */
  #prefer(): void {
    const placed = layoutStage(this.#shown(), this.size.width, this.size.height)
    for (const tile of this.#tiles()) {
      const { participant, source } = tile
      const height = placed.get(`${participant.id} ${source}`)?.height
      if (height === undefined || participant.isLocal) continue
      const seen = !this.covered && this.#sight.has(tile)
      this.call.prefer(participant, source, seen ? height * devicePixelRatio : 0)
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
          .quality=${this.call.quality(participant)}
          @details=${this.#details}
        ></tl-tile>`
      },
    )}<tl-quality .call=${this.call}></tl-quality>`
  }

  #details({ detail }: CustomEvent<Participant>): void {
    this.querySelector<QualityPanel>('tl-quality')?.show(detail)
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
