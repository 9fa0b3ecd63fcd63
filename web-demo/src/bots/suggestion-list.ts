import { html } from 'lit'
import { reveal } from '../chat/reveal.ts'
import { LightElement } from '../design/element.ts'
import type { Suggestion } from './typed.ts'

/** What a command may go on with, above the field; the field keeps the focus. Fires `choose` with a suggestion. */
export class SuggestionList extends LightElement {
  static override properties = {
    listId: {},
    suggestions: { attribute: false },
    chosen: { type: Number },
  }
  declare listId: string
  declare suggestions: readonly Suggestion[]
  /** Which one Tab takes. */
  declare chosen: number

  protected override updated(): void {
    const list = this.querySelector<HTMLElement>('ul')
    const chosen = this.querySelector<HTMLElement>('[aria-selected=true]')
    if (list && chosen) reveal(list, chosen, 'nearest')
  }

  protected override render() {
    return html`<ul class="mentions suggestions" role="listbox" id=${this.listId} aria-label="Commands">
      ${this.suggestions.map(
        (suggestion, index) => html`<li
          role="option"
          id="${this.listId}-${index}"
          aria-selected=${index === this.chosen}
          @pointerdown=${(event: Event) => {
            // The field would lose the focus.
            event.preventDefault()
          }}
          @click=${() => this.dispatchEvent(new CustomEvent('choose', { detail: suggestion }))}
        >
          <strong>${suggestion.label}</strong><small>${suggestion.hint}</small>
        </li>`,
      )}
    </ul>`
  }
}

customElements.define('tl-suggestion-list', SuggestionList)
