import { html, nothing } from 'lit'
import { styleMap } from 'lit/directives/style-map.js'
import { LightElement } from '../../design/element.ts'
import { type IconName, icon } from '../../design/icons.ts'
import { COLOURS } from './painter.ts'
import type { Tool } from './pen.ts'
import type { SharedBoard } from './shared-board.ts'
import { INKS, type Ink, type Width } from './stroke.ts'

const INK_WORDS: Readonly<Record<Ink, string>> = {
  black: 'Black',
  red: 'Red',
  blue: 'Blue',
  green: 'Green',
  orange: 'Orange',
  eraser: 'Eraser',
}
const WIDTH_WORDS: Readonly<Record<Width, string>> = { thin: 'Thin', thick: 'Thick' }

const swatch = (ink: Exclude<Ink, 'eraser'>) => {
  const { light, dark } = COLOURS
  return html`<i class="swatch" style=${styleMap({ '--light': light[ink], '--dark': dark[ink] })}></i>`
}

/** What one draws with, and what else one does with the board. Fires `tool` with a tool, `clear`, `save`, `close`. */
export class BoardTools extends LightElement {
  static override properties = { board: { attribute: false }, tool: { attribute: false } }
  declare board: SharedBoard
  declare tool: Tool

  constructor() {
    super()
    this.follow(() => this.board)
    this.follow(() => this.board.call.moderation)
  }

  protected override render() {
    const { board } = this
    return html`<div class="board-tools" role="toolbar" aria-label="Whiteboard">
      ${board.canDraw ? this.#drawing() : html`<p class="muted">You look on. Raise your hand to be let draw.</p>`}
      <span class="rest">
        ${
          board.canDraw
            ? [
                this.#button('undo', 'Undo my last stroke', !board.canUndo, () => board.undo()),
                this.#button('trash', 'Clear the whiteboard', !board.canClear, () => this.#fire('clear')),
              ]
            : nothing
        }
        ${this.#button('download', 'Save as a picture', board.isBlank, () => this.#fire('save'))}
        ${this.#button('close', 'Close the whiteboard', false, () => this.#fire('close'))}
      </span>
    </div>`
  }

  #drawing() {
    return html`<fieldset>
        <legend class="sr-only">Pen</legend>
        ${INKS.map(ink =>
          this.#choice(
            'ink',
            INK_WORDS[ink],
            ink === this.tool.ink,
            { ink },
            ink === 'eraser' ? icon('eraser') : swatch(ink),
          ),
        )}
      </fieldset>
      <fieldset>
        <legend class="sr-only">Width</legend>
        ${(Object.keys(WIDTH_WORDS) as Width[]).map(width =>
          this.#choice(
            'width',
            WIDTH_WORDS[width],
            width === this.tool.width,
            { width },
            html`<i class="nib ${width}"></i>`,
          ),
        )}
      </fieldset>`
  }

  #choice(name: string, word: string, chosen: boolean, change: Partial<Tool>, sign: unknown) {
    return html`<label class="tool" title=${word}>
      <input
        type="radio"
        name="tl-board-${name}"
        aria-label=${word}
        .checked=${chosen}
        @change=${() => this.dispatchEvent(new CustomEvent('tool', { detail: { ...this.tool, ...change } }))}
      />${sign}
    </label>`
  }

  #button(sign: IconName, word: string, disabled: boolean, act: () => void) {
    return html`<button class="icon-button" aria-label=${word} title=${word} ?disabled=${disabled} @click=${act}>
      ${icon(sign)}
    </button>`
  }

  #fire(name: string): void {
    this.dispatchEvent(new CustomEvent(name))
  }
}

customElements.define('tl-board-tools', BoardTools)
