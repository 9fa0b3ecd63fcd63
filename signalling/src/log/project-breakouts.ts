import type { RoomEventOf } from '@trunkline/protocol'
import type { Connection } from './connection.ts'

/** The tables hold what is open now, and nothing of what was. */
const forget = async ({ $client }: Connection, parentId: string): Promise<void> => {
  // Who is in which goes with them.
  await $client.query('delete from breakouts where parent_id = $1', [parentId])
}

export const breakoutsOpened = async (
  connection: Connection,
  { roomId, data }: RoomEventOf<'breakouts.opened'>,
): Promise<void> => {
  await forget(connection, roomId)
  const { breakouts, endsAt } = data
  await connection.$client.query(
    `insert into breakouts (room_id, parent_id, place, title, ends_at)
      select made.room_id, $1, made.place - 1, made.title, $2
      from unnest($3::text[], $4::text[]) with ordinality as made (room_id, title, place)
      on conflict (room_id) do nothing`,
    [roomId, endsAt ?? null, breakouts.map(it => it.roomId), breakouts.map(it => it.title)],
  )
  const moves = breakouts.flatMap(it => it.userIds.map(userId => ({ userId, roomId: it.roomId })))
  await assign(connection, roomId, moves)
}

export const breakoutsMoved = async (
  connection: Connection,
  { roomId, data }: RoomEventOf<'breakouts.moved'>,
): Promise<void> => {
  for (const move of data.moves) {
    await connection.$client.query('delete from breakout_users where parent_id = $1 and user_id = $2', [
      roomId,
      move.userId,
    ])
    if (move.roomId !== null) await assign(connection, roomId, [{ userId: move.userId, roomId: move.roomId }])
  }
}

export const breakoutsClosed = (
  connection: Connection,
  { roomId }: RoomEventOf<'breakouts.closed'>,
): Promise<void> => forget(connection, roomId)

const assign = async (
  { $client }: Connection,
  parentId: string,
  moves: readonly { userId: string; roomId: string }[],
): Promise<void> => {
  await $client.query(
    `insert into breakout_users (parent_id, user_id, room_id)
      select $1, sent.user_id, breakouts.room_id
      from unnest($2::text[], $3::text[]) as sent (user_id, room_id)
      join breakouts on breakouts.room_id = sent.room_id and breakouts.parent_id = $1
      on conflict (parent_id, user_id) do nothing`,
    [parentId, moves.map(move => move.userId), moves.map(move => move.roomId)],
  )
}
