import type { OutgoingEvent } from '@trunkline/protocol'

/** How far a copy of the log is. */
export type SinkPlace = {
  cursor: string
  /** When the last event before the cursor happened: where to go on in a database whose cursors are others. */
  at: Date
}

/**
 * Where else the whole log goes, for others to read: a Redis Stream, a topic of Kafka. It keeps its own place beside the events, so
 * that both move in one step, and knows who writes, so that one that stood still is refused.
 */
export interface EventSink {
  /** Tells it from others in the table that remembers its place for it. */
  readonly name: string
  /**
   * Makes this process the one that writes, for WRITER_MS.
   * @returns how far it is; nothing in one that is empty; `taken` while another process writes
   * @throws Error when it is out of reach
   */
  begin(): Promise<SinkPlace | undefined | 'taken'>
  /**
   * Appends events in their order and moves its place, both or neither; this process writes for another WRITER_MS.
   * @returns whether it did; else another process has written, and `begin` says how far it is
   * @throws Error when it is out of reach, or nobody knows whether it did
   */
  put(events: readonly OutgoingEvent[], place: SinkPlace): Promise<boolean>
  /** Lets another process write at once. */
  end(): Promise<void>
}

/** How long a process may write without saying that it still does, ms. */
export const WRITER_MS = 10_000
