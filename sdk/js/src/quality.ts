import { qualityScore, type TrackSource } from '@trunkline/protocol'
import type { types } from 'mediasoup-client'

/** One track, over the last two seconds. */
export type TrackQuality = {
  source: TrackSource
  /** Bits per second. */
  bitrate: number
  /** Share of the packets that were lost, 0 to 1. */
  loss: number
  jitterMs: number
  /** Such as `VP8` or `opus`. */
  codec: string | undefined
  /** Of pictures: pixels and frames per second. */
  size: { width: number; height: number } | undefined
  fps: number | undefined
  /** Of one's own pictures: the highest size or layer that is being encoded, from 0; -1 for none, as nobody watches. */
  layer: number | undefined
  /** Whether the picture stood still for a moment though it should not have. */
  frozen: boolean
}

/** How a participant comes over: of others what arrives here, of oneself what is sent. */
export type Quality = {
  /** Bits per second, of all tracks together. */
  bitrate: number
  /** Share of the packets that were lost, 0 to 1: of the worst track, as the jitter is. */
  loss: number
  jitterMs: number
  /** Between here and the server and back; undefined until measured. */
  rttMs: number | undefined
  /** 1 (hardly usable) to 5 (as good as it gets). */
  score: number
  /** Of the largest picture, as the three after it; see {@link TrackQuality}. */
  size: TrackQuality['size']
  fps: number | undefined
  codec: string | undefined
  layer: number | undefined
  tracks: TrackQuality[]
}

/** How often figures are read, milliseconds. */
const QUALITY_MS = 2_000

/** A picture that stopped is at best this good, whatever the line says. */
const FROZEN_SCORE = 2

/** The browser's statistics of one moment, and the tracks they are of. */
export type StatsReading = {
  received: readonly { participantId: string; source: TrackSource; consumer: types.Consumer }[]
  sent: readonly { source: TrackSource; producer: types.Producer }[]
  receive: RTCStatsReport
  send: RTCStatsReport
}

/** Statistics as browsers give them; https://www.w3.org/TR/webrtc-stats/ */
type Stat = { id: string; type: string; timestamp: number } & Partial<
  Record<
    | 'packetsReceived'
    | 'packetsSent'
    | 'packetsLost'
    | 'bytesReceived'
    | 'bytesSent'
    | 'headerBytesReceived'
    | 'headerBytesSent'
    | 'jitter'
    | 'framesPerSecond'
    | 'frameWidth'
    | 'frameHeight'
    | 'freezeCount'
    | 'fractionLost'
    | 'roundTripTime'
    | 'currentRoundTripTime'
    | 'encodingIndex',
    number
  >
> & {
    trackIdentifier?: string
    codecId?: string
    mimeType?: string
    mid?: string
    remoteId?: string
    nominated?: boolean
    active?: boolean
    rid?: string
  }

/** What a stream has counted since it began, and when (ms): what grew between two readings is the figure. */
type Totals = { at: number; bytes: number; packets: number; lost: number; freezes: number }

/** Keeps the figures of everybody in a call up to date. */
export class QualityWatch {
  readonly #read: () => Promise<StatsReading | undefined>
  readonly #changed: () => void
  readonly #before = new Map<string, Totals>()
  #byParticipant = new Map<string, Quality>()
  #own: Quality | undefined
  #timer: ReturnType<typeof setInterval> | undefined

  /**
   * @param read the statistics of now; undefined while there is nothing to read
   * @param changed called after each reading
   */
  constructor(read: () => Promise<StatsReading | undefined>, changed: () => void) {
    this.#read = read
    this.#changed = changed
  }

  start(): void {
    this.#timer ??= setInterval(() => void this.look().catch(() => undefined), QUALITY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  /** Of another participant; undefined until it was read twice. */
  of(participantId: string): Quality | undefined {
    return this.#byParticipant.get(participantId)
  }

  /** Of what one sends. */
  get own(): Quality | undefined {
    return this.#own
  }

  /** Reads once. */
  async look(): Promise<void> {
    const reading = await this.#read()
    if (!reading) return
    const rttMs = roundTripOf(reading.receive)
    const tracks = new Map<string, TrackQuality[]>()
    for (const { participantId, source, consumer } of reading.received) {
      const quality = this.#received(source, consumer, reading.receive)
      if (quality) tracks.set(participantId, [...(tracks.get(participantId) ?? []), quality])
    }
    this.#byParticipant = new Map(Array.from(tracks, ([id, list]) => [id, together(list, rttMs)]))
    const sent = reading.sent.flatMap(
      ({ source, producer }) => this.#sent(source, producer, reading.send) ?? [],
    )
    this.#own = sent.length > 0 ? together(sent, roundTripOf(reading.send)) : undefined
    this.#changed()
  }

  #received(source: TrackSource, consumer: types.Consumer, report: RTCStatsReport): TrackQuality | undefined {
    const stat = statsOf(report).find(
      it => it.type === 'inbound-rtp' && it.trackIdentifier === consumer.track.id,
    )
    if (!stat) return undefined
    const grown = this.#grown(stat, {
      at: stat.timestamp,
      bytes: (stat.bytesReceived ?? 0) + (stat.headerBytesReceived ?? 0),
      packets: stat.packetsReceived ?? 0,
      lost: stat.packetsLost ?? 0,
      freezes: stat.freezeCount ?? 0,
    })
    if (!grown) return undefined
    return {
      source,
      bitrate: grown.bitrate,
      loss: grown.loss,
      // Without packets the last measure says nothing.
      jitterMs: grown.packets > 0 ? (stat.jitter ?? 0) * 1_000 : 0,
      codec: codecOf(report, stat),
      size: sizeOf(stat),
      fps: grown.packets > 0 ? stat.framesPerSecond : stat.frameWidth && 0,
      layer: undefined,
      frozen: grown.freezes > 0,
    }
  }

  /** All encodings of one of one's own tracks together. */
  #sent(source: TrackSource, producer: types.Producer, report: RTCStatsReport): TrackQuality | undefined {
    const streams = statsOf(report).filter(it => it.type === 'outbound-rtp' && it.mid === producer.localId)
    const grown = streams.flatMap(stat => {
      const remote = statsOf(report).find(it => it.id === stat.remoteId)
      const growth = this.#grown(stat, {
        at: stat.timestamp,
        bytes: (stat.bytesSent ?? 0) + (stat.headerBytesSent ?? 0),
        packets: stat.packetsSent ?? 0,
        lost: 0,
        freezes: 0,
      })
      return growth ? [{ stat, growth, remote }] : []
    })
    if (grown.length === 0) return undefined
    const live = grown.filter(({ growth }) => growth.packets > 0)
    const largest = live.reduce<Stat | undefined>(
      (best, { stat }) => ((stat.frameHeight ?? 0) >= (best?.frameHeight ?? 0) ? stat : best),
      undefined,
    )
    const most = (of: (remote: Stat) => number | undefined) =>
      Math.max(0, ...live.map(({ remote }) => (remote && of(remote)) ?? 0))
    const layers = streams.map((stat, index) => (stat.active === false ? -1 : index))
    return {
      source,
      bitrate: live.reduce((sum, { growth }) => sum + growth.bitrate, 0),
      loss: most(remote => remote.fractionLost),
      jitterMs: most(remote => remote.jitter) * 1_000,
      codec: largest && codecOf(report, largest),
      size: largest && sizeOf(largest),
      fps: largest?.framesPerSecond,
      layer: producer.kind === 'video' ? Math.max(...layers) : undefined,
      frozen: false,
    }
  }

  #grown(stat: Stat, now: Totals) {
    const before = this.#before.get(stat.id)
    this.#before.set(stat.id, now)
    const seconds = before ? (now.at - before.at) / 1_000 : 0
    if (!before || seconds <= 0) return undefined
    // A stream that began anew counts from zero again.
    const since = (of: keyof Totals) => Math.max(0, now[of] - before[of])
    const [packets, lost] = [since('packets'), since('lost')]
    return {
      bitrate: Math.round((since('bytes') * 8) / seconds),
      packets,
      loss: packets + lost > 0 ? lost / (packets + lost) : 0,
      freezes: since('freezes'),
    }
  }
}

/** The figures of a participant from those of its tracks: the worst track is what one notices. */
export const together = (tracks: TrackQuality[], rttMs: number | undefined): Quality => {
  const pictures = tracks.filter(track => track.size !== undefined)
  const picture = pictures.reduce<TrackQuality | undefined>(
    (best, track) => ((track.size?.height ?? 0) > (best?.size?.height ?? 0) ? track : best),
    undefined,
  )
  const loss = Math.max(0, ...tracks.map(track => track.loss))
  const jitterMs = Math.max(0, ...tracks.map(track => track.jitterMs))
  const score = qualityScore({ loss, jitterMs, rttMs })
  return {
    bitrate: tracks.reduce((sum, track) => sum + track.bitrate, 0),
    loss,
    jitterMs,
    rttMs,
    score: tracks.some(track => track.frozen) ? Math.min(score, FROZEN_SCORE) : score,
    size: picture?.size,
    fps: picture?.fps,
    codec: picture?.codec ?? tracks[0]?.codec,
    layer: picture?.layer ?? tracks.find(track => track.layer !== undefined)?.layer,
    tracks,
  }
}

const statsOf = (report: RTCStatsReport): Stat[] => [...(report.values() as Iterable<Stat>)]

const codecOf = (report: RTCStatsReport, stat: Stat): string | undefined =>
  statsOf(report)
    .find(it => it.type === 'codec' && it.id === stat.codecId)
    ?.mimeType?.split('/')[1]

const sizeOf = ({ frameWidth, frameHeight }: Stat): TrackQuality['size'] =>
  frameWidth && frameHeight ? { width: frameWidth, height: frameHeight } : undefined

/** Over the pair of addresses in use. */
const roundTripOf = (report: RTCStatsReport): number | undefined => {
  const pair = statsOf(report).find(
    it => it.type === 'candidate-pair' && it.nominated && it.currentRoundTripTime !== undefined,
  )
  return pair?.currentRoundTripTime === undefined ? undefined : pair.currentRoundTripTime * 1_000
}
