import type { types } from 'mediasoup'

/** Loudness below which nobody counts as speaking, dBov: above the noise left by browsers' noise suppression. */
const SILENCE_DBOV = -55
/** As quiet as can be said. */
const NOTHING_DBOV = -127
const INTERVAL_MS = 300
/** How many of the loudest are looked at: whoever speaks and is not among so many is not heard anyhow. */
const LOUDEST = 10
/** After so many intervals in which who spoke was not heard and others were, it is the loudest of those. */
const PATIENCE = 3

/** The microphone of who speaks, and how loud that is, dBov. */
export type Heard = { producerId: string; volume: number }

/**
 * Who speaks at one place. Two observers of the engine together: the dominant speaker detection, which does not flicker when two
 * talk at once, but never says that all are silent and may stay with somebody who fell silent when another goes on; and
 * the loudness one, which knows.
 */
export class Speaker {
  readonly #dominance: types.ActiveSpeakerObserver
  readonly #loudness: types.AudioLevelObserver
  #onHeard: (heard: Heard | null) => void = () => {}
  #silent = true
  #current: string | null = null
  /** Of the last interval, by producer. */
  #volumes: ReadonlyMap<string, number> = new Map()
  /** Intervals in which others were heard, and who speaks was not. */
  #unheard = 0

  private constructor(dominance: types.ActiveSpeakerObserver, loudness: types.AudioLevelObserver) {
    this.#dominance = dominance
    this.#loudness = loudness
  }

  static async create(router: types.Router): Promise<Speaker> {
    const [dominance, loudness] = await Promise.all([
      router.createActiveSpeakerObserver({ interval: INTERVAL_MS }),
      router.createAudioLevelObserver({
        interval: INTERVAL_MS,
        threshold: SILENCE_DBOV,
        maxEntries: LOUDEST,
      }),
    ])
    const speaker = new Speaker(dominance, loudness)
    loudness.on('silence', () => {
      speaker.#silent = true
      speaker.#set(null)
    })
    loudness.on('volumes', volumes => {
      const [loudest] = volumes
      speaker.#volumes = new Map(volumes.map(({ producer, volume }) => [producer.id, volume]))
      speaker.#unheard = speaker.#volumes.has(speaker.#current ?? '') ? 0 : speaker.#unheard + 1
      // After silence the loudest begins; from then on dominance decides.
      if (loudest && (speaker.#silent || speaker.#unheard >= PATIENCE)) {
        speaker.#current = loudest.producer.id
        speaker.#unheard = 0
      }
      speaker.#silent = false
      speaker.#tell()
    })
    dominance.on('dominantspeaker', ({ producer }) => {
      if (!speaker.#silent) speaker.#set(producer.id)
    })
    return speaker
  }

  /** @param listener told every {@link INTERVAL_MS} whom it hears, and null when there is silence or who spoke is muted */
  onHeard(listener: (heard: Heard | null) => void): void {
    this.#onHeard = listener
  }

  async add(producer: types.Producer): Promise<void> {
    const { id: producerId } = producer
    await Promise.all([
      this.#dominance.addProducer({ producerId }),
      this.#loudness.addProducer({ producerId }),
    ])
  }

  /** The producer was muted or is gone. The engine's observers forget a closed one by themselves. */
  quiet(producerId: string): void {
    if (this.#current !== producerId) return
    // Whoever is heard next begins anew.
    this.#silent = true
    this.#set(null)
  }

  #set(producerId: string | null): void {
    if (this.#current === producerId) return
    this.#current = producerId
    this.#unheard = 0
    this.#tell()
  }

  #tell(): void {
    const producerId = this.#current
    this.#onHeard(
      producerId === null ? null : { producerId, volume: this.#volumes.get(producerId) ?? NOTHING_DBOV },
    )
  }
}
