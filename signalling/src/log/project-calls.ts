import type { RoomEventOf } from '@trunkline/protocol'
import type { Connection } from './connection.ts'

type CallEvent = RoomEventOf<'call.started' | 'call.ended' | 'ring.started' | 'ring.ended'>
type AboutRing = RoomEventOf<'ring.accepted' | 'ring.declined'>

/** A call that begins at most this long after somebody accepted a ring is the one that came of it. */
const CAME_OF_IT = `interval '1 minute'`

/** People called: lists of rooms go by that, as by what is said. */
const called = async ({ $client }: Connection, { roomId, seq, at }: CallEvent): Promise<void> => {
  await $client.query('update rooms set last_call_seq = $2, last_call_at = $3 where id = $1', [
    roomId,
    seq,
    at,
  ])
}

export const callStarted = async (
  connection: Connection,
  event: RoomEventOf<'call.started'>,
): Promise<void> => {
  const { roomId, at, data } = event
  await connection.$client.query(
    'insert into calls (id, room_id, started_at) values ($1, $2, $3) on conflict (id) do nothing',
    [data.callId, roomId, at],
  )
  await connection.$client.query(
    `update rings set call_id = $2, tx = pg_current_xact_id()
     where room_id = $1 and call_id is null and (ended_at is null or (ended_at > $3::timestamptz - ${CAME_OF_IT}
       and exists (select from ring_targets where ring_id = rings.id and state = 'accepted')))`,
    [roomId, data.callId, at],
  )
  await called(connection, event)
}

export const callEnded = async (connection: Connection, event: RoomEventOf<'call.ended'>): Promise<void> => {
  const { roomId, at, data } = event
  await connection.$client.query(
    'update calls set ended_at = $3, duration_ms = $4 where id = $1 and room_id = $2',
    [data.callId, roomId, at, data.durationMs],
  )
  await connection.$client.query(
    `insert into call_users (room_id, call_id, user_id)
     select $1, $2, user_id from unnest($3::text[]) as was_in (user_id)
     where exists (select from calls where id = $2 and room_id = $1) on conflict do nothing`,
    [roomId, data.callId, data.userIds ?? []],
  )
  await called(connection, event)
}

export const ringStarted = async (
  connection: Connection,
  event: RoomEventOf<'ring.started'>,
): Promise<void> => {
  const { roomId, seq, at, sender, data } = event
  const { userIds, busy = [], missed = [] } = data
  const { rowCount } = await connection.$client.query(
    `insert into rings (id, room_id, seq, last_seq, from_id, media, started_at, expires_at, call_id)
     values ($1, $2, $3, $3, $4, $5, $6, $7,
       (select id from calls where room_id = $2 and ended_at is null order by started_at desc, id limit 1))
     on conflict (id) do nothing`,
    [data.ringId, roomId, seq, sender ?? '', data.media, at, data.expiresAt],
  )
  if (rowCount === 0) return
  await connection.$client.query(
    `insert into ring_targets (ring_id, room_id, user_id, state)
     select $1, $2, user_id, case when user_id = any($4::text[]) then 'busy'
       when user_id = any($5::text[]) then 'missed' else 'ringing' end
     from unnest($3::text[]) as rung (user_id) on conflict do nothing`,
    [data.ringId, roomId, userIds, busy, missed],
  )
  await called(connection, event)
}

/** Somebody who was rung has answered; who has already, or was not rung, does not count. */
const answered = async ({ $client }: Connection, event: AboutRing, state: string): Promise<void> => {
  const { roomId, seq, sender, data } = event
  await $client.query(
    `with answering as (
       update ring_targets set state = $4
       where ring_id = $2 and room_id = $1 and user_id = $3 and state = 'ringing' returning ring_id
     )
     update rings set last_seq = $5, tx = pg_current_xact_id() from answering where rings.id = answering.ring_id`,
    [roomId, data.ringId, sender ?? '', state, seq],
  )
}

export const ringAccepted = (connection: Connection, event: RoomEventOf<'ring.accepted'>): Promise<void> =>
  answered(connection, event, 'accepted')

export const ringDeclined = (connection: Connection, event: RoomEventOf<'ring.declined'>): Promise<void> =>
  answered(connection, event, event.data.busy ? 'busy' : 'declined')

export const ringEnded = async (connection: Connection, event: RoomEventOf<'ring.ended'>): Promise<void> => {
  const { roomId, seq, at, data } = event
  const { rowCount } = await connection.$client.query(
    `update rings set ended_at = $3, last_seq = $4, cancelled = $5, tx = pg_current_xact_id()
     where id = $2 and room_id = $1 and ended_at is null`,
    [roomId, data.ringId, at, seq, data.cancelled === true],
  )
  if (rowCount === 0) return
  await connection.$client.query(
    `update ring_targets set state = case when state = 'ringing' then 'missed' else state end,
       missed_seq = case when user_id = any($3::text[]) then $4::bigint end
     where ring_id = $2 and room_id = $1`,
    [roomId, data.ringId, data.missed, seq],
  )
  await called(connection, event)
}

/** Whoever is not in the room any more is not rung there. */
export const stopRinging = async (
  { $client }: Pick<Connection, '$client'>,
  { roomId, userId, seq }: { roomId: string; userId: string; seq: number },
): Promise<void> => {
  await $client.query(
    `with gone as (
       update ring_targets set state = 'missed'
       where user_id = $2 and room_id = $1 and state = 'ringing' returning ring_id
     )
     update rings set last_seq = $3, tx = pg_current_xact_id() from gone where rings.id = gone.ring_id`,
    [roomId, userId, seq],
  )
}
