import { rolesWith } from '@trunkline/protocol'
import { type SQL, sql } from 'drizzle-orm'

/** SQL array of the roles that read. */
export const READERS: SQL = sql.raw(`array[${rolesWith('read').map(role => `'${role}'`)}]`)

/** The rooms a user reads, or the one of them with this id: all that a search ever looks into. */
export const ownRooms = (userId: string, roomId?: string): SQL => sql`
  select rooms.* from members join rooms on rooms.id = members.room_id
  where members.user_id = ${userId} and members.role = any(${READERS})
    ${roomId === undefined ? sql`` : sql`and members.room_id = ${roomId}`}`
