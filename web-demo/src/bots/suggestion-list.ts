import { html } from 'lit'
import { OfferList } from '../chat/offer-list.ts'
import type { Suggestion } from './typed.ts'

/** What a command may go on with. */
export class SuggestionList extends OfferList<Suggestion> {
  protected override readonly label = 'Commands'

  protected override show({ label, hint }: Suggestion) {
    return html`<strong>${label}</strong><small>${hint}</small>`
  }
}

customElements.define('tl-suggestion-list', SuggestionList)
