import type { LinkedFile, Room } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { sizeWord } from '../chat/words.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { openLightbox } from './lightbox.ts'
import { ring } from './ring.ts'
import type { ShownFile } from './shown.ts'
import { thumbnailsOf } from './thumbnails.ts'

/** What the sign of a file says, for what people know by its letters. */
const signOf = (name: string): string => {
  const ending = /\.([a-z0-9]{1,4})$/i.exec(name)?.[1]
  return ending ? ending.toUpperCase() : ''
}

const kindWord = (mime: string): string => {
  if (mime === 'application/pdf') return 'PDF'
  if (/zip|tar|7z|rar|gzip/.test(mime)) return 'Archive'
  if (mime.startsWith('text/')) return 'Text'
  if (/word|document\.text|rtf/.test(mime)) return 'Document'
  if (/sheet|excel|csv/.test(mime)) return 'Table'
  return /presentation|powerpoint/.test(mime) ? 'Slides' : ''
}

/** A file that is no picture, video or sound, or could not be made one: what it is, and the way to have it. */
export class FileCard extends LightElement {
  static override properties = { room: { attribute: false }, shown: { attribute: false } }
  declare room: Room
  declare shown: ShownFile

  constructor() {
    super()
    this.follow(() => this.room.files)
  }

  protected override render() {
    const { room, shown } = this
    const { fileId, name, uploaded } = shown
    const file = fileId === undefined ? undefined : room.files.get(fileId)
    const isGone = fileId !== undefined && room.files.isGone(fileId)
    const isBad = file?.state === 'quarantined'
    const thumbnail = file && file.state === 'ready' ? thumbnailsOf(room, file).src : undefined
    const href =
      fileId === undefined || isBad ? undefined : room.files.urlOf(fileId, 'original', { download: true })
    return html`<div class="file-card ${isBad ? 'bad' : ''}">
      ${
        thumbnail && fileId !== undefined
          ? html`<button type="button" class="page" aria-label="Open ${name}" @click=${() => openLightbox(this, room, fileId)}>
              <img src=${thumbnail} alt="" decoding="async" />
            </button>`
          : nothing
      }
      <div class="row">
        <span class="sign" aria-hidden="true"
          >${uploaded !== undefined ? ring(uploaded) : isBad || isGone ? icon('alert') : html`${icon('file')}<b>${signOf(name)}</b>`}</span
        >
        <span class="what"><strong>${name}</strong><small>${this.#about(file, isGone)}</small></span>
        ${
          href
            ? html`<a class="icon-button" href=${href} download=${name} aria-label="Save ${name}" title="Save">${icon('download')}</a>`
            : nothing
        }
      </div>
    </div>`
  }

  #about(file: LinkedFile | undefined, isGone: boolean): string {
    if (isGone) return 'It was deleted'
    const { size = file?.size, mime, uploaded } = this.shown
    const words = [size === undefined ? '' : sizeWord(size), kindWord(file?.mime ?? mime)]
    if (file?.pages) words.push(file.pages === 1 ? '1 page' : `${file.pages} pages`)
    if (file?.state === 'quarantined' || file?.state === 'failed') return file.reason ?? 'It cannot be shown'
    if (file?.state === 'checking' && uploaded === undefined) words.push('being checked')
    return words.filter(Boolean).join(' · ')
  }
}

customElements.define('tl-file-card', FileCard)
