import { readFile } from 'node:fs/promises'
import { TrackSource } from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Call } from './call.ts'
import type { Participant } from './participant.ts'
import { figuresOf } from './quality.ts'

/** What an SFU does, for those who watch over it. Totals are since its start. */
export type SfuStatistics = {
  calls: number
  /** Where calls are: more than one for each that is on several workers, with pipes between them. */
  places: number
  pipes: { open: number; bytes: number }
  /** `away`: of those who joined, whose connection is lost for now. */
  participants: { joined: number; prepared: number; away: number }
  /** Tracks that come in and go out, by what they show or carry. */
  streams: { source: TrackSource; received: number; sent: number }[]
  /** Bytes of all kinds, as the transports counted them. */
  bytes: { received: number; sent: number }
  /** Packets that came in, and those on the way to us that were lost. */
  packets: { received: number; lost: number }
  /** Tracks that come in and are not muted, by their score rounded: `1` (hardly usable) to `5`. */
  scores: Record<string, number>
  /** Of what is sent now, the share that is lost on the way to viewers, 0 to 1. */
  sentLoss: number
}

/** What a worker's process has used; `host` is the SFU process on whose machine it runs, where that is another. */
export type WorkerUsage = {
  pid: number
  host: string | undefined
  port: number
  cpuSeconds: number
  memoryBytes: number
}

/** Counts what grows in things that come and go: what was seen of each is kept when it is gone. */
class Growth {
  readonly #seen = new WeakMap<object, number>()
  #total = 0

  see(of: object, count: number): void {
    this.#total += Math.max(0, count - (this.#seen.get(of) ?? 0))
    this.#seen.set(of, count)
  }

  get total(): number {
    return this.#total
  }
}

/**
 * Reads what flows through calls. Costs a question to the engine for each transport and each track that comes in, not for
 * each viewer of it. What flows between the last reading of something and its end is not counted.
 */
export class Statistics {
  readonly #bytesReceived = new Growth()
  readonly #bytesSent = new Growth()
  readonly #bytesPiped = new Growth()
  readonly #packetsReceived = new Growth()
  readonly #packetsLost = new Growth()

  async read(calls: readonly Call[]): Promise<SfuStatistics> {
    const joined = calls.flatMap(call => [...call.participants.values()])
    const prepared = calls.flatMap(call => [...call.prepared.values()])
    const producers = joined.flatMap(participant => [...participant.producers.values()])
    const consumers = joined.flatMap(participant => [...participant.consumers.values()])
    const scores: Record<string, number> = { 1: 0, 2: 0, 3: 0, 4: 0, 5: 0 }
    const places = calls.flatMap(call => [...call.places])
    // Each stands at both of its ends.
    const pipes = [...new Set(places.flatMap(place => place.pipes))]
    const [lines] = await Promise.all([
      Promise.all([...joined, ...prepared].map(participant => this.#line(participant))),
      ...pipes.map(async opening => {
        const pipe = await opening.catch(() => undefined)
        const bytes = await pipe?.bytes().catch(() => undefined)
        if (pipe && bytes !== undefined) this.#bytesPiped.see(pipe, bytes)
      }),
      ...producers.map(async ({ engine }) => {
        // One that ends meanwhile was read before, or did not live for long.
        const streams = await engine.getStats().catch(() => [] as types.ProducerStat[])
        const sum = (of: (stat: types.ProducerStat) => number) => streams.reduce((all, it) => all + of(it), 0)
        this.#packetsReceived.see(
          engine,
          sum(stat => stat.packetCount),
        )
        this.#packetsLost.see(
          engine,
          sum(stat => Math.max(0, stat.packetsLost)),
        )
        const { bitrate, score } = figuresOf(streams, engine.rtpParameters.codecs[0]?.clockRate ?? 90_000)
        if (bitrate > 0) scores[Math.round(score)] = (scores[Math.round(score)] ?? 0) + 1
      }),
    ])
    const bitrate = lines.reduce((all, line) => all + line.bitrate, 0)
    return {
      calls: calls.length,
      places: places.length,
      pipes: { open: pipes.length, bytes: this.#bytesPiped.total },
      participants: {
        joined: joined.length,
        prepared: prepared.length,
        away: joined.filter(({ awaySince }) => awaySince !== undefined).length,
      },
      streams: TrackSource.options.map(source => ({
        source,
        received: producers.filter(producer => producer.source === source).length,
        sent: consumers.filter(({ producer, flowing }) => producer.source === source && flowing).length,
      })),
      bytes: { received: this.#bytesReceived.total, sent: this.#bytesSent.total },
      packets: { received: this.#packetsReceived.total, lost: this.#packetsLost.total },
      scores,
      sentLoss: bitrate > 0 ? lines.reduce((all, line) => all + line.bitrate * line.loss, 0) / bitrate : 0,
    }
  }

  /** What one participant's transports carry. */
  async #line({ transports }: Participant): Promise<{ bitrate: number; loss: number }> {
    if (!transports) return { bitrate: 0, loss: 0 }
    const [send, receive] = [transports.send.engine, transports.receive.engine]
    const [[up], [down]] = await Promise.all([
      send.getStats().catch(() => []),
      receive.getStats().catch(() => []),
    ])
    if (up) this.#bytesReceived.see(send, up.bytesReceived)
    if (down) this.#bytesSent.see(receive, down.bytesSent)
    return { bitrate: down?.sendBitrate ?? 0, loss: down?.rtpPacketLossSent ?? 0 }
  }
}

/** The memory a process holds now (bytes), as Linux says it; undefined elsewhere. */
export const residentBytes = async (pid: number): Promise<number | undefined> => {
  try {
    const [, kilobytes] = /^VmRSS:\s+(\d+) kB$/m.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1_024
  } catch {
    return undefined
  }
}

/**
 * Up to where a joining is measured: to its answer, or to the first of its transports being connected. The other connects
 * when there is something to send or to receive.
 */
export type JoinPhase = 'answered' | 'connected'
export type JoinListener = (phase: JoinPhase, seconds: number) => void

/** How long joins take, told to whoever listens. */
export class JoinTimes {
  readonly #listeners = new Set<JoinListener>()

  listen(listener: JoinListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Measures one join. `of` gives who has joined by it. */
  async measure<T>(join: () => Promise<T>, of: () => Participant | undefined): Promise<T> {
    const begun = performance.now()
    const tell = (phase: JoinPhase) => {
      for (const listener of this.#listeners) listener(phase, (performance.now() - begun) / 1_000)
    }
    const answer = await join()
    tell('answered')
    const { transports } = of() ?? {}
    const engines = transports ? [transports.send.engine, transports.receive.engine] : []
    let isTold = false
    const look = () => {
      if (isTold || !engines.some(({ dtlsState }) => dtlsState === 'connected')) return
      isTold = true
      tell('connected')
    }
    // Who prepared may be connected already.
    look()
    for (const engine of engines) engine.on('dtlsstatechange', look)
    return answer
  }
}
