import type { Call, CallRole, Participant } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { repeat } from 'lit/directives/repeat.js'
import { type MenuItem, openMenu } from '../chat/menu.ts'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { confirm } from '../messenger/confirm.ts'
import './waiting.ts'

const ROLE_WORDS: Readonly<Record<CallRole, string>> = {
  host: 'Host',
  speaker: 'Speaker',
  listener: 'Listener',
}
const MAKE: Readonly<Record<CallRole, string>> = {
  host: 'Make host',
  speaker: 'Let speak',
  listener: 'Make listener',
}

/** Who is in the call and who waits, and what hosts do with each. Fires `fault` with a sentence. */
export class People extends LightElement {
  static override properties = { call: { attribute: false } }
  declare call: Call

  constructor() {
    super()
    this.follow(() => this.call)
    this.follow(() => this.call.moderation)
  }

  protected override render() {
    const { call } = this
    // Raised hands first, in the order they went up.
    const people = [...call.participants].sort((a, b) => handOf(a) - handOf(b))
    return html`<tl-waiting .call=${call}></tl-waiting>
      <h3 class="heading">In the call</h3>
      <ul class="members people">
        ${repeat(
          people,
          ({ id }) => id,
          person => this.#person(person),
        )}
      </ul>
      ${call.moreListeners > 0 ? html`<p class="muted">and ${call.moreListeners} more who listen</p>` : nothing}`
  }

  #person(person: Participant) {
    const { call } = this
    const { name, userId, isLocal, role, away } = person
    const items = this.#items(person)
    const state = away ? 'Reconnecting' : ROLE_WORDS[role]
    return html`<li>
      <span class="row">
        <tl-avatar .name=${name} userId=${userId} .picture=${call.room.files.addressOf(person.avatar)}></tl-avatar>
        <span class="name">
          <strong>${name}${isLocal ? html`<span class="muted"> (you)</span>` : nothing}</strong>
          <small>${state}</small>
        </span>
        ${person.handRaisedAt ? html`<span class="hand" title="Hand raised">${icon('hand')}<span class="sr-only">Hand raised</span></span>` : nothing}
        ${person.isOn('mic') ? nothing : html`<span class="mic-off">${icon('micOff')}<span class="sr-only">Muted</span></span>`}
        ${
          items.some(group => group.length > 0)
            ? html`<button
                class="icon-button"
                aria-label="What to do with ${name}"
                aria-haspopup="menu"
                @click=${(event: Event) => openMenu(event.currentTarget as HTMLElement, { label: name, items })}
              >
                ${icon('more')}
              </button>`
            : nothing
        }
      </span>
    </li>`
  }

  #items(person: Participant): MenuItem[][] {
    const { moderation } = this.call
    if (!moderation.isHost || person.isLocal) return [[]]
    const roles = (Object.keys(MAKE) as CallRole[]).filter(role => role !== person.role)
    const first: MenuItem[] = []
    if (person.isOn('mic')) {
      first.push({ word: 'Mute', icon: 'micOff', act: () => this.#do(() => moderation.mute(person)) })
    }
    if (person.isOn('camera')) {
      const act = () => this.#do(() => moderation.mute(person, ['camera']))
      first.push({ word: 'Turn camera off', icon: 'cameraOff', act })
    }
    if (person.isOn('screen')) {
      const act = () => this.#do(() => moderation.mute(person, ['screen', 'screenAudio']))
      first.push({ word: 'Stop their screen', icon: 'screenStop', act })
    }
    if (person.handRaisedAt) {
      first.push({
        word: 'Lower hand',
        icon: 'hand',
        act: () => this.#do(() => moderation.setHand(false, person)),
      })
    }
    return [
      first,
      roles.map(role => ({ word: MAKE[role], act: () => this.#do(() => moderation.setRole(person, role)) })),
      [{ word: 'Remove from call', icon: 'leave', danger: true, act: () => void this.#remove(person) }],
    ]
  }

  async #remove(person: Participant): Promise<void> {
    const title = `Remove ${person.name} from the call?`
    const text = 'They leave with all their devices, and have to be let in to come back.'
    if (!(await confirm(this, { title, text, action: 'Remove', dangerous: true }))) return
    this.#do(() => this.call.moderation.remove(person))
  }

  #do(act: () => Promise<void>): void {
    act().catch((error: Error) =>
      this.dispatchEvent(new CustomEvent('fault', { detail: error.message, bubbles: true })),
    )
  }
}

/** When a hand went up, ms; after all others for whose hand is down. */
const handOf = ({ handRaisedAt }: Participant): number =>
  handRaisedAt === undefined ? Number.MAX_SAFE_INTEGER : Date.parse(handRaisedAt)

customElements.define('tl-people', People)
