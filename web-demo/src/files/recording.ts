import { type OutgoingFile, openMic, watchAudioLevel } from '@trunkline/sdk'

/** The first that a browser can record, with the ending people know. */
const FORMS = [
  { mime: 'audio/webm;codecs=opus', ending: 'webm' },
  { mime: 'audio/mp4', ending: 'm4a' },
  { mime: 'audio/ogg;codecs=opus', ending: 'ogg' },
] as const

export const canRecord = (): boolean => typeof MediaRecorder !== 'undefined'

export type Recorded = { file: OutgoingFile; peaks: number[] }

/** What is being said into the microphone, until it is stopped. */
export class Recording {
  /** Loudness so far, 0 to 100, about 16 times a second. */
  readonly peaks: number[] = []
  readonly #track: MediaStreamTrack
  readonly #recorder: MediaRecorder
  readonly #ending: string
  readonly #chunks: Blob[] = []
  readonly #startedAt = performance.now()
  readonly #stopWatching: () => void

  /** @throws DOMException as getUserMedia does */
  static async start(heard: () => void): Promise<Recording> {
    return new Recording(await openMic(), heard)
  }

  private constructor(track: MediaStreamTrack, heard: () => void) {
    this.#track = track
    const form = FORMS.find(({ mime }) => MediaRecorder.isTypeSupported(mime))
    this.#ending = form?.ending ?? 'webm'
    this.#recorder = new MediaRecorder(new MediaStream([track]), {
      ...(form && { mimeType: form.mime }),
      audioBitsPerSecond: 48_000,
    })
    this.#recorder.ondataavailable = ({ data }) => this.#chunks.push(data)
    this.#recorder.start(1_000)
    this.#stopWatching = watchAudioLevel(track, level => {
      this.peaks.push(Math.round(level * 100))
      heard()
    })
  }

  /** milliseconds */
  get length(): number {
    return performance.now() - this.#startedAt
  }

  async stop(): Promise<Recorded> {
    const durationMs = Math.round(this.length)
    const stopped = new Promise(resolve => {
      this.#recorder.onstop = resolve
    })
    this.#recorder.stop()
    await stopped
    this.#end()
    const [type = 'audio/webm'] = this.#recorder.mimeType.split(';')
    const blob = new Blob(this.#chunks, { type })
    const name = `Voice message.${this.#ending}`
    return { file: { blob, name, durationMs, voice: true }, peaks: this.peaks }
  }

  cancel(): void {
    this.#recorder.onstop = null
    if (this.#recorder.state !== 'inactive') this.#recorder.stop()
    this.#end()
  }

  #end(): void {
    this.#stopWatching()
    this.#track.stop()
  }
}
