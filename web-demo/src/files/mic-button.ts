import { html } from 'lit'
import { icon } from '../design/icons.ts'

/** Who presses the microphone for longer than this holds it, and is done on letting go. */
const HELD_MS = 600

/** Begins a recording when it is pressed; `release` is called on letting go of what was held while one spoke. */
export const micButton = ({ record, release }: { record: () => void; release: () => void }) => {
  const press = (event: PointerEvent) => {
    if (event.button !== 0) return
    const pressedAt = event.timeStamp
    record()
    const letGo = ({ timeStamp }: Event) => {
      removeEventListener('pointerup', letGo)
      removeEventListener('pointercancel', letGo)
      if (timeStamp - pressedAt > HELD_MS) release()
    }
    addEventListener('pointerup', letGo)
    addEventListener('pointercancel', letGo)
  }
  return html`<button
    type="button"
    class="icon-button"
    aria-label="Record a voice message"
    title="Record a voice message: press, or hold while you speak"
    @pointerdown=${press}
    @click=${record}
  >
    ${icon('mic')}
  </button>`
}
