import type { SearchHit, Trunkline } from '@trunkline/sdk'
import { html, nothing, type PropertyValues } from 'lit'
import { dayOf, dayWord, timeOf } from '../chat/words.ts'
import '../design/avatar.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { membersWord } from './access.ts'
import { roomSign } from './room-sign.ts'

/** Typing goes on for this long before the server is asked. */
const PAUSE_MS = 180

export type Found = { roomId: string; seq?: number } | { userId: string }

/** Text with the words that were found marked. */
export const marked = (text: string, highlights: readonly (readonly [number, number])[]) => {
  const pieces = []
  let at = 0
  for (const [from, to] of highlights) {
    pieces.push(text.slice(at, from), html`<mark>${text.slice(from, to)}</mark>`)
    at = to
  }
  return [...pieces, text.slice(at)]
}

/** What a search over everything finds, while it is typed. Fires `found`. */
export class SearchResults extends LightElement {
  static override properties = {
    client: { attribute: false },
    query: {},
    hits: { state: true },
    next: { state: true },
    state: { state: true },
    fault: { state: true },
  }
  declare client: Trunkline
  declare query: string
  declare hits: SearchHit[]
  declare next: string | undefined
  declare state: 'searching' | 'done'
  declare fault: string | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  #abort = new AbortController()

  constructor() {
    super()
    this.hits = []
    this.state = 'searching'
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    clearTimeout(this.#timer)
    this.#abort.abort()
  }

  protected override willUpdate(changed: PropertyValues<this>): void {
    if (!changed.has('query')) return
    this.state = 'searching'
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => void this.#search(), PAUSE_MS)
  }

  protected override render() {
    const { hits, state, fault } = this
    return html`<div class="search-results">
      <p class="sr-only" role="status">${state === 'done' ? this.#summary() : ''}</p>
      ${state === 'searching' && hits.length === 0 ? html`<p class="empty"><span class="spinner"></span>Searching</p>` : nothing}
      ${fault ? html`<p class="notice error" role="alert">${fault}</p>` : nothing}
      ${state === 'done' && hits.length === 0 && !fault ? html`<p class="empty">Nothing was found for “${this.query}”.</p>` : nothing}
      <ul aria-label="Found">
        ${hits.map(hit => this.#hit(hit))}
      </ul>
      ${this.next ? html`<button class="button small" @click=${() => this.#search(this.next)}>Show more</button>` : nothing}
    </div>`
  }

  #summary(): string {
    const more = this.next ? ' or more' : ''
    return this.hits.length === 1 ? '1 found' : `${this.hits.length}${more} found`
  }

  #hit(hit: SearchHit) {
    const found: Found =
      hit.kind === 'person'
        ? { userId: hit.user.id }
        : hit.kind === 'room'
          ? { roomId: hit.room.id }
          : { roomId: hit.message.roomId, seq: hit.message.seq }
    return html`<li>
      <button class="hit" @click=${() => this.dispatchEvent(new CustomEvent('found', { detail: found }))}>
        ${this.#face(hit)}
        <span class="what">
          <strong>${marked(hit.text, hit.highlights)}</strong>
          <small>${this.#about(hit)}</small>
        </span>
      </button>
    </li>`
  }

  #face(hit: SearchHit) {
    if (hit.kind === 'person')
      return html`<tl-avatar .name=${hit.user.name} userId=${hit.user.id} .picture=${hit.user.avatar}></tl-avatar>`
    if (hit.kind === 'room') return roomSign(hit.room)
    return html`<span class="hit-sign">${icon(hit.kind === 'file' ? 'file' : 'chat')}</span>`
  }

  #about(hit: SearchHit): string {
    switch (hit.kind) {
      case 'person':
        return 'Write to this person'
      case 'room':
        return `${hit.isMember ? '' : 'To follow, '}${membersWord(hit.room.memberCount)}`
      case 'file':
      case 'message': {
        const { at } = hit.message
        const when = `${dayWord(dayOf(at))}, ${timeOf(at)}`
        return hit.roomTitle ? `${hit.roomTitle} · ${when}` : when
      }
    }
  }

  async #search(cursor?: string): Promise<void> {
    this.#abort.abort()
    this.#abort = new AbortController()
    const { signal } = this.#abort
    try {
      const { data, nextCursor } = await this.client.search(this.query, {
        signal,
        ...(cursor ? { cursor } : {}),
      })
      this.hits = cursor ? [...this.hits, ...data] : data
      this.next = nextCursor
      this.fault = undefined
    } catch (error) {
      if (signal.aborted) return
      this.fault = (error as Error).message
    }
    this.state = 'done'
  }
}

customElements.define('tl-search-results', SearchResults)
