import { z } from 'zod'

/** The directory in which SFU processes find each other, and signalling finds them. */
export const SFU_DIRECTORY = 'sfu'

/** What an SFU process says of itself there, under an id that is another after each start. */
export const SfuEntry = z.object({
  /** Where its HTTP server is reached by our other processes: `http://host:port`. */
  url: z.string(),
  /** Streams through it now, producers and consumers; a call counts as one more. */
  load: z.number().min(0),
  /** Streams that its workers are good for: what says whether another process has less to do is `load / capacity`. */
  capacity: z.number().positive(),
  /** Media workers that live. */
  workers: z.int().min(0),
  /** It takes no more calls, and gives away those it has. */
  draining: z.boolean(),
})
export type SfuEntry = z.infer<typeof SfuEntry>
