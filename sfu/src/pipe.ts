import type { types } from 'mediasoup'
import { DATA_PIPE } from './data.ts'
import { endWith } from './end-with.ts'
import type { Place } from './place.ts'

/** What a pipe needs of a place. */
export type PipeEnd = Pick<Place, 'router' | 'worker'>

/** A track on its way to another place: what takes it up at its own, and what gives it at the other. */
export type CarriedTrack = { from: types.Consumer; to: types.Producer }

/**
 * The way between two places of a call, for all that goes from one to the other and back: a transport at each. It ends with
 * either of the two.
 */
export class Pipe {
  readonly #ends: ReadonlyMap<PipeEnd, types.PipeTransport>

  private constructor(ends: ReadonlyMap<PipeEnd, types.PipeTransport>) {
    this.#ends = ends
  }

  /** @throws Error when one of them ends meanwhile */
  static async create(one: PipeEnd, other: PipeEnd): Promise<Pipe> {
    const opening = await Promise.allSettled([openEnd(one, other), openEnd(other, one)])
    const opened = opening.flatMap(end => (end.status === 'fulfilled' ? [end.value] : []))
    const close = () => {
      for (const end of opened) end.close()
    }
    try {
      const [here, there] = opened
      if (!here || !there) throw opening.find(end => end.status === 'rejected')?.reason
      await Promise.all([connect(here, there), connect(there, here)])
      if (here.closed || there.closed) throw new Error('a place ended while a pipe to it was made')
      here.observer.once('close', close)
      there.observer.once('close', close)
      return new Pipe(
        new Map<PipeEnd, types.PipeTransport>([
          [one, here],
          [other, there],
        ]),
      )
    } catch (error) {
      close()
      throw error
    }
  }

  get closed(): boolean {
    return [...this.#ends.values()].some(end => end.closed)
  }

  /** What it has carried, both ways, with all that keeps it going. */
  async bytes(): Promise<number> {
    const [end] = this.#ends.values()
    const [stats] = (await end?.getStats()) ?? []
    return stats ? stats.bytesReceived + stats.bytesSent : 0
  }

  /** Brings a track from one place to the other, by the same id. Its pauses follow, and what ends one end ends the other. */
  async carry(producer: types.Producer, from: PipeEnd, to: PipeEnd): Promise<CarriedTrack> {
    const consumer = endWith(this.#end(from), await this.#end(from).consume({ producerId: producer.id }))
    try {
      const copy = await this.#end(to).produce({
        id: producer.id,
        kind: consumer.kind,
        rtpParameters: consumer.rtpParameters,
        paused: consumer.producerPaused,
      })
      endWith(this.#end(to), copy)
      // These fail with the worker only, and with that it has ended there.
      const pause = () => void copy.pause().catch(() => undefined)
      const resume = () => void copy.resume().catch(() => undefined)
      consumer.on('producerpause', pause)
      consumer.on('producerresume', resume)
      endTogether(consumer, copy)
      if (consumer.producerPaused && !copy.paused) pause()
      if (!consumer.producerPaused && copy.paused) resume()
      return { from: consumer, to: copy }
    } catch (error) {
      consumer.close()
      throw error
    }
  }

  /** The same for a stream of data. */
  async carryData(producer: types.DataProducer, from: PipeEnd, to: PipeEnd): Promise<types.DataProducer> {
    const end = this.#end(from)
    const consumer = endWith(end, await end.consumeData({ dataProducerId: producer.id }))
    try {
      const { sctpStreamParameters, label } = consumer
      if (!sctpStreamParameters) throw new Error('data between places have a stream')
      const copy = await this.#end(to).produceData({ id: producer.id, sctpStreamParameters, label })
      endWith(this.#end(to), copy)
      endTogether(consumer, copy)
      return copy
    } catch (error) {
      consumer.close()
      throw error
    }
  }

  #end(place: PipeEnd): types.PipeTransport {
    const end = this.#ends.get(place)
    if (!end) throw new Error('this pipe does not end at that place')
    return end
  }
}

type Closing = {
  readonly closed: boolean
  close(): void
  observer: { once(name: 'close', listener: () => void): unknown }
}

const endTogether = (one: Closing, other: Closing): void => {
  one.observer.once('close', () => other.close())
  other.observer.once('close', () => one.close())
  // It had before anybody listened.
  if (one.closed) other.close()
}

/** What is lost between two machines is sent again; what passes is encrypted, but for data (docs/decisions/places.md). */
const openEnd = ({ router, worker }: PipeEnd, other: PipeEnd): Promise<types.PipeTransport> =>
  router.createPipeTransport({
    listenInfo: worker.pipeListenInfo(other.worker),
    enableRtx: true,
    enableSrtp: true,
    ...DATA_PIPE,
  })

const connect = (end: types.PipeTransport, { tuple, srtpParameters }: types.PipeTransport): Promise<void> =>
  end.connect({ ip: tuple.localAddress, port: tuple.localPort, ...(srtpParameters && { srtpParameters }) })
