import {
  type ParticipantQuality,
  qualityScore,
  type ReceivedQuality,
  type SentQuality,
} from '@trunkline/protocol'
import type { types } from 'mediasoup'
import type { Call } from './call.ts'
import type { Consumer } from './consumer.ts'
import type { Participant } from './participant.ts'
import type { Producer } from './producer.ts'

/** How the pictures and sounds of everybody in a call are, as the engine counts them. */
export const qualityOf = async (call: Call): Promise<ParticipantQuality[]> => {
  const read = await Promise.allSettled(Array.from(call.participants.values(), ofParticipant))
  // Who leaves while being asked about has no quality any more.
  return read.flatMap(result => (result.status === 'fulfilled' ? [result.value] : []))
}

const ofParticipant = async (participant: Participant): Promise<ParticipantQuality> => {
  const { id: participantId, userId, name, receiveTransport } = participant
  const consumers = [...participant.consumers.values()]
  const [sending, [transport], rttMs] = await Promise.all([
    Promise.all(Array.from(participant.producers.values(), sentQuality)),
    receiveTransport.engine.getStats(),
    roundTripOf(consumers),
  ])
  const figures = {
    loss: share(transport?.rtpPacketLossSent),
    // Of what it receives, a client reports no jitter that the engine keeps.
    jitterMs: 0,
    ...(rttMs > 0 ? { rttMs } : {}),
  }
  return {
    participantId,
    userId,
    name,
    sending,
    receiving: consumers.map(receivedQuality),
    received: { bitrate: transport?.sendBitrate ?? 0, ...figures, score: qualityScore(figures) },
    availableBitrate: transport?.availableOutgoingBitrate ?? 0,
  }
}

const sentQuality = async (producer: Producer): Promise<SentQuality> => {
  const { id: producerId, source, engine, demand } = producer
  const codec = engine.rtpParameters.codecs[0]
  return {
    producerId,
    source,
    codec: codec?.mimeType ?? '',
    paused: engine.paused,
    ...(demand ? { maxSpatialLayer: demand.told } : {}),
    ...figuresOf(await engine.getStats(), codec?.clockRate ?? 90_000),
  }
}

/** All layers of a track together: bitrates add up, and the worst layer is what somebody sees. */
export const figuresOf = (
  streams: readonly Pick<types.ProducerStat, 'bitrate' | 'fractionLost' | 'jitter' | 'roundTripTime'>[],
  clockRate: number,
) => {
  // A layer that is not sent keeps the figures of its last moments.
  const live = streams.filter(stream => stream.bitrate > 0)
  const most = (of: (stream: (typeof live)[number]) => number) => Math.max(0, ...live.map(of))
  const rttMs = most(stream => stream.roundTripTime ?? 0)
  const figures = {
    // As RTCP has it, in 256ths (RFC 3550, section 6.4.1).
    loss: share(most(stream => stream.fractionLost) / 256),
    // As RTCP has it, in ticks of the codec's clock.
    jitterMs: Math.round((most(stream => stream.jitter) / clockRate) * 10_000) / 10,
    ...(rttMs > 0 ? { rttMs } : {}),
  }
  return {
    bitrate: live.reduce((sum, stream) => sum + stream.bitrate, 0),
    ...figures,
    score: qualityScore(figures),
  }
}

const receivedQuality = (consumer: Consumer): ReceivedQuality => {
  const { id: consumerId, producer, engine, flowing } = consumer
  const layers = flowing ? engine.currentLayers : undefined
  return {
    consumerId,
    from: producer.participant.id,
    source: producer.source,
    flowing,
    ...(layers ? { spatialLayer: layers.spatialLayer } : {}),
    ...(layers?.temporalLayer === undefined ? {} : { temporalLayer: layers.temporalLayer }),
  }
}

/** There and back to a viewer: the same for all it receives, so one track is asked. Milliseconds, 0 when unknown. */
const roundTripOf = async (consumers: readonly Consumer[]): Promise<number> => {
  const asked = consumers.find(consumer => consumer.flowing)
  const stats = (await asked?.engine.getStats()) ?? []
  return stats.find(stat => stat.type === 'outbound-rtp')?.roundTripTime ?? 0
}

const share = (value: number | undefined): number => Math.min(1, Math.max(0, value ?? 0))
