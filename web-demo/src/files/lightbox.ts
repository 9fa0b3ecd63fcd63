import type { LinkedFile, Room, RoomMessage } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import type { Conversation } from '../chat/conversation.ts'
import { talkOf } from '../chat/talk.ts'
import { momentWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import type { Gallery } from './gallery.ts'
import { placeholderUrl } from './placeholder.ts'
import './player.ts'
import { filesOf, kindOf, type ShownFile } from './shown.ts'
import { largestOf, thumbnailsOf } from './thumbnails.ts'
import { movedBy, WHOLE, type Zoom, zoomedAt } from './zoom.ts'

/** A finger that went this far to a side meant the next one; as far down, the way out. */
const SWIPE = 60
/** One turn of a wheel, one press of a key. */
const STEP = 1.3

/** A file that is shown, and who sent it. */
export type Walked = { shown: ShownFile; sender?: string }

/** What a lightbox walks through, and the way to more of it. */
type Walk = { files: () => readonly Walked[]; more?: () => unknown }

/** What messages show, in the order they were said. */
const shownBy = (messages: readonly RoomMessage[]): Walked[] =>
  messages.flatMap(message =>
    message.blocked ? [] : filesOf(message.parts).map(shown => ({ shown, sender: message.sender })),
  )

/** From a list of files its own; from a thread all of the thread's; else what is loaded of the room. */
const walkFrom = (beside: Element, room: Room): Walk => {
  const gallery = beside.closest<Gallery>('tl-gallery')
  if (gallery) return { files: () => gallery.walked, more: () => gallery.more() }
  const threadOf = beside.closest<Conversation>('tl-conversation')?.threadOf
  const talk = () => talkOf(room, threadOf)
  if (threadOf === undefined) return { files: () => shownBy(talk().messages) }
  const loadAll = async () => {
    while (talk().hasEarlier) await talk().loadEarlier()
  }
  // What could not be loaded is not walked through.
  loadAll().catch(() => undefined)
  return { files: () => shownBy(talk().messages) }
}

/** Shows a picture, a video or a page over everything, with all others of its place to either side. */
export const openLightbox = (beside: Element, room: Room, fileId: string): void => {
  const lightbox = new Lightbox()
  Object.assign(lightbox, { room, fileId, walk: walkFrom(beside, room) })
  const place = beside.closest('tl-conversation, tl-gallery, dialog') ?? beside.parentElement
  place?.append(lightbox)
}

/** Arrow keys go from one to the next, plus and minus and the wheel enlarge, Escape closes. */
export class Lightbox extends LightElement {
  static override properties = {
    room: { attribute: false },
    fileId: {},
    zoom: { state: true },
    loaded: { state: true },
  }
  declare room: Room
  declare fileId: string
  declare walk: Walk
  declare zoom: Zoom
  /** The address that has been loaded. */
  declare loaded: string | undefined
  readonly #fingers = new Map<number, { x: number; y: number }>()
  #swipe: { x: number; y: number } | undefined

  constructor() {
    super()
    this.zoom = WHOLE
    this.follow(() => this.room.files)
    this.follow(() => this.room)
  }

  protected override firstUpdated(): void {
    this.querySelector('dialog')?.showModal()
  }

  get #seen(): Walked[] {
    const { room, fileId } = this
    const seen = this.walk.files().filter(({ shown }) => this.#isSeen(shown))
    if (seen.some(({ shown }) => shown.fileId === fileId)) return seen
    // Of a message that is shown by itself.
    const { mime = '', name = 'Picture' } = room.files.get(fileId) ?? {}
    return [{ shown: { fileId, mime, name } }]
  }

  #isSeen(shown: ShownFile): boolean {
    if (shown.fileId === undefined || this.room.files.isGone(shown.fileId)) return false
    const file = this.room.files.get(shown.fileId)
    const kind = kindOf(shown, file)
    return kind === 'picture' || kind === 'video' || (kind === 'other' && file?.pages !== undefined)
  }

  protected override render() {
    const { room, fileId } = this
    const seen = this.#seen
    const at = seen.findIndex(({ shown }) => shown.fileId === fileId)
    const current = seen[at]
    if (!current) return nothing
    const file = room.files.get(fileId)
    const { shown, sender } = current
    const kind = kindOf(shown, file)
    const save = room.files.urlOf(fileId, 'original', { download: true })
    return html`<dialog
      class="viewer"
      aria-label=${shown.name}
      @keydown=${this.#key}
      @click=${this.#click}
      @close=${() => this.remove()}
    >
      <header>
        <p><strong>${this.#who(sender)}</strong><small>${seen.length > 1 ? `${at + 1} of ${seen.length} · ` : ''}${this.#what(shown, file)}</small></p>
        ${
          kind === 'video'
            ? nothing
            : html`<button class="icon-button" aria-label="Smaller" title="Smaller" ?disabled=${this.zoom.scale <= 1} @click=${() => this.#enlarge(1 / STEP ** 2)}>${icon('zoomOut')}</button>
                <button class="icon-button" aria-label="Larger" title="Larger" @click=${() => this.#enlarge(STEP ** 2)}>${icon('zoomIn')}</button>`
        }
        ${save ? html`<a class="icon-button" href=${save} download=${shown.name} aria-label="Save" title="Save">${icon('download')}</a>` : nothing}
        <button class="icon-button" aria-label="Close" title="Close" @click=${this.#close}>${icon('close')}</button>
      </header>
      <div class="stage">${kind === 'video' ? html`<tl-player .room=${room} .fileId=${fileId}></tl-player>` : this.#picture(shown, file)}</div>
      ${at > 0 ? this.#arrow('before', 'Before', seen[at - 1]) : nothing}
      ${at < seen.length - 1 ? this.#arrow('after', 'Next', seen[at + 1]) : nothing}
    </dialog>`
  }

  #who(sender: string | undefined): string {
    if (sender === undefined) return ''
    const { room } = this
    return sender === room.me?.user.id ? 'You' : (room.member(sender)?.user.name ?? sender)
  }

  #what(shown: ShownFile, file: LinkedFile | undefined): string {
    const pages = file?.pages && file.pages > 1 ? `, page 1 of ${file.pages}` : ''
    return `${shown.name}${pages}${file ? ` · ${momentWord(file.createdAt)}` : ''}`
  }

  #arrow(side: 'before' | 'after', word: string, to: Walked | undefined) {
    return html`<button class="icon-button ${side}" aria-label=${word} title=${word} @click=${() => this.#show(to)}>
      ${icon(side === 'before' ? 'back' : 'arrow')}
    </button>`
  }

  #picture(shown: ShownFile, file: LinkedFile | undefined) {
    const { room, zoom, loaded } = this
    const preview = file && thumbnailsOf(room, file).src
    const large = file && largestOf(room, file)
    // Closer than a thumbnail shows: the original, where browsers can show it.
    const isClose =
      zoom.scale > 1.5 && file?.state === 'ready' && /^image\/(jpeg|png|webp|avif)$/.test(file.mime)
    const best = (isClose && room.files.urlOf(file.id)) || large
    const blur = file?.placeholder && placeholderUrl(file.placeholder)
    // A page has no size of its own: its picture has.
    const page =
      file?.pages === undefined ? undefined : file.derivatives.findLast(it => it.width !== undefined)
    const { width = shown.width, height = shown.height } = page ?? file ?? {}
    const isSized = width !== undefined && height !== undefined
    return html`<div
      class="picture-frame ${zoom.scale > 1 ? 'close' : ''}"
      style="${isSized ? `aspect-ratio: ${width} / ${height}; --ratio: ${width / height}; --natural: ${width}px;` : ''} transform: translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale}); ${blur && !loaded ? `background-image: url(${blur})` : ''}"
      @wheel=${this.#wheel}
      @dblclick=${this.#twice}
      @pointerdown=${this.#down}
      @pointermove=${this.#move}
      @pointerup=${this.#up}
      @pointercancel=${this.#up}
    >
      ${preview ? html`<img src=${preview} alt=${best ? '' : shown.name} draggable="false" />` : nothing}
      ${
        best && best !== preview
          ? html`<img
              class=${loaded === best ? 'loaded' : ''}
              src=${best}
              alt=${shown.name}
              draggable="false"
              @load=${() => {
                this.loaded = best
              }}
            />`
          : nothing
      }
      ${preview || best ? nothing : html`<span class="spinner" role="img" aria-label="Being loaded"></span>`}
    </div>`
  }

  #show(seen: Walked | undefined): void {
    if (seen?.shown.fileId === undefined) return
    if (seen.shown.fileId === this.#seen.at(-1)?.shown.fileId) this.walk.more?.()
    this.fileId = seen.shown.fileId
    this.zoom = WHOLE
    this.loaded = undefined
  }

  #step(by: 1 | -1): void {
    const seen = this.#seen
    this.#show(seen[seen.findIndex(({ shown }) => shown.fileId === this.fileId) + by])
  }

  readonly #close = () => this.querySelector('dialog')?.close()

  /** Beside the picture is the way out. */
  #click(event: Event): void {
    if ((event.target as Element).matches('dialog, .stage')) this.#close()
  }

  #key(event: KeyboardEvent): void {
    const { key, target } = event
    // Those move what has the focus.
    const isSlider = target instanceof HTMLInputElement
    if (key === 'ArrowLeft' && !isSlider) this.#step(-1)
    else if (key === 'ArrowRight' && !isSlider) this.#step(1)
    else if (key === '+' || key === '=') this.#enlarge(STEP)
    else if (key === '-') this.#enlarge(1 / STEP)
    else if (key === '0') this.zoom = WHOLE
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  get #frame(): HTMLElement | null {
    return this.querySelector('.picture-frame')
  }

  #enlarge(factor: number, point = { x: 0, y: 0 }): void {
    const frame = this.#frame
    if (frame) this.zoom = zoomedAt(this.zoom, factor, point, sizeOf(frame))
  }

  /** A point of the screen, told from the middle of what is shown. */
  #from({ clientX, clientY }: { clientX: number; clientY: number }): { x: number; y: number } {
    const stage = this.querySelector('.stage')?.getBoundingClientRect()
    if (!stage) return { x: 0, y: 0 }
    return { x: clientX - stage.left - stage.width / 2, y: clientY - stage.top - stage.height / 2 }
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault()
    this.#enlarge(event.deltaY < 0 ? STEP : 1 / STEP, this.#from(event))
  }

  #twice(event: MouseEvent): void {
    if (this.zoom.scale > 1) this.zoom = WHOLE
    else this.#enlarge(2.5, this.#from(event))
  }

  #down(event: PointerEvent): void {
    ;(event.currentTarget as Element).setPointerCapture(event.pointerId)
    this.#fingers.set(event.pointerId, this.#from(event))
    this.#swipe = this.#fingers.size === 1 && this.zoom.scale === 1 ? this.#from(event) : undefined
  }

  #move(event: PointerEvent): void {
    const before = this.#fingers.get(event.pointerId)
    const frame = this.#frame
    if (!before || !frame) return
    const now = this.#from(event)
    const other = [...this.#fingers].find(([id]) => id !== event.pointerId)?.[1]
    this.#fingers.set(event.pointerId, now)
    if (other) {
      const apart = (point: { x: number; y: number }) => Math.hypot(point.x - other.x, point.y - other.y)
      const middle = { x: (now.x + other.x) / 2, y: (now.y + other.y) / 2 }
      if (apart(before) > 0) this.#enlarge(apart(now) / apart(before), middle)
    } else if (this.zoom.scale > 1)
      this.zoom = movedBy(this.zoom, now.x - before.x, now.y - before.y, sizeOf(frame))
  }

  #up(event: PointerEvent): void {
    const start = this.#swipe
    this.#fingers.delete(event.pointerId)
    this.#swipe = undefined
    if (!start || event.type === 'pointercancel' || event.pointerType === 'mouse') return
    const { x, y } = this.#from(event)
    if (Math.abs(x - start.x) > SWIPE && Math.abs(x - start.x) > Math.abs(y - start.y))
      this.#step(x < start.x ? 1 : -1)
    else if (y - start.y > SWIPE * 1.5) this.#close()
  }
}

/** Before it was enlarged. */
const sizeOf = ({ offsetWidth: width, offsetHeight: height }: HTMLElement) => ({ width, height })

customElements.define('tl-lightbox', Lightbox)
