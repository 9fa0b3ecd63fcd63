import type { types } from 'mediasoup'

/** Loudness below which nobody counts as speaking, dBov: above the noise left by browsers' noise suppression. */
const SILENCE_DBOV = -55
const INTERVAL_MS = 300
/** How many of the loudest are looked at: whoever speaks and is not among so many is not heard anyhow. */
const LOUDEST = 10
/** After so many intervals in which who spoke was not heard and others were, it is the loudest of those. */
const PATIENCE = 3

/**
 * Who speaks. Two observers of the engine together: the dominant speaker detection, which does not flicker when two
 * talk at once, but never says that all are silent and may stay with somebody who fell silent when another goes on; and
 * the loudness one, which knows.
 */
export class Speaker {
  readonly #dominance: types.ActiveSpeakerObserver
  readonly #loudness: types.AudioLevelObserver
  readonly #onChange: (producerId: string | null) => void
  #silent = true
  #current: string | null = null
  /** Intervals in which others were heard, and who speaks was not. */
  #unheard = 0

  private constructor(
    dominance: types.ActiveSpeakerObserver,
    loudness: types.AudioLevelObserver,
    onChange: (producerId: string | null) => void,
  ) {
    this.#dominance = dominance
    this.#loudness = loudness
    this.#onChange = onChange
  }

  /** @param onChange told the producer of whoever speaks now, or null in silence; only when it changes */
  static async create(router: types.Router, onChange: (producerId: string | null) => void): Promise<Speaker> {
    const [dominance, loudness] = await Promise.all([
      router.createActiveSpeakerObserver({ interval: INTERVAL_MS }),
      router.createAudioLevelObserver({
        interval: INTERVAL_MS,
        threshold: SILENCE_DBOV,
        maxEntries: LOUDEST,
      }),
    ])
    const speaker = new Speaker(dominance, loudness, onChange)
    loudness.on('silence', () => {
      speaker.#silent = true
      speaker.#set(null)
    })
    loudness.on('volumes', volumes => {
      const [loudest] = volumes
      const isHeard = volumes.some(({ producer }) => producer.id === speaker.#current)
      speaker.#unheard = isHeard ? 0 : speaker.#unheard + 1
      // After silence the loudest begins; from then on dominance decides.
      if (loudest && (speaker.#silent || speaker.#unheard >= PATIENCE)) speaker.#set(loudest.producer.id)
      speaker.#silent = false
    })
    dominance.on('dominantspeaker', ({ producer }) => {
      if (!speaker.#silent) speaker.#set(producer.id)
    })
    return speaker
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
    this.#onChange(producerId)
  }
}
