import type { RoomEvent } from '@trunkline/protocol'

/** A row of `events` as PostgreSQL's driver or drizzle reads it. */
export type EventRow = {
  roomId: string
  seq: number
  type: string
  sender: string | null
  clientId: string | null
  data: unknown
  at: Date
}

/** The row was checked when it was written; parsing it again on every read would only cost time. */
export const toEvent = (row: EventRow): RoomEvent =>
  ({
    roomId: row.roomId,
    seq: row.seq,
    type: row.type,
    at: row.at.toISOString(),
    ...(row.sender === null ? {} : { sender: row.sender }),
    ...(row.clientId === null ? {} : { clientId: row.clientId }),
    data: row.data,
  }) as RoomEvent
