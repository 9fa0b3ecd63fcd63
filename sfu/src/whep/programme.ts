import type { WatchWish } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Call } from '../call.ts'
import type { Place } from '../place.ts'
import type { Producer } from '../producer.ts'
import { choose } from './choice.ts'
import { Feed } from './feed.ts'
import { Outlet, type PlayedCodec } from './outlet.ts'
import { reportsIn } from './splice.ts'
import type { Viewer } from './viewer.ts'

/** Whoever is shown stays for so long, milliseconds, though another speaks: two who talk at once make no flicker. */
const HOLD_MS = 2_000

/** What is shown of one kind: the track it comes from, and the one it is to come from as soon as that begins. */
type Line = { now: Feed | undefined; next: Feed | undefined; wanted: Producer | undefined; opening: number }

export type ProgrammeOptions = {
  call: Call
  /** Where those who watch it have their transports. */
  place: Place
  wish: WatchWish
  /** By the payload types of the player, the preferred first. */
  codecs: readonly PlayedCodec[]
  /** Told once, when nobody watches it any more. */
  onEnd: () => void
}

/**
 * What those see and hear who watch a call as one picture and one sound: one for all who want the same, by the same payload
 * types, at the same place. It goes on while tracks and people come and go.
 */
export class Programme {
  readonly #call: Call
  readonly #place: Place
  readonly #wish: WatchWish
  readonly #codecs: readonly PlayedCodec[]
  readonly #onEnd: () => void
  readonly #out: types.DirectTransport
  readonly #viewers = new Set<Viewer>()
  readonly #outlets = new Map<PlayedCodec, Promise<Outlet>>()
  readonly #opened = new Map<PlayedCodec, Outlet>()
  /** By which of its codecs the player takes a track. */
  readonly #codecOf = new WeakMap<Producer, PlayedCodec | undefined>()
  /** Where tracks are taken up, by the router they are published at. */
  readonly #taps = new Map<types.Router, Promise<types.DirectTransport>>()
  readonly #lines: Record<types.MediaKind, Line> = { audio: newLine(), video: newLine() }
  #shownId: string | undefined
  #shownSince = Number.NEGATIVE_INFINITY
  #holdTimer: NodeJS.Timeout | undefined
  #ended = false

  private constructor(options: ProgrammeOptions, out: types.DirectTransport) {
    this.#call = options.call
    this.#place = options.place
    this.#wish = options.wish
    this.#codecs = options.codecs
    this.#onEnd = options.onEnd
    this.#out = out
    out.observer.once('close', () => this.#end())
  }

  static async create(options: ProgrammeOptions): Promise<Programme> {
    return new Programme(options, await options.place.router.createDirectTransport())
  }

  /**
   * One more watches, until its transport closes.
   * @returns false when it has ended already
   */
  async add(viewer: Viewer): Promise<boolean> {
    if (this.#ended) return false
    const { transport } = viewer
    this.#viewers.add(viewer)
    transport.observer.once('close', () => this.#leave(viewer))
    transport.on('dtlsstatechange', state => {
      if (state === 'connected') this.#askForPicture()
    })
    if (transport.closed) this.#leave(viewer)
    this.look()
    await Promise.all(Array.from(this.#opened.values(), outlet => this.#serve(outlet, viewer)))
    this.#askForPicture()
    return true
  }

  /** To be called whenever tracks or people come or go, or somebody else speaks. */
  look(): void {
    if (this.#ended) return
    clearTimeout(this.#holdTimer)
    const heldMs = this.#shownSince + HOLD_MS - performance.now()
    const { speakingId } = this.#call.programmes
    const shown = choose({
      participants: this.#call.participants.values(),
      wish: this.#wish,
      plays: producer => this.#codecFor(producer) !== undefined,
      speakingId: heldMs > 0 ? undefined : speakingId,
      shownId: this.#shownId,
    })
    if (heldMs > 0) this.#holdTimer = setTimeout(() => this.look(), heldMs)
    const id = shown?.participant.id
    if (id !== undefined && id !== this.#shownId) {
      this.#shownId = id
      this.#shownSince = performance.now()
    }
    this.#turn('video', shown?.picture)
    this.#turn('audio', shown?.sound)
  }

  /** Takes the picture or the sound from this track from now on; from none, when there is none. */
  #turn(kind: types.MediaKind, producer: Producer | undefined): void {
    const line = this.#lines[kind]
    if (line.wanted === producer) return
    line.wanted = producer
    const opening = ++line.opening
    line.next?.close()
    line.next = undefined
    // A picture stays until the next one begins; the sound of somebody else beside it would be wrong.
    if (kind === 'audio' || producer === undefined) {
      line.now?.close()
      line.now = undefined
    }
    if (!producer) return
    this.#open(producer, () => line.opening === opening && !this.#ended)
      .then(async feed => {
        if (!feed) return
        line.next = feed
        await feed.begin()
      })
      .catch(error => {
        if (line.opening !== opening || this.#ended || producer.closed) return
        this.#call.logger.warn({ err: error, producerId: producer.id }, 'a track is not shown by WHEP')
      })
  }

  async #open(producer: Producer, isWanted: () => boolean): Promise<Feed | undefined> {
    const codec = this.#codecFor(producer)
    if (!codec) return undefined
    const [outlet, tap] = await Promise.all([this.#outletFor(codec), this.#tapAt(producer.place.router)])
    if (!isWanted()) return undefined
    const feed = await Feed.create(producer, tap, (from, packet) => this.#onPacket(from, packet, outlet))
    if (isWanted()) return feed
    feed.close()
    return undefined
  }

  #onPacket(feed: Feed, packet: Buffer, outlet: Outlet): void {
    const line = this.#lines[feed.producer.engine.kind]
    if (line.next === feed) {
      line.now?.close()
      line.now = feed
      line.next = undefined
      outlet.cut()
    }
    if (line.now === feed) outlet.pass(packet)
  }

  #onReports(packet: Buffer): void {
    for (const { ssrc, report } of reportsIn(packet)) {
      for (const { now } of Object.values(this.#lines)) {
        if (!now || now.ssrc !== ssrc) continue
        const codec = this.#codecFor(now.producer)
        if (codec) this.#opened.get(codec)?.report(report)
      }
    }
  }

  #askForPicture(): void {
    const { now, next } = this.#lines.video
    now?.askForPicture()
    next?.askForPicture()
  }

  #codecFor(producer: Producer): PlayedCodec | undefined {
    if (this.#codecOf.has(producer)) return this.#codecOf.get(producer)
    const { id, place, engine } = producer
    const codec = this.#codecs.find(
      one =>
        one.kind === engine.kind &&
        place.router.canConsume({ producerId: id, rtpCapabilities: { codecs: [one] } }),
    )
    this.#codecOf.set(producer, codec)
    return codec
  }

  #outletFor(codec: PlayedCodec): Promise<Outlet> {
    const known = this.#outlets.get(codec)
    if (known) return known
    const opening = Outlet.create(codec, this.#place.router, this.#out, () => this.#askForPicture()).then(
      async outlet => {
        this.#opened.set(codec, outlet)
        await Promise.all(Array.from(this.#viewers, viewer => this.#serve(outlet, viewer)))
        return outlet
      },
    )
    this.#outlets.set(codec, opening)
    opening.catch(() => this.#outlets.delete(codec))
    return opening
  }

  /** A failure is of one player and one codec: the others see what they see. */
  async #serve(outlet: Outlet, viewer: Viewer): Promise<void> {
    try {
      await outlet.serve(viewer)
    } catch (error) {
      if (viewer.transport.closed) return
      this.#call.logger.warn({ err: error, codec: outlet.codec.mimeType }, 'a player by WHEP is not served')
    }
  }

  #tapAt(router: types.Router): Promise<types.DirectTransport> {
    const known = this.#taps.get(router)
    if (known) return known
    const opening = router.createDirectTransport().then(transport => {
      if (this.#ended) transport.close()
      transport.on('rtcp', packet => this.#onReports(packet))
      transport.observer.once('close', () => this.#taps.delete(router))
      return transport
    })
    this.#taps.set(router, opening)
    opening.catch(() => this.#taps.delete(router))
    return opening
  }

  #leave(viewer: Viewer): void {
    this.#viewers.delete(viewer)
    if (this.#viewers.size === 0) this.#end()
  }

  #end(): void {
    if (this.#ended) return
    this.#ended = true
    clearTimeout(this.#holdTimer)
    for (const opening of this.#taps.values()) opening.then(tap => tap.close()).catch(() => undefined)
    this.#out.close()
    this.#onEnd()
  }
}

const newLine = (): Line => ({ now: undefined, next: undefined, wanted: undefined, opening: 0 })
