import type { RoomChanges, RoomEventOf } from '@trunkline/protocol'
import { eq } from 'drizzle-orm'
import { rooms } from '../schema.ts'
import type { Connection } from './connection.ts'

type Settable = typeof rooms.$inferInsert

const change = async (
  connection: Connection,
  roomId: string,
  to: { [K in keyof Settable]?: Settable[K] | undefined },
) => {
  if (Object.values(to).some(value => value !== undefined)) {
    await connection.update(rooms).set(to).where(eq(rooms.id, roomId))
  }
}

/** Fields of an event are those of the table, by the same names; what an event does not name stays. */
const fieldsOf = ({
  title,
  description,
  avatar,
  metadata,
  guests,
  access,
  defaultRole,
  lobby,
  defaultCallRole,
  retentionDays,
}: RoomChanges) => ({
  title,
  description,
  avatar,
  metadata,
  guests,
  access,
  defaultRole,
  lobby,
  defaultCallRole,
  retentionDays,
})

export const roomCreated = (connection: Connection, { roomId, data }: RoomEventOf<'room.created'>) =>
  change(connection, roomId, { kind: data.kind, parentId: data.parentId, ...fieldsOf(data) })

export const roomUpdated = (connection: Connection, { roomId, data }: RoomEventOf<'room.updated'>) =>
  change(connection, roomId, fieldsOf(data.changes))

export const roomArchived = (connection: Connection, { roomId, at }: RoomEventOf<'room.archived'>) =>
  change(connection, roomId, { archivedAt: new Date(at) })

export const roomRestored = (connection: Connection, { roomId }: RoomEventOf<'room.restored'>) =>
  change(connection, roomId, { archivedAt: null })

/** Moves rooms' numbers on to their latest events. */
export const roomsAdvanced = async (
  { $client }: Connection,
  lastSeqs: ReadonlyMap<string, number>,
): Promise<void> => {
  await $client.query({
    name: 'log.rooms_advanced',
    text: `update rooms set last_seq = greatest(last_seq, last.seq), tx = pg_current_xact_id()
      from unnest($1::text[], $2::bigint[]) as last (room_id, seq) where rooms.id = last.room_id`,
    values: [[...lastSeqs.keys()], [...lastSeqs.values()]],
  })
}
