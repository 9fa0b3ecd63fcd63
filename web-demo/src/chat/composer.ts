import {
  type Draft,
  hasMediaDevices,
  LIMITS,
  type Member,
  type OutgoingFile,
  type Room,
  type RoomMessage,
} from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import '../bots/suggestion-list.ts'
import { Suggestions } from '../bots/suggestions.ts'
import type { Suggestion } from '../bots/typed.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { openAttachMenu } from '../files/attach-menu.ts'
import { accepted, filesIn } from '../files/chosen.ts'
import { measured } from '../files/measure.ts'
import { micButton } from '../files/mic-button.ts'
import '../files/recorder.ts'
import type { Recorder } from '../files/recorder.ts'
import { canRecord, type Recorded } from '../files/recording.ts'
import '../files/tray.ts'
import { openDialog } from './dialog.ts'
import { draftOf, keepDraft } from './drafts.ts'
import './mention-list.ts'
import { completed, matching, mentionAt, mentionsIn } from './mentions.ts'
import { type Mode, modeBar } from './mode-bar.ts'
import './scheduled.ts'
import { openSendMenu, type SendOptions, sendOptionChips } from './send-options.ts'
import { momentWord } from './words.ts'
import { whyNotWrite } from './writing.ts'

let composers = 0

/**
 * Where one writes: Enter sends, Shift+Enter begins a line, `@` mentions, arrow up in the empty field edits what one
 * said last. Files come by button, paste, drop or camera and go with what is written; in an empty field one speaks instead.
 * Fires `mode` when what is answered or edited is over, `edit-last`, and `say` with a sentence to be shown.
 */
export class Composer extends LightElement {
  static override properties = {
    room: { attribute: false },
    threadOf: { attribute: false },
    mode: { attribute: false },
    text: { state: true },
    options: { state: true },
    offered: { state: true },
    chosen: { state: true },
    fault: { state: true },
    attached: { state: true },
    recording: { state: true },
    suggested: { state: true },
    asking: { state: true },
  }
  declare room: Room
  declare threadOf: number | undefined
  declare mode: Mode | undefined
  declare text: string
  declare options: SendOptions
  /** Whom the mention being written may mean. */
  declare offered: readonly Member[]
  declare chosen: number
  declare fault: string | undefined
  /** Files that go with the next message. */
  declare attached: readonly OutgoingFile[]
  declare recording: boolean
  /** What the command being written may go on with. */
  declare suggested: readonly Suggestion[]
  /** A bot was told to do something, and its answer is waited for. */
  declare asking: boolean
  #suggestions: Suggestions | undefined
  /** Those taken from the list: who of several with one name is meant. */
  readonly #picked = new Set<string>()
  readonly #listId: string

  constructor() {
    super()
    composers += 1
    this.#listId = `mentions-${composers}`
    this.text = ''
    this.options = {}
    this.offered = []
    this.chosen = 0
    this.attached = []
    this.recording = false
    this.suggested = []
    this.asking = false
    this.follow(() => this.room)
  }

  override focus(): void {
    const area = this.#area
    area?.focus()
    area?.setSelectionRange(area.value.length, area.value.length)
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (changed.has('room') || changed.has('threadOf')) {
      const { text, files } = draftOf(this.room, this.threadOf)
      this.text = text
      this.attached = files
      this.options = {}
      this.fault = undefined
      this.recording = false
      this.#picked.clear()
      this.#offer([])
      this.suggested = []
      this.asking = false
      this.#suggestions = new Suggestions(this.room, suggestions => {
        this.suggested = suggestions
        this.chosen = 0
      })
    }
    if (!changed.has('mode')) return
    // What is edited stands in the field; what was being written comes back afterwards.
    if (this.mode?.kind === 'edit') this.text = this.mode.message.text ?? ''
    else if (changed.get('mode')?.kind === 'edit') this.text = draftOf(this.room, this.threadOf).text
    this.fault = undefined
  }

  protected override updated(changed: PropertyValues<this>): void {
    if (changed.has('mode') && this.mode) this.focus()
    const area = this.#area
    if (!area) return
    area.style.height = 'auto'
    area.style.height = `${Math.min(area.scrollHeight, 160)}px`
  }

  protected override render() {
    const why = whyNotWrite(this.room)
    if (why !== undefined) return this.#instead(why)
    const isEditing = this.mode?.kind === 'edit'
    const isOffering = this.offered.length > 0 || this.suggested.length > 0
    return html`<form class="composer" @submit=${this.#submit}>
      ${
        this.offered.length > 0
          ? html`<tl-mention-list
              .room=${this.room}
              .listId=${this.#listId}
              .offers=${this.offered}
              .chosen=${this.chosen}
              @choose=${(event: CustomEvent<Member>) => this.#complete(event.detail)}
            ></tl-mention-list>`
          : nothing
      }
      ${
        this.suggested.length > 0
          ? html`<tl-suggestion-list
              .listId=${this.#listId}
              .offers=${this.suggested}
              .chosen=${this.chosen}
              @choose=${(event: CustomEvent<Suggestion>) => this.#take(event.detail)}
            ></tl-suggestion-list>`
          : nothing
      }
      ${this.fault ? html`<p class="failure" role="alert">${this.fault}</p>` : nothing}
      ${sendOptionChips(this.options, options => {
        this.options = options
      })}
      ${
        this.mode
          ? modeBar(this.room, this.mode, () => {
              this.#endMode()
              this.focus()
            })
          : nothing
      }
      ${
        isEditing
          ? nothing
          : html`<tl-tray .files=${this.attached} @take-out=${({ detail }: CustomEvent<OutgoingFile>) => {
              this.#setFiles(this.attached.filter(file => file !== detail))
            }}></tl-tray>`
      }
      ${this.recording ? this.#recorder() : this.#row(isEditing, isOffering)}
    </form>`
  }

  #row(isEditing: boolean, isOffering: boolean) {
    const isEmpty = this.text.trim() === '' && this.attached.length === 0
    const mayRecord = isEmpty && !isEditing && canRecord() && hasMediaDevices()
    return html`<div class="row">
      ${isEditing ? nothing : this.#attachButton()}
      <textarea
        rows="1"
        aria-label=${this.threadOf === undefined ? 'Message' : 'Message in the thread'}
        aria-autocomplete="list"
        aria-controls=${isOffering ? this.#listId : nothing}
        aria-activedescendant=${isOffering ? `${this.#listId}-${this.chosen}` : nothing}
        placeholder=${this.attached.length > 0 ? 'Say something about it' : this.threadOf === undefined ? 'Message' : 'Reply in the thread'}
        enterkeyhint="send"
        .value=${this.text}
        @input=${this.#input}
        @keydown=${this.#key}
        @paste=${this.#paste}
        @blur=${() => {
          this.#offer([])
          this.suggested = []
        }}
      ></textarea>
      ${isEditing ? nothing : this.#optionsButton()}
      ${
        mayRecord
          ? micButton({
              record: () => {
                this.fault = undefined
                this.recording = true
              },
              release: () => void this.querySelector<Recorder>('tl-recorder')?.stop(),
            })
          : html`<button class="icon-button send" aria-label=${isEditing ? 'Save message' : 'Send message'} ?disabled=${isEmpty || this.asking} aria-busy=${this.asking}>
              ${icon(isEditing ? 'check' : 'send')}
            </button>`
      }
    </div>`
  }

  #recorder() {
    const end = () => {
      this.recording = false
    }
    return html`<tl-recorder
      @cancel=${() => {
        end()
        void this.updateComplete.then(() => this.focus())
      }}
      @fault=${({ detail }: CustomEvent<string>) => {
        end()
        this.fault = detail
      }}
      @send=${({ detail }: CustomEvent<Recorded>) => {
        end()
        void this.room.sendFiles([detail.file], this.#placement).catch(() => undefined)
        if (this.mode) this.#endMode()
      }}
    ></tl-recorder>`
  }

  /** Puts files beside what is being written; for whoever takes them by drop. */
  async attach(files: Iterable<File>): Promise<void> {
    const { room, threadOf } = this
    if (this.mode?.kind === 'edit') this.#endMode()
    const { files: good, fault } = accepted(files, this.attached.length)
    this.fault = fault
    const outgoing = await Promise.all(good.map(measured))
    const all = [...draftOf(room, threadOf).files, ...outgoing]
    keepDraft(room, threadOf, { files: all })
    // Somebody may have gone elsewhere while they were measured.
    if (room !== this.room || threadOf !== this.threadOf) return
    this.attached = all
    this.focus()
  }

  /** What stands where one would write. */
  #instead(why: string) {
    const canRestore = this.room.info?.archivedAt && this.room.can('administer')
    return html`<div class="composer closed" role="note">
      <p>${why}</p>
      ${
        canRestore
          ? html`<button class="button small" @click=${() => void this.room.restore().catch(error => this.#say(error.message))}>
              Open it again
            </button>`
          : nothing
      }
    </div>`
  }

  #attachButton() {
    return html`<button
      type="button"
      class="icon-button"
      aria-label="Attach files"
      title="Attach files"
      aria-haspopup="menu"
      @click=${(event: Event) =>
        openAttachMenu(event.currentTarget as HTMLElement, files => void this.attach(files))}
    >
      ${icon('clip')}
    </button>`
  }

  #optionsButton() {
    return html`<button
      type="button"
      class="icon-button"
      aria-label="Send later, or for a while"
      title="Send later, or for a while"
      aria-haspopup="menu"
      @click=${(event: Event) =>
        openSendMenu(event.currentTarget as HTMLElement, {
          options: this.options,
          canSchedule: this.text.trim() !== '' && this.attached.length === 0,
          changed: options => {
            this.options = options
            this.focus()
          },
          schedule: at => void this.#schedule(at),
          listScheduled: () => this.#listScheduled(),
        })}
    >
      ${icon('clock')}
    </button>`
  }

  get #area(): HTMLTextAreaElement | null {
    return this.querySelector('textarea')
  }

  /** Where a new message stands, and how it is sent. */
  get #placement() {
    const { mode, threadOf } = this
    return {
      ...(threadOf !== undefined && { threadOf }),
      ...(mode?.kind === 'reply' && { replyTo: mode.message.seq }),
      ...this.options,
    }
  }

  get #mentionable() {
    return this.room.members.filter(({ user }) => user.id !== this.room.me?.user.id)
  }

  #mentioned(text: string): string[] {
    const people = this.#mentionable.map(({ user }) => user)
    return mentionsIn(text, people, this.#picked).slice(0, LIMITS.mentionsPerMessage)
  }

  #draft(text: string): Draft & { text: string } {
    const mentions = this.#mentioned(text)
    return { text, ...(mentions.length > 0 && { mentions }), ...this.#placement }
  }

  #set(text: string): void {
    this.text = text
    if (this.mode?.kind !== 'edit') keepDraft(this.room, this.threadOf, { text })
  }

  #setFiles(files: readonly OutgoingFile[]): void {
    this.attached = files
    keepDraft(this.room, this.threadOf, { files })
  }

  #input(): void {
    const area = this.#area
    this.#set(area?.value ?? '')
    this.room.setTyping(this.text.trim() !== '' && this.mode?.kind !== 'edit')
    const mention = area ? mentionAt(area.value, area.selectionStart) : undefined
    const people = this.#mentionable.map(member => ({
      ...member,
      name: member.user.name,
      id: member.user.id,
    }))
    this.#offer(mention ? matching(people, mention.query) : [])
    this.#suggestions?.typed(this.mode?.kind === 'edit' ? '' : this.text)
  }

  /** Writes what was suggested, and asks what may follow. */
  #take({ text }: Suggestion): void {
    const area = this.#area
    if (!area) return
    this.#set(text)
    this.suggested = []
    area.value = text
    area.setSelectionRange(text.length, text.length)
    area.focus()
    this.#suggestions?.typed(text)
  }

  #offer(members: readonly Member[]): void {
    this.offered = members
    this.chosen = 0
  }

  #complete({ user }: Member): void {
    const area = this.#area
    if (!area) return
    const { text, caret } = completed(area.value, area.selectionStart, user.name)
    this.#picked.add(user.id)
    this.#set(text)
    this.#offer([])
    area.value = text
    area.setSelectionRange(caret, caret)
    area.focus()
  }

  #key(event: KeyboardEvent): void {
    // Enter that ends the composing of a character is not ours.
    if (event.isComposing) return
    if (this.#mentionKey(event)) {
      event.preventDefault()
      event.stopPropagation()
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      this.#send()
    } else if (event.key === 'Escape' && this.mode) {
      event.stopPropagation()
      this.#endMode()
    } else if (event.key === 'ArrowUp' && this.text === '' && !this.mode) {
      event.preventDefault()
      this.dispatchEvent(new CustomEvent('edit-last'))
    }
  }

  /** Whether the list of mentions took the key. */
  #mentionKey({ key, shiftKey }: KeyboardEvent): boolean {
    if (this.suggested.length > 0) return this.#suggestionKey(key, shiftKey)
    const { offered } = this
    const member = offered[this.chosen]
    if (!member) return false
    if (key === 'ArrowDown') this.chosen = (this.chosen + 1) % offered.length
    else if (key === 'ArrowUp') this.chosen = (this.chosen - 1 + offered.length) % offered.length
    else if ((key === 'Enter' || key === 'Tab') && !shiftKey) this.#complete(member)
    else if (key === 'Escape') this.#offer([])
    else return false
    return true
  }

  /** Enter does what is written: only Tab takes what is suggested, unless a name is not finished yet. */
  #suggestionKey(key: string, shiftKey: boolean): boolean {
    const { suggested } = this
    const suggestion = suggested[this.chosen]
    if (!suggestion) return false
    const isUnfinished = suggestion.text.trim() !== this.text.trim() && !this.text.includes(' ')
    if (key === 'ArrowDown') this.chosen = (this.chosen + 1) % suggested.length
    else if (key === 'ArrowUp') this.chosen = (this.chosen - 1 + suggested.length) % suggested.length
    else if (key === 'Tab' && !shiftKey) this.#take(suggestion)
    else if (key === 'Enter' && !shiftKey && isUnfinished) this.#take(suggestion)
    else if (key === 'Escape') this.suggested = []
    else return false
    return true
  }

  #submit(event: Event): void {
    event.preventDefault()
    this.#send()
    this.#area?.focus()
  }

  #send(): void {
    const text = this.text.trim()
    const { mode, attached } = this
    if (!text && attached.length === 0) return
    this.fault = undefined
    if (mode?.kind === 'edit') {
      if (text) void this.#save(text, mode)
      return
    }
    if (text.startsWith('/') && attached.length === 0) {
      void this.#command(text)
      return
    }
    this.#sendDraft(text)
  }

  /** Has a bot do it; what no bot of the room knows is said as it stands. */
  async #command(text: string): Promise<void> {
    const { room } = this
    if (this.asking) return
    this.asking = true
    this.suggested = []
    try {
      if (!(await this.#suggestions?.isCommand(text))) {
        if (room === this.room) this.#sendDraft(text)
        return
      }
      await room.bots.run(text)
      // Somebody may have gone elsewhere meanwhile.
      if (room === this.room) this.#sent()
    } catch (error) {
      if (room === this.room) this.fault = (error as Error).message
    } finally {
      this.asking = false
    }
  }

  #sendDraft(text: string): void {
    const { attached, room } = this
    const draft = this.#draft(text)
    void (attached.length > 0 ? room.sendFiles(attached, draft) : room.send(draft)).catch(() => undefined)
    this.#sent()
  }

  async #save(text: string, mode: Mode): Promise<void> {
    try {
      if (text !== mode.message.text) await this.room.edit(mode.message.seq, this.#edited(mode.message, text))
      if (this.mode === mode) this.#endMode()
    } catch (error) {
      this.fault = (error as Error).message
    }
  }

  /** A message with another text: its pictures and what an app put into it stay. */
  #edited({ parts, metadata }: RoomMessage, text: string): Draft {
    const mentions = this.#mentioned(text)
    const at = parts.findIndex(part => 'text' in part && part.mime === 'text/plain')
    return {
      parts: parts.with(at, { mime: 'text/plain', text }),
      ...(metadata && { metadata }),
      ...(mentions.length > 0 && { mentions }),
    }
  }

  async #schedule(at: Date): Promise<void> {
    try {
      await this.room.schedule(this.#draft(this.text.trim()), at)
      this.#say(`It will be sent ${momentWord(at)}.`)
      this.#sent()
    } catch (error) {
      this.fault = (error as Error).message
    }
  }

  #sent(): void {
    this.#setFiles([])
    this.#picked.clear()
    this.#offer([])
    this.#set('')
    if (this.mode) this.#endMode()
  }

  #endMode(): void {
    this.dispatchEvent(new CustomEvent('mode'))
  }

  #listScheduled(): void {
    const beside = this.closest('tl-conversation') ?? this
    openDialog(beside, 'Messages that wait', () => html`<tl-scheduled .room=${this.room}></tl-scheduled>`)
  }

  #say(text: string): void {
    this.dispatchEvent(new CustomEvent('say', { detail: text }))
  }

  #paste(event: ClipboardEvent): void {
    const files = filesIn(event.clipboardData)
    // Office programs put a picture of the text beside the text.
    if (files.length === 0 || event.clipboardData?.types.includes('text/plain')) return
    event.preventDefault()
    void this.attach(files)
  }
}

customElements.define('tl-composer', Composer)
