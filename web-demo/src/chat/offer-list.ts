import { html, type TemplateResult } from 'lit'
import { LightElement } from '../design/element.ts'
import { reveal } from './reveal.ts'

/** What the text being written may go on with, above the field; the field keeps the focus. Fires `choose` with one of `offers`. */
export abstract class OfferList<Offer> extends LightElement {
  static override properties = {
    listId: {},
    offers: { attribute: false },
    chosen: { type: Number },
  }
  declare listId: string
  declare offers: readonly Offer[]
  /** Which one the keys take. */
  declare chosen: number

  /** What is offered, for who does not see it. */
  protected abstract readonly label: string

  protected abstract show(offer: Offer): TemplateResult

  protected override updated(): void {
    const list = this.querySelector<HTMLElement>('ul')
    const chosen = this.querySelector<HTMLElement>('[aria-selected=true]')
    if (list && chosen) reveal(list, chosen, 'nearest')
  }

  protected override render() {
    return html`<ul class="offers" role="listbox" id=${this.listId} aria-label=${this.label}>
      ${this.offers.map(
        (offer, index) => html`<li
          role="option"
          id="${this.listId}-${index}"
          aria-selected=${index === this.chosen}
          @pointerdown=${(event: Event) => {
            // The field would lose the focus.
            event.preventDefault()
          }}
          @click=${() => this.dispatchEvent(new CustomEvent('choose', { detail: offer }))}
        >
          ${this.show(offer)}
        </li>`,
      )}
    </ul>`
  }
}
