import type { Json, RoomEvent } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import { type EventRow, toEvent } from './event-row.ts'

/** The room an event is of, as it is now, or was at its end. `number` tells it from an earlier one of the same id. */
export type ToldRoom = {
  id: string
  number: number
  kind: 'direct' | 'group' | 'channel'
  title: string
  metadata: Record<string, Json>
}

/** An event as those hear of it who follow the whole log. */
export type ToldEvent = { event: RoomEvent; room: ToldRoom }

/** Everything those are told who follow the whole log: the rooms' logs, and the ends of rooms that are gone with theirs. */
export const TOLD = sql.raw(`(
    select events.room_id, rooms.number, events.seq, events.type, events.sender, events.client_id, events.data, events.at,
      events.tx, rooms.kind, rooms.title, rooms.metadata
    from events join rooms on rooms.id = events.room_id
    union all
    select room_id, number, seq, 'room.deleted'::text, sender, null::text, '{}'::json, at, tx, kind, title, metadata
    from deleted_rooms
  ) told`)

/** What is read of them. */
export const TOLD_COLUMNS = sql.raw(
  `room_id as "roomId", number, seq, type, sender, client_id as "clientId", data, at, kind, title, metadata`,
)

/** As they are read. */
export type ToldRow = Omit<EventRow, 'at' | 'seq'> &
  Omit<ToldRoom, 'id' | 'number'> & { number: string; seq: string; at: string }

export const toTold = ({ number, kind, title, metadata, at, seq, ...row }: ToldRow): ToldEvent => ({
  event: toEvent({ ...row, seq: Number(seq), at: new Date(at) }),
  room: { id: row.roomId, number: Number(number), kind, title, metadata },
})
