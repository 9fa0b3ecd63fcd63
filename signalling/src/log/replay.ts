import type { Connection } from './connection.ts'
import { toEvent } from './event-row.ts'
import { project } from './projector.ts'

const PAGE = 500

/**
 * Writes the tables anew from a room's whole log. Of the room nothing but its row may be there yet, as it was made;
 * how far members have read stands in no log.
 */
export const replay = async (connection: Connection, roomId: string): Promise<void> => {
  for (let after = 0; ; ) {
    const { rows } = await connection.$client.query(
      `select room_id as "roomId", seq, type, sender, client_id as "clientId", data, at
       from events where room_id = $1 and seq > $2 order by seq limit ${PAGE}`,
      [roomId, after],
    )
    if (rows.length === 0) return
    const events = rows.map(row => toEvent({ ...row, seq: Number(row.seq) }))
    await project(connection, events)
    after = events.at(-1)?.seq ?? after
  }
}
