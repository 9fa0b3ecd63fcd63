import { html, type TemplateResult } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'

/** Whom one calls, and what comes of it. Fires `hang-up`, `again`, `close`. */
export class Outgoing extends LightElement {
  static override properties = {
    face: { attribute: false },
    name: {},
    kind: {},
    outcome: {},
  }
  /** A picture of whom one calls. */
  declare face: TemplateResult
  declare name: string
  declare kind: string
  /** Why nobody came; undefined while it rings. */
  declare outcome: string | undefined

  protected override render() {
    const { outcome } = this
    const fire = (name: string) => () => this.dispatchEvent(new CustomEvent(name))
    return html`<section class="calling" aria-label="Calling ${this.name}">
      <span class=${outcome ? '' : 'pulse'}>${this.face}</span>
      <h2>${this.name}</h2>
      <p class="muted" role="status">${outcome ?? `Calling: ${this.kind}`}</p>
      <div class="answers">
        ${
          outcome
            ? html`<button class="answer" @click=${fire('close')}><span class="sign">${icon('close')}</span>Close</button>
                <button class="answer yes" @click=${fire('again')}>
                  <span class="sign">${icon('phone')}</span>Call again
                </button>`
            : html`<button class="answer no" @click=${fire('hang-up')}>
                <span class="sign">${icon('leave')}</span>Hang up
              </button>`
        }
      </div>
    </section>`
  }
}

customElements.define('tl-outgoing', Outgoing)
