import { recall, remember } from '../room/storage.ts'

const MUTED = 'ring.muted'

/** A note: when it begins within its round and how long it lasts, in seconds, and how high it is, in Hz. */
type Note = { at: number; seconds: number; hz: number }
type Tune = { notes: readonly Note[]; everyMs: number; loudness: number }

const TUNES = {
  /** Somebody calls: three rising notes, twice. */
  incoming: {
    notes: [0, 0.9].flatMap(at => [
      { at, seconds: 0.5, hz: 659.26 },
      { at: at + 0.16, seconds: 0.5, hz: 830.61 },
      { at: at + 0.32, seconds: 0.7, hz: 987.77 },
    ]),
    everyMs: 3_200,
    loudness: 0.16,
  },
  /** It rings at the other end: the tone of telephones in much of Europe (ETSI TR 101 041-2). */
  outgoing: { notes: [{ at: 0, seconds: 1, hz: 425 }], everyMs: 5_000, loudness: 0.05 },
} as const satisfies Record<string, Tune>

/** Rings, by tones the page makes itself; whoever is called may mute that for good. */
export class Ringer {
  #context: AudioContext | undefined
  #tune: keyof typeof TUNES | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  /** Whether calls come in without a sound in this browser. */
  get isMuted(): boolean {
    return recall(MUTED) === 'yes'
  }

  mute(muted: boolean): void {
    remember(MUTED, muted ? 'yes' : 'no')
    const tune = this.#tune
    this.play(undefined)
    this.play(tune)
  }

  /** Rings like this from now on; undefined: not at all. */
  play(tune: keyof typeof TUNES | undefined): void {
    if (tune === this.#tune) return
    clearInterval(this.#timer)
    void this.#context?.close().catch(() => undefined)
    this.#context = undefined
    this.#tune = tune
    if (tune === undefined || (tune === 'incoming' && this.isMuted)) return
    // Without a touch of the page before, browsers keep it silent: then there is the picture alone.
    const context = new AudioContext()
    this.#context = context
    const { notes, everyMs, loudness }: Tune = TUNES[tune]
    const round = () => {
      for (const note of notes) sound(context, note, loudness)
    }
    round()
    this.#timer = setInterval(round, everyMs)
  }
}

/** One note that swells and fades, so that it does not click. */
const sound = (context: AudioContext, { at, seconds, hz }: Note, loudness: number): void => {
  const begin = context.currentTime + at
  const volume = context.createGain()
  volume.gain.setValueAtTime(0, begin)
  volume.gain.linearRampToValueAtTime(loudness, begin + 0.03)
  volume.gain.setValueAtTime(loudness, begin + seconds * 0.5)
  volume.gain.linearRampToValueAtTime(0, begin + seconds)
  const tone = context.createOscillator()
  tone.frequency.value = hz
  tone.connect(volume).connect(context.destination)
  tone.start(begin)
  tone.stop(begin + seconds)
}
