import { html, type TemplateResult } from 'lit'

/** How far something has come, 0 to 1, as a ring that closes; it turns while nobody knows. Decoration: words stand elsewhere. */
export const ring = (progress: number | undefined): TemplateResult => html`<svg
  class="ring ${progress === undefined ? 'turning' : ''}"
  viewBox="0 0 36 36"
  aria-hidden="true"
>
  <circle cx="18" cy="18" r="15" />
  <circle cx="18" cy="18" r="15" pathLength="100" style="--done: ${Math.round((progress ?? 0.25) * 100)}" />
</svg>`
