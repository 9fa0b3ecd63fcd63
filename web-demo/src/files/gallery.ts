import type { RoomEvent, RoomFile, Room as TrunklineRoom } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { momentWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import './file-card.ts'
import './picture.ts'
import type { Walked } from './lightbox.ts'
import './voice.ts'

const TABS = [
  { name: 'media', word: 'Photos and videos', kind: ['picture', 'video'], none: 'No photos or videos yet.' },
  { name: 'files', word: 'Files', kind: ['document', 'audio', 'other'], none: 'No files yet.' },
] as const
type TabName = (typeof TABS)[number]['name']

const PAGE = 24
/** What happens shortly after one another is looked up together, ms. */
const GATHER_MS = 300

/** Whether the list may be another after this happened. */
const isAboutFiles = ({ type, data }: RoomEvent): boolean =>
  type === 'message.deleted' ||
  type === 'message.edited' ||
  type.startsWith('file.') ||
  (type === 'message.created' && data.parts.some(part => 'fileId' in part))

/** All that was shared in a room, the latest first: pictures and videos as a grid, the rest as cards. */
export class Gallery extends LightElement {
  static override properties = {
    room: { attribute: false },
    tab: { state: true },
    files: { state: true },
    loading: { state: true },
    fault: { state: true },
  }
  declare room: TrunklineRoom
  declare tab: TabName
  /** Of the tab; undefined until they are known. */
  declare files: readonly RoomFile[] | undefined
  declare loading: boolean
  declare fault: string | undefined
  #cursor: string | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #stop: (() => void) | undefined

  constructor() {
    super()
    this.tab = 'media'
    this.loading = false
    this.follow(() => this.room.files)
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#stop?.()
    this.#stop = undefined
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!this.isConnected || (this.#stop && !changed.has('room') && !changed.has('tab'))) return
    this.#stop?.()
    this.#stop = this.room.on('event', event => {
      if (isAboutFiles(event)) this.#timer ??= setTimeout(() => void this.#load(), GATHER_MS)
    })
    this.files = undefined
    void this.#load()
  }

  /** What a lightbox that is opened here walks through. */
  get walked(): readonly Walked[] {
    return this.#shown.map(({ seq: _, at: __, kind: ___, sender, ...shown }) => ({ shown, sender }))
  }

  get #shown(): readonly RoomFile[] {
    const { files } = this.room
    return (this.files ?? []).filter(({ fileId }) => !files.isGone(fileId))
  }

  protected override render() {
    return html`<div class="gallery">
      <div class="tabs" role="tablist" aria-label="What was shared" @keydown=${this.#key}>
        ${TABS.map(
          ({ name, word }) => html`<button
            type="button"
            role="tab"
            id="tl-gallery-${name}"
            aria-controls="tl-gallery-panel"
            aria-selected=${this.tab === name}
            tabindex=${this.tab === name ? 0 : -1}
            @click=${() => {
              this.tab = name
            }}
          >${word}</button>`,
        )}
      </div>
      <div id="tl-gallery-panel" role="tabpanel" aria-labelledby="tl-gallery-${this.tab}" aria-busy=${this.loading}>
        ${this.#panel()}
      </div>
    </div>`
  }

  #panel() {
    const { files, fault } = this
    const shown = this.#shown
    const none = TABS.find(({ name }) => name === this.tab)?.none
    return html`${
      files === undefined
        ? fault
          ? nothing
          : html`<p class="empty"><span class="spinner" role="img" aria-label="Being loaded"></span></p>`
        : shown.length === 0
          ? html`<p class="empty">${none}</p>`
          : this.tab === 'media'
            ? this.#grid(shown)
            : this.#list(shown)
    }
    ${fault ? html`<p class="notice error" role="alert">${fault}</p>` : nothing}
    ${
      this.#cursor !== undefined || fault
        ? html`<button type="button" class="button small wide" ?disabled=${this.loading} @click=${() => void this.more()}>
            ${fault ? 'Try again' : 'Show more'}
          </button>`
        : nothing
    }`
  }

  #grid(files: readonly RoomFile[]) {
    return html`<div class="squares">
      ${files.map(file => html`<tl-picture .room=${this.room} .shown=${file} sizes="120px"></tl-picture>`)}
    </div>`
  }

  #list(files: readonly RoomFile[]) {
    const { room } = this
    return html`<ul>
      ${files.map(
        file => html`<li>
          ${
            file.kind === 'audio'
              ? html`<tl-voice .room=${room} .shown=${file}></tl-voice>`
              : html`<tl-file-card .room=${room} .shown=${file}></tl-file-card>`
          }
          <small>${room.member(file.sender)?.user.name ?? file.sender}, ${momentWord(file.at)}</small>
        </li>`,
      )}
    </ul>`
  }

  /** The page after what is shown. */
  async more(): Promise<void> {
    if (!this.loading) await this.#load(this.#cursor)
  }

  /** @param cursor without one, from the start: as much as was shown, as far as one answer holds it */
  async #load(cursor?: string): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const { room, tab, files = [] } = this
    const kind = [...(TABS.find(({ name }) => name === tab)?.kind ?? [])]
    this.loading = true
    try {
      const limit = cursor === undefined ? Math.min(50, Math.max(PAGE, files.length)) : PAGE
      const page = await room.files.list({ kind, limit, ...(cursor !== undefined && { cursor }) })
      // Another tab or another room was chosen meanwhile.
      if (room !== this.room || tab !== this.tab) return
      const known = new Set(files.map(({ fileId }) => fileId))
      const fresh = page.data.filter(({ fileId }) => cursor === undefined || !known.has(fileId))
      this.files = cursor === undefined ? fresh : [...files, ...fresh]
      this.#cursor = page.nextCursor
      this.fault = undefined
    } catch (error) {
      this.fault = (error as Error).message
    } finally {
      this.loading = false
    }
  }

  #key(event: KeyboardEvent): void {
    if (event.key !== 'ArrowLeft' && event.key !== 'ArrowRight') return
    event.preventDefault()
    this.tab = this.tab === 'media' ? 'files' : 'media'
    void this.updateComplete.then(() => this.querySelector<HTMLElement>('[aria-selected=true]')?.focus())
  }
}

customElements.define('tl-gallery', Gallery)
