import { html } from 'lit'
import { openDialog } from '../chat/dialog.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { CLOSEST, type Crop, cropped, enlarged, MIDDLE, squareOf } from './crop.ts'

/** Of the window, and of what is sent, in pixels. */
const VIEW = 260
const SENT = 512
/** One press of a key. */
const STEP_PX = 8
const STEP_SCALE = 1.1

/**
 * Lets somebody choose what of a picture is their face: it is dragged and enlarged behind a round window.
 * @returns the square that was chosen, or the picture itself where the browser cannot show it; undefined when it was closed
 */
export const cropPicture = async (beside: Element, picture: Blob): Promise<Blob | undefined> => {
  const bitmap = await createImageBitmap(picture).catch(() => undefined)
  // The server knows more kinds, and cuts from the middle.
  if (!bitmap) return picture
  return new Promise(resolve => {
    let chosen: Blob | undefined
    const dialog = openDialog(beside, 'Choose what is seen', close => {
      const done = (event: CustomEvent<Blob>) => {
        chosen = event.detail
        close()
      }
      return html`<tl-cropper .bitmap=${bitmap} @done=${done} @cancel=${close}></tl-cropper>`
    })
    dialog.addEventListener('close', () => {
      bitmap.close()
      resolve(chosen)
    })
  })
}

/** A picture behind a round window. Fires `done` with the square that is seen, `cancel`. */
export class Cropper extends LightElement {
  static override properties = { bitmap: { attribute: false }, crop: { state: true }, busy: { state: true } }
  declare bitmap: ImageBitmap
  declare crop: Crop
  declare busy: boolean
  readonly #fingers = new Map<number, { x: number; y: number }>()

  constructor() {
    super()
    this.crop = MIDDLE
    this.busy = false
  }

  protected override updated(): void {
    const canvas = this.querySelector('canvas')
    if (canvas) this.#draw(canvas, VIEW * Math.min(3, Math.max(1, devicePixelRatio)))
  }

  protected override render() {
    return html`<div class="cropper">
      <div
        class="sight"
        role="img"
        tabindex="0"
        aria-label="The picture as others will see it. Arrow keys move it, plus and minus enlarge it"
        @keydown=${this.#key}
        @wheel=${this.#wheel}
        @pointerdown=${this.#down}
        @pointermove=${this.#move}
        @pointerup=${this.#up}
        @pointercancel=${this.#up}
      >
        <canvas style="width: ${VIEW}px; height: ${VIEW}px"></canvas>
      </div>
      <label class="zoom">
        ${icon('zoomOut')}<span class="sr-only">Enlarge</span>
        <input
          type="range"
          min="1"
          max=${CLOSEST}
          step="0.01"
          .value=${String(this.crop.scale)}
          @input=${(event: Event) => this.#enlarge(Number((event.target as HTMLInputElement).value))}
        />${icon('zoomIn')}
      </label>
      <div class="actions">
        <button type="button" class="button" @click=${() => this.dispatchEvent(new CustomEvent('cancel'))}>Cancel</button>
        <button type="button" class="button primary" ?disabled=${this.busy} @click=${this.#done}>Use this picture</button>
      </div>
    </div>`
  }

  /** What is seen, as a square of so many pixels. */
  #draw(canvas: HTMLCanvasElement, size: number): void {
    Object.assign(canvas, { width: size, height: size })
    const { x, y, side } = squareOf(this.crop, this.bitmap, VIEW)
    const context = canvas.getContext('2d')
    if (!context) return
    context.imageSmoothingQuality = 'high'
    context.drawImage(this.bitmap, x, y, side, side, 0, 0, size, size)
  }

  #enlarge(scale: number): void {
    this.crop = enlarged(this.crop, scale, this.bitmap, VIEW)
  }

  #moveBy(dx: number, dy: number): void {
    const { scale, x, y } = this.crop
    this.crop = cropped({ scale, x: x + dx, y: y + dy }, this.bitmap, VIEW)
  }

  #key(event: KeyboardEvent): void {
    const moves: Record<string, readonly [number, number]> = {
      ArrowLeft: [-STEP_PX, 0],
      ArrowRight: [STEP_PX, 0],
      ArrowUp: [0, -STEP_PX],
      ArrowDown: [0, STEP_PX],
    }
    const move = moves[event.key]
    if (move) this.#moveBy(...move)
    else if (event.key === '+' || event.key === '=') this.#enlarge(this.crop.scale * STEP_SCALE)
    else if (event.key === '-') this.#enlarge(this.crop.scale / STEP_SCALE)
    else return
    event.preventDefault()
  }

  #wheel(event: WheelEvent): void {
    event.preventDefault()
    this.#enlarge(this.crop.scale * (event.deltaY < 0 ? STEP_SCALE : 1 / STEP_SCALE))
  }

  #down(event: PointerEvent): void {
    ;(event.currentTarget as Element).setPointerCapture(event.pointerId)
    this.#fingers.set(event.pointerId, { x: event.clientX, y: event.clientY })
  }

  #move(event: PointerEvent): void {
    const before = this.#fingers.get(event.pointerId)
    if (!before) return
    const now = { x: event.clientX, y: event.clientY }
    const other = [...this.#fingers].find(([id]) => id !== event.pointerId)?.[1]
    this.#fingers.set(event.pointerId, now)
    if (!other) {
      this.#moveBy(now.x - before.x, now.y - before.y)
      return
    }
    const apart = (point: { x: number; y: number }) => Math.hypot(point.x - other.x, point.y - other.y)
    if (apart(before) > 0) this.#enlarge((this.crop.scale * apart(now)) / apart(before))
  }

  #up(event: PointerEvent): void {
    this.#fingers.delete(event.pointerId)
  }

  async #done(): Promise<void> {
    this.busy = true
    const canvas = document.createElement('canvas')
    const { side } = squareOf(this.crop, this.bitmap, VIEW)
    this.#draw(canvas, Math.round(Math.min(SENT, Math.max(side, 1))))
    // Browsers that cannot write WebP give PNG.
    const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/webp', 0.92))
    this.busy = false
    if (blob) this.dispatchEvent(new CustomEvent('done', { detail: blob }))
  }
}

customElements.define('tl-cropper', Cropper)
