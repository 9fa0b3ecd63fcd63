import type { ConsumerOptions, SfuRequestData } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import { receivableParameters } from './codecs.ts'
import { endWith } from './end-with.ts'
import type { Participant, Transports } from './participant.ts'
import type { Place } from './place.ts'
import { plain } from './plain.ts'
import { PreferredLayers } from './preferred-layers.ts'
import type { Producer } from './producer.ts'

/**
 * Who goes first when a viewer's line is narrow. The engine gives every picture its lowest layer first, and what is left
 * to these, in order; sound is outside of it and always sent. From 1 to 255.
 */
export const PRIORITIES = { other: 1, speaker: 100, pinned: 150, screen: 200 } as const

/**
 * A track on its way to one participant. Starts paused: no packet is sent before its receiver can use it. It flows while
 * the viewer wants it and the call does not hold it back.
 */
export class Consumer {
  readonly engine: types.Consumer
  readonly producer: Producer
  readonly participant: Participant
  /** Where it is received. */
  readonly place: Place
  readonly #layers: PreferredLayers
  /** Undefined until the viewer has said something: it is about to. */
  #wanted: boolean | undefined
  #held: boolean
  #pinned = false
  #speaking = false
  #priority: number = PRIORITIES.other
  /** Changes of the engine's consumer, one after another. */
  #applying: Promise<void> = Promise.resolve()

  private constructor(
    engine: types.Consumer,
    place: Place,
    producer: Producer,
    participant: Participant,
    held: boolean,
  ) {
    this.engine = engine
    this.place = place
    this.producer = producer
    this.participant = participant
    this.#layers = new PreferredLayers(engine)
    this.#held = held
  }

  /** The third is what it is received by: the participant may have other transports, or none, by the end. */
  static async create(
    producer: Producer,
    participant: Participant,
    { place, receive }: Transports,
  ): Promise<Consumer> {
    const leave = await producer.presence.at(place)
    const engine = await receive.engine
      .consume({
        producerId: producer.id,
        rtpCapabilities: participant.rtpCapabilities,
        paused: true,
      })
      .catch(error => {
        leave()
        throw error
      })
    endWith(receive.engine, engine)
    engine.observer.once('close', leave)
    // It was while nobody listened.
    if (engine.closed) leave()
    // A viewer of few cameras begins with none; who is among the few is looked up when it is there.
    const held = participant.lastN !== undefined && producer.source === 'camera'
    const consumer = new Consumer(engine, place, producer, participant, held)
    if (engine.kind === 'video') consumer.#prioritise()
    return consumer
  }

  get id(): string {
    return this.engine.id
  }

  get pinned(): boolean {
    return this.#pinned
  }

  get held(): boolean {
    return this.#held
  }

  /** Whether packets are sent, as far as this side decides. */
  get flowing(): boolean {
    return this.#wanted === true && !this.#held && !this.engine.producerPaused
  }

  /** The highest spatial layer its viewer wants of the sender, -1 when nothing. A viewer that has just come wants all. */
  get wantedLayer(): number {
    if (this.#held || this.#wanted === false) return -1
    // Somebody who only prepares to join may never come in.
    const { call, id } = this.participant
    if (this.#wanted === undefined && !call.participants.has(id)) return -1
    return this.#layers.spatialLayer ?? Number.POSITIVE_INFINITY
  }

  /** The viewer wants it, or does not look at it. */
  setWanted(wanted: boolean): Promise<void> {
    this.#wanted = wanted
    return this.#apply()
  }

  /** The call holds it back, or lets it go. Returns whether that is new. */
  setHeld(held: boolean): boolean {
    if (this.#held === held) return false
    this.#held = held
    // Fails with the transport or the worker only, which whoever ends them has said.
    this.#apply().catch(() => undefined)
    return true
  }

  /** Who speaks goes before others. */
  setSpeaking(speaking: boolean): void {
    if (this.#speaking === speaking) return
    this.#speaking = speaking
    this.#prioritise()
  }

  /** What the viewer would like of it. Returns whether that touches what is pinned. */
  async prefer({ spatialLayer, temporalLayer, pinned }: SfuRequestData<'consumer:prefer'>): Promise<boolean> {
    if (spatialLayer !== undefined || temporalLayer !== undefined) {
      const told = this.#layers.prefer({ spatialLayer, temporalLayer })
      this.producer.look()
      await told
    }
    if (pinned === undefined || pinned === this.#pinned) return false
    this.#pinned = pinned
    this.#prioritise()
    return true
  }

  /** What the client needs to receive it. */
  options(): ConsumerOptions {
    const { encryption } = this.producer.participant
    return {
      id: this.id,
      producerId: this.producer.id,
      participantId: this.producer.participant.id,
      source: this.producer.source,
      kind: this.engine.kind,
      rtpParameters: plain(receivableParameters(this.engine.rtpParameters)),
      ...(this.#held ? { held: true } : {}),
      ...(encryption && { keys: encryption.keys }),
    }
  }

  #apply(): Promise<void> {
    // Before the engine works: an encoder that has to start again starts meanwhile.
    this.producer.look()
    const applied = this.#applying.then(async () => {
      const flows = this.#wanted === true && !this.#held
      if (this.engine.closed || this.engine.paused !== flows) return
      if (flows) this.#layers.begin()
      await (flows ? this.engine.resume() : this.engine.pause())
    })
    this.#applying = applied.catch(() => undefined)
    return applied
  }

  #prioritise(): void {
    const { screen, pinned, speaker, other } = PRIORITIES
    const isScreen = this.producer.source === 'screen'
    const priority = isScreen ? screen : this.#pinned ? pinned : this.#speaking ? speaker : other
    if (priority === this.#priority || this.engine.closed) return
    this.#priority = priority
    this.engine.setPriority(priority).catch(() => undefined)
  }
}
