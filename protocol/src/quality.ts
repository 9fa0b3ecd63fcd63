import { z } from 'zod'
import { TrackSource } from './call.ts'
import { ConsumerId, ParticipantId, ProducerId, UserId } from './ids.ts'
import { UserName } from './user.ts'

/** How well a stream comes over, whoever measured it. */
export const StreamFigures = z.strictObject({
  /** Bits per second, of the media and its headers. */
  bitrate: z.number().min(0),
  /** Share of the packets that were lost lately, 0 to 1. */
  loss: z.number().min(0).max(1),
  /** How unevenly packets come. */
  jitterMs: z.number().min(0),
  /** There and back between the two ends of this stream; absent until it was measured. */
  rttMs: z.number().min(0).optional(),
  /** 1 (hardly usable) to 5 (as good as it gets), of the figures above. */
  score: z.number().min(1).max(5),
})
export type StreamFigures = z.infer<typeof StreamFigures>

/** A track as it arrives at the SFU, all its layers together. */
export const SentQuality = StreamFigures.extend({
  producerId: ProducerId,
  source: TrackSource,
  /** Such as `video/VP8`. */
  codec: z.string(),
  paused: z.boolean(),
  /** Highest spatial layer that is asked of the sender, -1 when nobody watches; of video only. */
  maxSpatialLayer: z.int().min(-1).max(7).optional(),
})
export type SentQuality = z.infer<typeof SentQuality>

/** A track as the SFU sends it on to one participant. */
export const ReceivedQuality = z.strictObject({
  consumerId: ConsumerId,
  /** Who sends it. */
  from: ParticipantId,
  source: TrackSource,
  /** Whether it is sent at all: not while its viewer paused it, it is held back, or its sender muted it. */
  flowing: z.boolean(),
  /** The layers sent now; absent when none is, and of sound. */
  spatialLayer: z.int().optional(),
  temporalLayer: z.int().optional(),
})
export type ReceivedQuality = z.infer<typeof ReceivedQuality>

/** How a participant's call is, by the SFU's own counting. */
export const ParticipantQuality = z.strictObject({
  participantId: ParticipantId,
  userId: UserId,
  name: UserName,
  sending: z.array(SentQuality),
  receiving: z.array(ReceivedQuality),
  /** All it receives together. */
  received: StreamFigures,
  /** Bits per second the SFU believes its line can take. */
  availableBitrate: z.number().min(0),
})
export type ParticipantQuality = z.infer<typeof ParticipantQuality>

/** Delay up to which a conversation does not suffer, one way. */
const EASY_DELAY_MS = 160
/** What the two computers take beside the network: capture, encoding, a jitter buffer. */
const COMPUTERS_MS = 10

/**
 * One number for people: 1 (hardly usable) to 5 (as good as it gets).
 *
 * The E-model of ITU-T G.107 in its common short form: delay counts little up to 160 ms and much beyond, jitter as
 * the delay of the buffer it needs (twice), and each percent of loss 2.5 points of 100; Opus and layered video conceal
 * about that. The rating is turned into a mean opinion score by the formula of its annex B, stretched so that a perfect
 * line is 5 and not 4.4.
 * @param loss share, 0 to 1
 */
export const qualityScore = ({
  loss,
  jitterMs,
  rttMs = 0,
}: {
  loss: number
  jitterMs: number
  rttMs?: number | undefined
}): number => {
  const delay = rttMs / 2 + jitterMs * 2 + COMPUTERS_MS
  const forDelay = delay < EASY_DELAY_MS ? delay / 40 : (delay - 120) / 10
  const rating = Math.min(100, Math.max(0, 93.2 - forDelay - loss * 250))
  const opinion = 1 + 0.035 * rating + 7e-6 * rating * (rating - 60) * (100 - rating)
  const best = 4.4
  return Math.round(Math.min(5, Math.max(1, 1 + ((opinion - 1) / (best - 1)) * 4)) * 10) / 10
}
