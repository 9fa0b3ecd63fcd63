import { html } from 'lit'
import { lengthWord } from '../chat/words.ts'

/** The line's thousandths: as fine as anybody drags. */
const STEPS = 1_000

/**
 * What is dragged, and has the focus, over something that shows how far a recording has played.
 * @param at seconds
 * @param played share of it, 0 to 1
 * @param seek called with the share that was dragged to
 */
export const scrubber = ({
  label,
  at,
  played,
  seek,
}: {
  label: string
  at: number
  played: number
  seek: (share: number) => void
}) =>
  html`<input
    class="scrubber"
    type="range"
    min="0"
    max=${STEPS}
    aria-label=${label}
    aria-valuetext=${lengthWord(at * 1_000)}
    .value=${String(Math.round(played * STEPS))}
    @input=${(event: Event) => seek(Number((event.target as HTMLInputElement).value) / STEPS)}
  />`
