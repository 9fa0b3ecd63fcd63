import type { Trunkline } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import { ThisBrowser, whyNot } from './this-browser.ts'

/** Whether one is told by this browser while away: takes effect at once. */
export class PushSwitch extends LightElement {
  static override properties = {
    client: { attribute: false },
    userId: {},
    isBusy: { state: true },
    fault: { state: true },
  }
  declare client: Trunkline
  declare userId: string
  declare isBusy: boolean
  declare fault: string | undefined

  constructor() {
    super()
    this.isBusy = false
  }

  protected override render() {
    const reason = whyNot()
    return html`<label class="switch-row">
        <span
          >Notifications<small>${reason ?? 'This browser tells you of messages and calls while you are away.'}</small></span
        >
        <input
          type="checkbox"
          role="switch"
          .checked=${this.#browser.isOn}
          aria-busy=${this.isBusy}
          ?disabled=${this.isBusy || reason !== undefined}
          @change=${(event: Event) => void this.#turn(event.target as HTMLInputElement)}
        />
      </label>
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}`
  }

  get #browser(): ThisBrowser {
    return new ThisBrowser(this.client, this.userId)
  }

  async #turn(input: HTMLInputElement): Promise<void> {
    const browser = this.#browser
    const isWanted = input.checked
    // It is on once the server knows of it, and off once it does not.
    input.checked = !isWanted
    this.isBusy = true
    this.fault = undefined
    try {
      await (isWanted ? browser.turnOn() : browser.turnOff())
    } catch (error) {
      this.fault = `It could not be changed: ${(error as Error).message}`
    } finally {
      this.isBusy = false
      input.checked = browser.isOn
    }
  }
}

customElements.define('tl-push-switch', PushSwitch)
