import type { BotReply, Control, FieldValues, Form, Room, RoomMessage } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { LightElement } from '../design/element.ts'
import './form.ts'

/** Buttons and forms that a bot put below its message. What it answers shows in the room; that it does not, here. */
export class BotControls extends LightElement {
  static override properties = {
    room: { attribute: false },
    message: { attribute: false },
    asking: { state: true },
    open: { state: true },
    fault: { state: true },
  }
  declare room: Room
  declare message: RoomMessage
  /** The one whose answer is waited for. */
  declare asking: string | undefined
  /** The form that is being filled in. */
  declare open: string | undefined
  declare fault: string | undefined

  protected override render() {
    const { controls = [] } = this.message
    const form = controls.find((one): one is Form => one.type === 'form' && one.id === this.open)
    return html`<div class="bot-controls">${controls.map(control => this.#button(control))}</div>
      ${
        form
          ? html`<tl-bot-form
              .form=${form}
              .members=${this.room.members}
              .busy=${this.asking !== undefined}
              @values=${({ detail }: CustomEvent<FieldValues>) =>
                void this.#ask(form.id, () => this.room.bots.submit(this.message.seq, form.id, detail))}
            ></tl-bot-form>`
          : nothing
      }
      ${this.fault === undefined ? nothing : html`<p class="failure" role="alert">${this.fault}</p>`}`
  }

  #button(control: Control) {
    const { id, type, label, style } = control
    const isForm = type === 'form'
    const press = () => {
      if (isForm) this.open = this.open === id ? undefined : id
      else void this.#ask(id, () => this.room.bots.press(this.message.seq, id))
    }
    return html`<button
      type="button"
      class="button small ${style ?? ''}"
      ?disabled=${control.disabled || this.asking !== undefined || !this.room.can('react')}
      aria-busy=${this.asking === id}
      aria-expanded=${isForm ? this.open === id : nothing}
      @click=${press}
    >
      ${label}
    </button>`
  }

  async #ask(id: string, ask: () => Promise<BotReply>): Promise<void> {
    this.asking = id
    this.fault = undefined
    try {
      await ask()
      this.open = undefined
    } catch (error) {
      this.fault = (error as Error).message
    } finally {
      this.asking = undefined
    }
  }
}

customElements.define('tl-bot-controls', BotControls)
