import { z } from 'zod'
import { ConsumerId, ParticipantId, ProducerId } from './ids.ts'

/**
 * How data of a call travel. `reliable`: in order, and sent again until they arrive. `lossy`: once, for what is soon
 * replaced by something newer, as the place of a pointer is.
 */
export const DataDelivery = z.enum(['reliable', 'lossy'])
export type DataDelivery = z.infer<typeof DataDelivery>

/** One stream of data channels on a transport (RFC 8831). */
export const SctpStreamParameters = z.strictObject({
  streamId: z.int().min(0).max(65_534),
  ordered: z.boolean().optional(),
  /** milliseconds */
  maxPacketLifeTime: z.int().min(0).max(65_535).optional(),
  maxRetransmits: z.int().min(0).max(65_535).optional(),
})
export type SctpStreamParameters = z.infer<typeof SctpStreamParameters>

/** What a client needs to receive the data of one participant. */
export const DataConsumerOptions = z.strictObject({
  id: ConsumerId,
  dataProducerId: ProducerId,
  /** Whose data they are. */
  participantId: ParticipantId,
  delivery: DataDelivery,
  sctpStreamParameters: SctpStreamParameters,
})
export type DataConsumerOptions = z.infer<typeof DataConsumerOptions>
