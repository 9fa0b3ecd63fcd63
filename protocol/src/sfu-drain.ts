import { z } from 'zod'
import { Time } from './ids.ts'

const count = z.int().min(0)
const pid = z.int().min(1)
const port = z.int().min(0).max(65_535)

/** A media worker: one process of the SFU's engine. */
export const MediaWorker = z.strictObject({
  pid,
  /** The node on whose machine it runs, where that is another; `pid` is then of the process that reaches it. */
  host: z.string().optional(),
  /** Where it takes media: its replacement has the same. */
  port,
  calls: count,
  /** People in those calls, away or not. */
  participants: count,
})
export type MediaWorker = z.infer<typeof MediaWorker>

export const DrainedWorker = z.strictObject({
  pid,
  port,
  /**
   * `waiting` for its turn; `moving` its calls to others; `replaced` by another process. `lost`: it died by itself
   * meanwhile. `not_replaced`: its process has ended, and no other could be started yet, which is tried until it succeeds.
   */
  state: z.enum(['waiting', 'moving', 'replaced', 'lost', 'not_replaced']),
  /** What it carried when its turn came. */
  calls: count,
  participants: count,
  replacedBy: pid.optional(),
})
export type DrainedWorker = z.infer<typeof DrainedWorker>

/** Calls on their way off media workers, whose processes are replaced: the one that goes on, or the last. */
export const SfuDrain = z.strictObject({
  startedAt: Time,
  /** When the last worker was replaced; null while it goes on. */
  endedAt: Time.nullable(),
  workers: z.array(DrainedWorker),
  /** Calls that were moved, and those that ended because no worker took them. */
  calls: z.strictObject({ moved: count, lost: count }),
  /** Everybody in these calls, as they are now: `back` with other media, still `away`, or gone from the call. */
  participants: z.strictObject({ moved: count, back: count, away: count, left: count }),
})
export type SfuDrain = z.infer<typeof SfuDrain>

/** One SFU process. */
export const SfuNode = z.strictObject({
  /** Another after each start. */
  id: z.string(),
  /** Where the other processes of this installation reach it; null when it is the only one. */
  url: z.string().nullable(),
  /** It has given its calls to other nodes, or is about to, and takes no more until it is started anew. */
  draining: z.boolean(),
  /** Those that run now. */
  workers: z.array(MediaWorker),
  /** Null when there was none since the node started. */
  drain: SfuDrain.nullable(),
})
export type SfuNode = z.infer<typeof SfuNode>

export const SfuOverview = z.strictObject({
  /** Those that run now. */
  nodes: z.array(SfuNode),
})
export type SfuOverview = z.infer<typeof SfuOverview>

/**
 * What to drain. A node, by its id or URL, gives its calls to other nodes, for it to be stopped. A worker, by its process,
 * gives them to other workers of its node and is replaced; `node` says which is meant where nodes have the same process
 * numbers. All workers of all nodes, one after the other at each, when both are left out.
 */
export const DrainRequest = z.strictObject({
  node: z.string().min(1).max(512).optional(),
  pid: pid.optional(),
})
export type DrainRequest = z.infer<typeof DrainRequest>
