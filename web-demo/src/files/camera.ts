import { attachTrack, listDevices, type MediaDevice, openCamera } from '@trunkline/sdk'
import { html, nothing } from 'lit'
import { openDialog } from '../chat/dialog.ts'
import { LightElement } from '../design/element.ts'
import { icon } from '../design/icons.ts'
import { sentenceOf } from '../lobby/media-error.ts'

const QUALITY = 0.92

/** Opens the camera in a dialog; `taken` gets the photo somebody liked. */
export const takePhoto = (beside: Element, taken: (photo: File) => void): void => {
  openDialog(beside, 'Take a photo', close => {
    const use = ({ detail }: CustomEvent<File>) => {
      close()
      taken(detail)
    }
    return html`<tl-camera @photo=${use}></tl-camera>`
  })
}

/** What the camera sees, to be taken, looked at, and taken again. Fires `photo` with a file. */
export class Camera extends LightElement {
  static override properties = {
    track: { state: true },
    photo: { state: true },
    cameras: { state: true },
    fault: { state: true },
    sees: { state: true },
  }
  declare track: MediaStreamTrack | undefined
  declare photo: { blob: Blob; url: string } | undefined
  declare cameras: readonly MediaDevice[]
  declare fault: string | undefined
  /** There is a picture to take. */
  declare sees: boolean
  #isOver = false

  constructor() {
    super()
    this.cameras = []
    this.sees = false
  }

  override connectedCallback(): void {
    super.connectedCallback()
    void this.#open()
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback()
    this.#isOver = true
    this.track?.stop()
    this.#forget()
  }

  protected override updated(): void {
    const video = this.querySelector('video')
    if (video) attachTrack(video, this.track)
  }

  async #open(deviceId?: string): Promise<void> {
    this.track?.stop()
    this.sees = false
    try {
      const track = await openCamera(deviceId)
      if (this.#isOver) track.stop()
      else this.track = track
      this.cameras = (await listDevices()).filter(({ kind }) => kind === 'camera')
      this.fault = undefined
    } catch (error) {
      this.fault = sentenceOf(error as Error, 'camera')
    }
  }

  protected override render() {
    const { photo, track } = this
    if (this.fault) return html`<p class="notice error" role="alert">${this.fault}</p>`
    const isMirrored = track?.getSettings().facingMode !== 'environment'
    return html`<div class="camera">
      <div class="sight">
        <video class=${isMirrored ? 'mirrored' : ''} muted autoplay playsinline ?hidden=${photo !== undefined} @loadeddata=${() => {
          this.sees = true
        }}></video>
        ${photo ? html`<img src=${photo.url} alt="The photo" />` : track ? nothing : html`<span class="spinner"></span>`}
      </div>
      <div class="ways ${photo ? 'two' : ''}">
        ${
          photo
            ? html`<button type="button" class="button" @click=${this.#forget}>Again</button>
                <button type="button" class="button primary" @click=${this.#use}>Use this photo</button>`
            : html`<span></span><button type="button" class="shutter" aria-label="Take the photo" ?disabled=${!this.sees} @click=${this.#take}></button>
                ${
                  this.cameras.length > 1
                    ? html`<button type="button" class="icon-button" aria-label="Another camera" title="Another camera" @click=${this.#turn}>${icon('turn')}</button>`
                    : html`<span></span>`
                }`
        }
      </div>
    </div>`
  }

  async #take(): Promise<void> {
    const video = this.querySelector('video')
    if (!video) return
    const canvas = document.createElement('canvas')
    canvas.width = video.videoWidth
    canvas.height = video.videoHeight
    canvas.getContext('2d')?.drawImage(video, 0, 0)
    const blob = await new Promise<Blob | null>(resolve => canvas.toBlob(resolve, 'image/jpeg', QUALITY))
    if (blob) this.photo = { blob, url: URL.createObjectURL(blob) }
  }

  readonly #forget = () => {
    if (this.photo) URL.revokeObjectURL(this.photo.url)
    this.photo = undefined
  }

  #turn(): void {
    const current = this.track?.getSettings().deviceId
    const at = this.cameras.findIndex(({ id }) => id === current)
    void this.#open(this.cameras[(at + 1) % this.cameras.length]?.id)
  }

  #use(): void {
    if (!this.photo) return
    const name = `Photo ${new Date().toISOString().slice(0, 19).replaceAll(':', '.').replace('T', ' ')}.jpg`
    this.dispatchEvent(
      new CustomEvent('photo', { detail: new File([this.photo.blob], name, { type: 'image/jpeg' }) }),
    )
  }
}

customElements.define('tl-camera', Camera)
