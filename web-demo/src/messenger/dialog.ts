import { html, type TemplateResult } from 'lit'
import { icon } from '../design/icons.ts'

/** The frame of our dialogs: a title, a way out, and what stands inside. Escape closes it, as dialogs do. */
export const dialogCard = (options: {
  title: string
  body: TemplateResult
  closed: () => void
}) => html`<dialog
  class="card"
  aria-label=${options.title}
  @close=${options.closed}
>
  <header>
    <h2>${options.title}</h2>
    <button
      class="icon-button"
      aria-label="Close"
      @click=${(event: Event) => (event.currentTarget as HTMLElement).closest('dialog')?.close()}
    >
      ${icon('close')}
    </button>
  </header>
  ${options.body}
</dialog>`
