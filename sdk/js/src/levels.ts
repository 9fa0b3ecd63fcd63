import type { types } from 'mediasoup-client'
import { levelOf, watchAudioLevel } from './audio-level.ts'

const INTERVAL_MS = 100
/** A level older than this is of somebody who has fallen silent: no packets come in silence (ms). */
const STALE_MS = 400

/** Whose sound it is, and what brings it. */
type Heard = { participantId: string; consumer: types.Consumer }

/**
 * How loud everybody is, read from what the browser notes of every packet of sound: nothing is decoded for it, and
 * nothing is read while nobody asks.
 */
export class Levels {
  readonly #heard: () => readonly Heard[]
  readonly #ownTrack: () => MediaStreamTrack | undefined
  readonly #listeners = new Set<() => void>()
  #levels = new Map<string, number>()
  #own = 0
  #ownWanted = false
  #track: MediaStreamTrack | undefined
  #stopOwn: (() => void) | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  constructor(heard: () => readonly Heard[], ownTrack: () => MediaStreamTrack | undefined) {
    this.#heard = heard
    this.#ownTrack = ownTrack
  }

  /** Of another participant, 0 (silence) to 1 (very loud). 0 while nobody watches. */
  of(participantId: string): number {
    return this.#levels.get(participantId) ?? 0
  }

  /** One's own, which alone has to be computed: from the first time it is asked for. */
  get own(): number {
    this.#ownWanted = true
    return this.#own
  }

  /** Calls ten times a second from now on. Returns the way to stop. */
  watch(listener: () => void): () => void {
    this.#listeners.add(listener)
    this.#timer ??= setInterval(() => this.#look(), INTERVAL_MS)
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size === 0) this.stop()
    }
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
    this.#stopOwn?.()
    this.#stopOwn = undefined
    this.#track = undefined
    this.#levels.clear()
    this.#own = 0
    this.#ownWanted = false
  }

  #look(): void {
    if (this.#ownWanted) this.#followOwn()
    this.#levels = new Map(
      this.#heard().map(({ participantId, consumer }) => [participantId, receivedLevel(consumer)]),
    )
    for (const listener of this.#listeners) listener()
  }

  #followOwn(): void {
    const track = this.#ownTrack()
    if (track === this.#track) return
    this.#stopOwn?.()
    this.#track = track
    this.#own = 0
    this.#stopOwn =
      track &&
      watchAudioLevel(track, level => {
        this.#own = level
      })
  }
}

const receivedLevel = ({ rtpReceiver }: types.Consumer): number => {
  const [latest] = rtpReceiver?.getSynchronizationSources?.() ?? []
  if (!latest || latest.audioLevel === undefined) return 0
  if (performance.timeOrigin + performance.now() - latest.timestamp > STALE_MS) return 0
  return levelOf(latest.audioLevel ** 2)
}
