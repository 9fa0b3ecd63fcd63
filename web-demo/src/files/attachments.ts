import type { PendingMessage, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { sizeWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import './file-card.ts'
import { gridOf } from './grid.ts'
import './picture.ts'
import { aspectOf, kindOf, type ShownFile } from './shown.ts'
import './voice.ts'

/** A picture by itself is at most this wide, several together this, in pixels. */
const WIDTH_ALONE = 320
const WIDTH_GRID = 420
/** A picture by itself is no higher than this. */
const HEIGHT_ALONE = 380

/** All files of a message: pictures and videos in a grid, sounds as players, the rest as cards. */
export class Attachments extends LightElement {
  static override properties = {
    room: { attribute: false },
    files: { attribute: false },
    pending: { attribute: false },
  }
  declare room: Room
  declare files: readonly ShownFile[]
  declare pending: PendingMessage | undefined

  constructor() {
    super()
    this.follow(() => this.room.files)
  }

  protected override render() {
    const { room } = this
    const known = this.files.map(shown => {
      const file = shown.fileId === undefined ? undefined : room.files.get(shown.fileId)
      return { shown, file, kind: kindOf(shown, file) }
    })
    const visual = known.filter(({ kind }) => kind === 'picture' || kind === 'video')
    const rest = known.filter(({ kind }) => kind === 'audio' || kind === 'other')
    return html`${visual.length > 0 ? this.#grid(visual.map(({ shown, file }) => ({ shown, aspect: aspectOf(file?.width ? file : shown) }))) : nothing}
      ${rest.map(({ shown, kind }) =>
        kind === 'audio'
          ? html`<tl-voice .room=${room} .shown=${shown}></tl-voice>`
          : html`<tl-file-card .room=${room} .shown=${shown}></tl-file-card>`,
      )}
      ${this.#sending()}`
  }

  #grid(pictures: readonly { shown: ShownFile; aspect: number }[]) {
    const rows = gridOf(pictures.map(({ aspect }) => aspect))
    const [first] = pictures
    const isAlone = pictures.length === 1
    const natural = (isAlone && first?.shown.width) || WIDTH_ALONE
    const width = isAlone
      ? Math.max(120, Math.min(WIDTH_ALONE, natural, HEIGHT_ALONE * (rows[0]?.aspect ?? 1)))
      : WIDTH_GRID
    return html`<div class="pictures ${isAlone ? 'alone' : ''}" style="--width: ${Math.round(width)}px">
      ${rows.map(
        row => html`<div class="row" style="aspect-ratio: ${row.aspect.toFixed(4)}">
          ${row.cells.map(({ index, aspect }) => {
            const share = aspect / row.cells.reduce((sum, cell) => sum + cell.aspect, 0)
            return html`<tl-picture
              style="flex-grow: ${(share * 100).toFixed(3)}"
              .room=${this.room}
              .shown=${pictures[index]?.shown}
              sizes=${`${Math.round(width * share)}px`}
            ></tl-picture>`
          })}
        </div>`,
      )}
    </div>`
  }

  /** How far all of them have come, and the way to give it up. */
  #sending() {
    const { pending, room } = this
    if (pending?.state !== 'uploading' || !pending.files) return nothing
    const total = pending.files.reduce((sum, { blob }) => sum + blob.size, 0)
    const sent = pending.files.reduce((sum, { blob, progress }) => sum + blob.size * progress, 0)
    const percent = total > 0 ? Math.floor((sent / total) * 100) : 0
    const { clientId, paused } = pending
    const how = `${sizeWord(sent)} of ${sizeWord(total)}`
    const word = paused ? `Paused at ${how}` : room.state === 'reconnecting' ? 'Waiting for the network' : how
    return html`<div class="sending">
      <div
        class="bar"
        role="progressbar"
        aria-label="Sending"
        aria-valuenow=${percent}
        aria-valuemin="0"
        aria-valuemax="100"
        style="--done: ${percent}%"
      ></div>
      <p><span>${word}</span>
        <button type="button" class="plain" @click=${() => (paused ? room.resumeUpload(clientId) : room.pauseUpload(clientId))}>${paused ? 'Resume' : 'Pause'}</button>
        <button type="button" class="plain" @click=${() => room.discard(clientId)}>Cancel</button></p>
    </div>`
  }
}

customElements.define('tl-attachments', Attachments)
