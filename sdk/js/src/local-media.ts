import type { Track, TrackSource } from '@trunkline/protocol'
import type { types } from 'mediasoup-client'
import type { CallSession } from './call-session.ts'

type Local = {
  track: MediaStreamTrack | undefined
  paused: boolean
  producer: types.Producer | undefined
  /** Whether the server has been told of `paused` as it is. */
  told: boolean
}

const UNPUBLISHED = 'unpublished'

/**
 * One's own tracks, apart from any session: they live on when the call is joined again. Changes run one after
 * another, so that fast clicks end in the state of the last one.
 */
export class LocalMedia {
  readonly #local = new Map<TrackSource, Local>()
  readonly #changed: () => void
  #session: CallSession | undefined
  #queue: Promise<unknown> = Promise.resolve()

  constructor(changed: () => void) {
    this.#changed = changed
  }

  track(source: TrackSource): MediaStreamTrack | undefined {
    return this.#local.get(source)?.track
  }

  /** As others see them. */
  get tracks(): Track[] {
    return Array.from(this.#local, ([source, { producer, paused }]) => ({
      producerId: producer?.id ?? UNPUBLISHED,
      source,
      paused,
    }))
  }

  isOn(source: TrackSource): boolean {
    const local = this.#local.get(source)
    return local?.track !== undefined && !local.paused
  }

  /** Publishes, in a session that is new or was resumed, everything that does not run there already. */
  bind(session: CallSession): Promise<void> {
    return this.#run(async () => {
      this.#session = session
      await Promise.all(
        Array.from(this.#local, async ([source, local]) => {
          const { producer } = local
          if (producer && session.has(producer)) return this.#agree(session, local, producer)
          local.producer = undefined
          return this.#publish(source, local)
        }),
      )
    })
  }

  /** What was muted here meanwhile, the server is told; what the server has muted is muted. */
  async #agree(session: CallSession, local: Local, producer: types.Producer): Promise<void> {
    const track = session.ownTracks.find(({ producerId }) => producerId === producer.id)
    if (!track || track.paused === local.paused) return
    if (!local.told) return this.#tellPaused(local)
    if (!track.paused) return this.#tellPaused(local)
    local.paused = true
    if (local.track) local.track.enabled = false
    producer.pause()
    this.#changed()
  }

  async #tellPaused(local: Local): Promise<void> {
    local.told = false
    if (!local.producer || !this.#session) return
    await this.#session.setPaused(local.producer, local.paused)
    local.told = true
  }

  /** Sends `track` as `source`, in place of what was sent before, which is stopped. */
  set(source: TrackSource, track: MediaStreamTrack, paused = false): Promise<void> {
    return this.#run(async () => {
      const local = this.#local.get(source) ?? { track: undefined, paused, producer: undefined, told: false }
      if (local.track !== track) local.track?.stop()
      local.track = track
      local.paused = paused
      this.#local.set(source, local)
      // Unplugged, or "stop sharing" in the browser's own bar.
      track.addEventListener?.('ended', () => {
        if (this.#local.get(source)?.track === track) this.off(source).catch(() => undefined)
      })
      this.#changed()
      if (!local.producer) return this.#publish(source, local)
      await local.producer.replaceTrack({ track })
      await this.#tellPaused(local)
    })
  }

  /** Mutes or unmutes, keeping the device. */
  setPaused(source: TrackSource, paused: boolean): Promise<void> {
    return this.#run(async () => {
      const local = this.#local.get(source)
      if (!local || local.paused === paused) return
      local.paused = paused
      if (local.track) local.track.enabled = !paused
      this.#changed()
      await this.#tellPaused(local)
    })
  }

  /** Turns a source off and gives its device back: a camera's light goes out. Screens are withdrawn altogether. */
  off(source: TrackSource): Promise<void> {
    return this.#run(async () => {
      const local = this.#local.get(source)
      if (!local) return
      local.track?.stop()
      local.track = undefined
      local.paused = true
      const { producer } = local
      const withdrawn = source === 'screen' || source === 'screenAudio'
      if (withdrawn) this.#local.delete(source)
      this.#changed()
      if (!producer || producer.closed) return
      if (withdrawn) return this.#session?.unpublish(producer)
      await producer.replaceTrack({ track: null })
      await this.#tellPaused(local)
    })
  }

  /** A host muted this: nobody has to be told. A camera's light goes out; a screen is withdrawn. */
  muted(source: TrackSource): Promise<void> {
    if (source !== 'mic') return this.off(source)
    return this.#run(async () => {
      const local = this.#local.get(source)
      if (!local || local.paused) return
      local.paused = true
      local.told = true
      if (local.track) local.track.enabled = false
      local.producer?.pause()
      this.#changed()
    })
  }

  /** Takes everything back, published or not: one may not publish any more, and the server has closed it. */
  withdraw(): Promise<void> {
    return this.#run(async () => {
      const all = [...this.#local.values()]
      this.#local.clear()
      this.#changed()
      for (const { track, producer } of all) {
        track?.stop()
        if (producer && !producer.closed) await this.#session?.unpublish(producer).catch(() => undefined)
      }
    })
  }

  /** Gives microphone and camera on, as they are, to be used elsewhere; they are not stopped here any more. */
  handOver(): { mic?: MediaStreamTrack; camera?: MediaStreamTrack; muted: boolean } {
    const [mic, camera] = [this.track('mic'), this.track('camera')]
    const muted = mic !== undefined && !this.isOn('mic')
    this.#local.delete('mic')
    this.#local.delete('camera')
    return { ...(mic && { mic }), ...(camera && { camera }), muted }
  }

  /** Gives every device back. */
  stop(): void {
    for (const { track } of this.#local.values()) track?.stop()
    this.#local.clear()
    this.#session = undefined
  }

  async #publish(source: TrackSource, local: Local): Promise<void> {
    const session = this.#session
    if (!session || !local.track) return
    const { paused } = local
    const producer = await session.publish(source, local.track, paused)
    if (this.#session !== session) return
    local.producer = producer
    local.told = local.paused === paused
  }

  #run(task: () => Promise<unknown>): Promise<void> {
    const result = this.#queue.then(task).then(() => undefined)
    this.#queue = result.catch(() => undefined)
    return result
  }
}
