import { type GrantedRole, LIMITS, type Member, RANK, type Room, type Trunkline } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { presenceDot, presenceWord } from '../design/presence.ts'
import { ROLE_ABOUT, ROLE_WORDS } from './access.ts'
import { confirm } from './confirm.ts'
import { dialogCard } from './dialog.ts'

const HOUR_MS = 3_600_000
const EXPIRIES: readonly [word: string, hours: number | undefined][] = [
  ['For ever', undefined],
  ['For 1 hour', 1],
  ['For 1 day', 24],
]
const ROLES: readonly GrantedRole[] = ['owner', 'moderator', 'publisher', 'member']

/** Who may be made what: of lower rank than oneself, to lower ranks; owners make owners, too. */
const rolesToGive = (room: Room, member: Member): GrantedRole[] => {
  const { me } = room
  if (!me || !room.can('grant') || RANK[me.role] <= RANK[member.role]) return []
  return ROLES.filter(role => RANK[me.role] > RANK[role] || me.role === 'owner')
}

/** One member in a dialog, and what one may do about them. Shown by `show(userId)`; fires `open`, `say`. */
export class MemberCard extends LightElement {
  static override properties = {
    room: { attribute: false },
    client: { attribute: false },
    userId: { state: true },
    banning: { state: true },
    fault: { state: true },
  }
  declare room: Room
  declare client: Trunkline
  declare userId: string | undefined
  /** The form that bans is shown. */
  declare banning: boolean
  declare fault: string | undefined

  constructor() {
    super()
    this.banning = false
    this.follow(() => this.room)
    this.follow(() => this.client.presence)
    this.follow(() => this.client.blocks)
  }

  show(userId: string): void {
    this.userId = userId
    this.banning = false
    this.fault = undefined
  }

  protected override updated(changed: PropertyValues<this>): void {
    const dialog = this.querySelector('dialog')
    if (!dialog) return
    // What had the focus is not there any more.
    if (changed.get('banning') !== undefined)
      dialog.querySelector<HTMLElement>('select, .act:last-child')?.focus()
    // Whoever has gone meanwhile has no card.
    if (!this.#member) dialog.close()
    else if (!dialog.open) dialog.showModal()
  }

  protected override render() {
    const { userId } = this
    if (userId === undefined) return nothing
    return dialogCard({
      title: this.#member?.user.name ?? 'Member',
      body: html`${this.#member ? this.#body(this.#member) : nothing}`,
      closed: () => {
        this.userId = undefined
      },
    })
  }

  get #member(): Member | undefined {
    return this.userId === undefined ? undefined : this.room.member(this.userId)
  }

  #body(member: Member) {
    const { user, role } = member
    const { me } = this.room
    const presence = this.client.presence.of(user.id)
    const isBot = user.kind === 'bot'
    const isOther = user.id !== me?.user.id
    const mayModerate = isOther && this.room.can('moderate') && me !== undefined && RANK[me.role] > RANK[role]
    return html`<div class="stack">
      <p class="person">
        <span class="face"
          ><tl-avatar .name=${user.name} userId=${user.id} .picture=${user.avatar}></tl-avatar>${isBot ? nothing : presenceDot(presence.status)}</span
        >
        <span class="what"><strong>${ROLE_WORDS[role]}</strong><small>${isBot ? 'Bot' : presenceWord(presence)}</small></span>
      </p>
      ${this.fault ? html`<p class="notice error" role="alert">${this.fault}</p>` : nothing}
      ${
        mayModerate && this.banning
          ? this.#ban(member)
          : isOther
            ? [this.#roles(member), this.#acts(member, mayModerate)]
            : nothing
      }
    </div>`
  }

  #roles(member: Member) {
    const roles = rolesToGive(this.room, member)
    if (roles.length === 0) return nothing
    return html`<fieldset class="kinds">
      <legend class="label">Role</legend>
      ${roles.map(
        role => html`<label class="choice">
          <input
            type="radio"
            name="role"
            .checked=${member.role === role}
            @change=${() => void this.#act(() => this.room.setRole(member.user.id, role))}
          /><span>${ROLE_WORDS[role]}<small>${ROLE_ABOUT[role]}</small></span></label
        >`,
      )}
    </fieldset>`
  }

  #acts({ user, role }: Member, mayModerate: boolean) {
    const isBlocked = this.client.blocks.has(user.id)
    return html`<div class="acts">
      <button class="act" @click=${() => void this.#write(user.id)}>${icon('chat')}Write to ${user.name}</button>
      ${
        this.room.can('administer') && role !== 'owner'
          ? html`<button class="act" @click=${() => void this.#transfer(user)}>${icon('forward')}Hand the room over</button>`
          : nothing
      }
      <button
        class="act ${isBlocked ? '' : 'dangerous'}"
        @click=${() => this.#act(() => (isBlocked ? this.client.blocks.unblock(user.id) : this.client.blocks.block(user.id)))}
      >
        ${icon('alert')}${isBlocked ? 'Unblock' : 'Block'}
      </button>
      ${
        mayModerate
          ? html`<button class="act dangerous" @click=${() => void this.#kick(user)}>${icon('back')}Remove from the room</button>
              <button
                class="act dangerous"
                @click=${() => {
                  this.banning = true
                }}
              >
                ${icon('lock')}Ban from the room
              </button>`
          : nothing
      }
    </div>`
  }

  #ban({ user }: Member) {
    return html`<form class="stack" @submit=${(event: SubmitEvent) => void this.#submitBan(event, user.id)}>
      <p class="muted">Who is banned is out at once, and reads, writes and follows nothing here until the ban ends.</p>
      <div class="field">
        <label for="tl-ban-for">How long</label>
        <select class="select" id="tl-ban-for" name="hours">
          ${EXPIRIES.map(([word, hours]) => html`<option value=${hours ?? ''}>${word}</option>`)}
        </select>
      </div>
      <div class="field">
        <label for="tl-ban-reason">Reason</label>
        <input class="input" id="tl-ban-reason" name="reason" maxlength=${LIMITS.reasonChars} placeholder="Those who moderate see it" />
      </div>
      <div class="answers">
        <button
          type="button"
          class="button"
          @click=${() => {
            this.banning = false
          }}
        >
          Cancel
        </button>
        <button class="button danger">Ban ${user.name}</button>
      </div>
    </form>`
  }

  async #submitBan(event: SubmitEvent, userId: string): Promise<void> {
    event.preventDefault()
    const data = new FormData(event.target as HTMLFormElement)
    const hours = Number(data.get('hours'))
    const reason = String(data.get('reason') ?? '').trim()
    await this.#act(() =>
      this.room.ban(userId, {
        ...(reason && { reason }),
        ...(hours > 0 && { until: new Date(Date.now() + hours * HOUR_MS) }),
      }),
    )
  }

  async #kick({ id, name }: Member['user']): Promise<void> {
    const title = `Remove ${name}?`
    const text = 'They hear no more of this room, and may come back as anybody may come in.'
    if (await confirm(this, { title, text, action: 'Remove', dangerous: true }))
      await this.#act(() => this.room.kick(id))
  }

  async #transfer({ id, name }: Member['user']): Promise<void> {
    const title = `Hand this room over to ${name}?`
    const text = `${name} becomes its owner, and you a moderator.`
    if (await confirm(this, { title, text, action: 'Hand over' }))
      await this.#act(() => this.room.transfer(id))
  }

  async #write(userId: string): Promise<void> {
    await this.#act(async () => {
      const { id } = await this.client.directRoom(userId)
      this.querySelector('dialog')?.close()
      this.dispatchEvent(new CustomEvent('open', { detail: id }))
    })
  }

  async #act(work: () => Promise<unknown>): Promise<void> {
    try {
      await work()
      this.fault = undefined
    } catch (error) {
      this.fault = (error as Error).message
      // What was chosen is not so.
      this.requestUpdate()
    }
  }
}

customElements.define('tl-member-card', MemberCard)
