import { everyItem, type Room, type ScheduledMessage, textOf } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { LightElement } from '../design/element.ts'
import { momentWord } from './words.ts'

/** One's own messages that wait for their time in this room, and those that could not be sent then. */
export class Scheduled extends LightElement {
  static override properties = {
    room: { attribute: false },
    messages: { state: true },
    fault: { state: true },
  }
  declare room: Room
  declare messages: readonly ScheduledMessage[] | undefined
  declare fault: string | undefined

  override connectedCallback(): void {
    super.connectedCallback()
    void this.#try(async () => {
      this.messages = await Array.fromAsync(everyItem(page => this.room.scheduled(page)))
    })
  }

  protected override render() {
    const { messages } = this
    return html`${this.fault ? html`<p class="failure" role="alert">${this.fault}</p>` : nothing}
      ${messages || this.fault ? nothing : html`<p class="wait"><span class="spinner"></span></p>`}
      ${messages?.length === 0 ? html`<p class="muted">Nothing waits to be sent here.</p>` : nothing}
      <ul class="choose">
        ${repeat(
          messages ?? [],
          ({ id }) => id,
          ({ id, sendAt, parts, failed }) => html`<li>
            <div>
              <span>
                <strong>${failed ? 'Could not be sent' : momentWord(sendAt)}</strong>
                <span class="gist">${textOf(parts) ?? 'A file'}</span>
                ${failed ? html`<small class="failure">${failed}</small>` : nothing}
              </span>
            </div>
            <button type="button" class="button small" @click=${() => void this.#drop(id)}>Delete</button>
          </li>`,
        )}
      </ul>`
  }

  #drop(id: string): Promise<void> {
    return this.#try(async () => {
      await this.room.unschedule(id)
      this.messages = this.messages?.filter(message => message.id !== id)
    })
  }

  async #try(work: () => Promise<void>): Promise<void> {
    this.fault = undefined
    await work().catch((error: Error) => {
      this.fault = error.message
    })
  }
}

customElements.define('tl-scheduled', Scheduled)
