import { html, nothing, type PropertyValues } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { styleMap } from 'lit/directives/style-map.js'
import { hueOf } from '../../design/avatar.ts'
import { LightElement } from '../../design/element.ts'
import { icon } from '../../design/icons.ts'
import { confirm } from '../../messenger/confirm.ts'
import { COLOURS, Painter } from './painter.ts'
import { Pen, type Tool } from './pen.ts'
import { boardPng, saveFile } from './png.ts'
import type { Pointer } from './pointers.ts'
import type { SharedBoard } from './shared-board.ts'
import { BOARD_ASPECT, SPAN, type Stroke } from './stroke.ts'
import './tools.ts'

const DARK = '(prefers-color-scheme: dark)'

/** The whiteboard of a call, as large as its place allows. Fires `close`, and `fault` with a sentence. */
export class Board extends LightElement {
  static override properties = { board: { attribute: false }, tool: { state: true }, width: { state: true } }
  declare board: SharedBoard
  declare tool: Tool
  /** Of the sheet, in CSS pixels. */
  declare width: number
  readonly #painter = new Painter()
  readonly #scheme = matchMedia(DARK)
  readonly #observer = new ResizeObserver(([entry]) => {
    const { width, height } = entry?.contentRect ?? { width: 0, height: 0 }
    this.width = Math.floor(Math.min(width, height * BOARD_ASPECT))
  })
  #pen: Pen | undefined
  #frame = 0
  /** What is painted now. */
  #painted: { strokes: readonly Stroke[]; width: number } | undefined

  constructor() {
    super()
    this.tool = { ink: 'black', width: 'thin' }
    this.width = 0
    this.follow(() => this.board)
    this.follow(() => this.board.call.room)
  }

  override connectedCallback(): void {
    super.connectedCallback()
    this.#scheme.addEventListener('change', this.#repaint)
    this.#takePen()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#scheme.removeEventListener('change', this.#repaint)
    this.#observer.disconnect()
    cancelAnimationFrame(this.#frame)
    this.#pen?.close()
    this.#pen = undefined
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('board')) this.#takePen()
    const { strokes } = this.board
    if (this.#painted?.strokes === strokes && this.#painted.width === this.width) return
    cancelAnimationFrame(this.#frame)
    this.#frame = requestAnimationFrame(() => this.#paint())
  }

  protected override render() {
    const { board, width } = this
    const size = { width: `${width}px`, height: `${width / BOARD_ASPECT}px` }
    const count = board.strokes.length
    return html`<section class="board" aria-label="Whiteboard" @keydown=${this.#onKey}>
      <tl-board-tools
        .board=${board}
        .tool=${this.tool}
        @tool=${(event: CustomEvent<Tool>) => {
          this.tool = event.detail
        }}
        @clear=${this.#clear}
        @save=${this.#save}
        @close=${() => this.dispatchEvent(new CustomEvent('close'))}
      ></tl-board-tools>
      <div class="desk">
        <div class="sheet" style=${styleMap(size)}>
          <canvas
            class="${board.canDraw ? 'pen' : ''} ${this.tool.ink === 'eraser' ? 'eraser' : ''}"
            role="img"
            aria-label=${count === 1 ? 'Whiteboard with 1 stroke' : `Whiteboard with ${count} strokes`}
          ></canvas>
          ${board.isBlank ? html`<p class="hint muted">${board.canDraw ? 'Draw here. Everybody in the call sees it.' : 'Nothing is drawn yet.'}</p>` : nothing}
          ${repeat(
            board.pointers.all,
            ({ participant }) => participant.id,
            pointer => this.#pointer(pointer),
          )}
        </div>
      </div>
    </section>`
  }

  #pointer({ participant, x, y }: Pointer) {
    const style = {
      '--hue': String(hueOf(participant.userId)),
      transform: `translate(${(x / SPAN) * this.width}px, ${((y / SPAN) * this.width) / BOARD_ASPECT}px)`,
    }
    return html`<span class="pointer" style=${styleMap(style)} aria-hidden="true">
      ${icon('cursor')}<span>${participant.name}</span>
    </span>`
  }

  #takePen(): void {
    const desk = this.querySelector('.desk')
    const canvas = this.querySelector('canvas')
    // Before the first drawing there is nothing to draw on.
    if (!desk || !canvas) return
    this.#observer.observe(desk)
    this.#pen?.close()
    this.#pen = new Pen({
      element: canvas,
      board: this.board,
      tool: () => this.tool,
      full: () => this.#fault('The whiteboard is full. Save it as a picture, and clear it.'),
    })
  }

  #paint(): void {
    const canvas = this.querySelector('canvas')
    const context = canvas?.getContext('2d')
    if (!canvas || !context || this.width === 0) return
    const { strokes } = this.board
    const scale = devicePixelRatio
    const [width, height] = [this.width * scale, (this.width / BOARD_ASPECT) * scale].map(Math.round)
    if (width && height && (canvas.width !== width || canvas.height !== height)) {
      canvas.width = width
      canvas.height = height
    }
    this.#painter.paint(context, strokes, canvas.width, COLOURS[this.#scheme.matches ? 'dark' : 'light'])
    this.#painted = { strokes, width: this.width }
  }

  readonly #repaint = () => {
    this.#painted = undefined
    this.requestUpdate()
  }

  #onKey(event: KeyboardEvent): void {
    const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === 'z'
    if (!isUndo || !this.board.canUndo) return
    event.preventDefault()
    this.board.undo()
  }

  async #clear(): Promise<void> {
    const title = 'Clear the whiteboard?'
    const text = 'What is drawn goes for everybody, and does not come back.'
    if (await confirm(this, { title, text, action: 'Clear', dangerous: true })) this.board.clear()
  }

  async #save(): Promise<void> {
    try {
      saveFile(await boardPng(this.board.strokes), 'whiteboard.png')
    } catch (error) {
      this.#fault((error as Error).message)
    }
  }

  #fault(detail: string): void {
    this.dispatchEvent(new CustomEvent('fault', { detail }))
  }
}

customElements.define('tl-board', Board)
