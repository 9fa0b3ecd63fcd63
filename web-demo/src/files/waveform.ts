import { html, svg, type TemplateResult } from 'lit'

/** Of a bar and the space beside it, and of the whole, in pixels. */
export const STEP = 4
const HEIGHT = 28

/**
 * Loudness over the whole length as so many bars: the loudest of what each stands for.
 * @param peaks any number, 0 to 100
 */
export const barsOf = (peaks: readonly number[], count: number): number[] =>
  Array.from({ length: count }, (_, bar) => {
    const from = Math.floor((bar * peaks.length) / count)
    const to = Math.max(from + 1, Math.floor(((bar + 1) * peaks.length) / count))
    return Math.max(0, ...peaks.slice(from, to))
  })

/** Bars as they stand in players and in the recorder. */
export const waveShape = (bars: readonly number[], className: string): TemplateResult =>
  html`<svg
    class=${className}
    viewBox="0 0 ${bars.length * STEP} ${HEIGHT}"
    preserveAspectRatio="none"
    aria-hidden="true"
  >${bars.map((peak, bar) => {
    const height = Math.max(3, (peak / 100) * HEIGHT)
    return svg`<rect x=${bar * STEP} y=${(HEIGHT - height) / 2} width="2.6" height=${height} rx="1.3" />`
  })}</svg>`
