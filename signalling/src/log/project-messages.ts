import type { RoomEventOf } from '@trunkline/protocol'
import type { Connection } from './connection.ts'
import { addFiles, dropFiles } from './project-files.ts'

type About = RoomEventOf<'message.pinned' | 'message.unpinned'>

/**
 * What new messages do to the tables: parts of a statement in which they are the rows of `said`. The rate at which people
 * write is the rate of this, so it also moves the rooms' numbers on, and touches each room once. Those may be further on
 * already: a room that is being imported lives.
 */
export const PROJECT_SAID = `made as (
    insert into messages (room_id, seq, sender, at, thread_of, counts, content_seq, expires_at)
    select room_id, seq, sender, at, thread_of, counts, seq, expires_at from said
  ), moved as (
    update rooms set last_seq = greatest(last_seq, last.seq), tx = pg_current_xact_id(),
      last_message_seq = greatest(last_message_seq, last.seq),
      last_message_at = case when last_message_seq > last.seq then last_message_at else last.at end
    from (select distinct on (room_id) room_id, seq, at from said order by room_id, seq desc) last
    where rooms.id = last.room_id
  )`

/** Messages of any rooms at once, its statements sent without waiting for each other. */
export const messagesCreated = async (
  { $client }: Connection,
  events: readonly RoomEventOf<'message.created'>[],
): Promise<void> => {
  const answers = events.filter(({ data }) => data.threadOf !== undefined)
  const made = $client.query({
    name: 'log.messages_created',
    text: `with said as (
        select * from unnest($1::text[], $2::bigint[], $3::text[], $4::timestamptz[], $5::bigint[], $6::boolean[], $7::timestamptz[])
          as said (room_id, seq, sender, at, thread_of, counts, expires_at)
      ), ${PROJECT_SAID}
      select from said`,
    values: [
      events.map(event => event.roomId),
      events.map(event => event.seq),
      events.map(event => event.sender ?? ''),
      events.map(event => event.at),
      events.map(({ data }) => data.threadOf ?? null),
      events.map(({ data }) => data.silent !== true),
      events.map(({ data }) => data.expiresAt ?? null),
    ],
  })
  const mentioned = addMentions(
    $client,
    events.map(({ roomId, seq, data }) => ({ roomId, seq, mentions: data.mentions })),
  )
  const named = addFiles(
    $client,
    events.map(({ roomId, seq, data }) => ({ roomId, seq, parts: data.parts })),
  )
  await Promise.all([made, mentioned, named, answers.length > 0 && countAnswers($client, answers)])
}

const countAnswers = async (
  client: Connection['$client'],
  answers: readonly RoomEventOf<'message.created'>[],
): Promise<void> => {
  await client.query({
    name: 'log.messages_answered',
    text: `update messages
      set thread_count = messages.thread_count + answered.count, thread_last_seq = answered.last
      from (
        select room_id, thread_of, count(*)::int as count, max(seq) as last
        from unnest($1::text[], $2::bigint[], $3::bigint[]) as answer (room_id, thread_of, seq)
        group by room_id, thread_of
      ) answered
      where messages.room_id = answered.room_id and messages.seq = answered.thread_of`,
    values: [
      answers.map(event => event.roomId),
      answers.map(({ data }) => data.threadOf),
      answers.map(event => event.seq),
    ],
  })
}

const addMentions = async (
  client: Connection['$client'],
  messages: readonly { roomId: string; seq: number; mentions: readonly string[] | undefined }[],
): Promise<void> => {
  const rows = messages.flatMap(({ roomId, seq, mentions = [] }) =>
    mentions.map(userId => ({ roomId, seq, userId })),
  )
  if (rows.length === 0) return
  await client.query({
    name: 'log.mentions',
    text: `insert into mentions (room_id, user_id, seq) select * from unnest($1::text[], $2::text[], $3::bigint[])
      on conflict do nothing`,
    values: [rows.map(row => row.roomId), rows.map(row => row.userId), rows.map(row => row.seq)],
  })
}

export const messageEdited = async (
  { $client }: Connection,
  { roomId, seq, at, data }: RoomEventOf<'message.edited'>,
): Promise<void> => {
  const edited = await $client.query(
    `update messages set content_seq = $3, edited_at = $4 where room_id = $1 and seq = $2 and deleted_at is null`,
    [roomId, data.messageSeq, seq, at],
  )
  if (edited.rowCount === 0) {
    // No command edits what is deleted, but a log that is imported may say so: its words go the same way.
    await $client.query(
      `update events set data = json_build_object('messageSeq', $2::bigint, 'parts', '[]'::json, 'deleted', true)
       where room_id = $1 and seq = $3 and exists (
         select from messages where room_id = $1 and seq = $2 and deleted_at is not null)`,
      [roomId, data.messageSeq, seq],
    )
    return
  }
  await $client.query('delete from mentions where room_id = $1 and seq = $2', [roomId, data.messageSeq])
  await addMentions($client, [{ roomId, seq: data.messageSeq, mentions: data.mentions }])
  await dropFiles($client, roomId, { from: data.messageSeq, to: data.messageSeq + 1 })
  await addFiles($client, [{ roomId, seq: data.messageSeq, parts: data.parts }])
}

/** What it said is taken out of the tables and out of the log itself; that there was something stays. */
export const messageDeleted = async (
  { $client }: Connection,
  { roomId, at, data: { messageSeq } }: RoomEventOf<'message.deleted'>,
): Promise<void> => {
  const message = [roomId, messageSeq]
  const { rows } = await $client.query(
    `update messages set deleted_at = $3, counts = false, pinned_at = null, expires_at = null
     where room_id = $1 and seq = $2 and deleted_at is null returning thread_of`,
    [...message, at],
  )
  if (rows.length === 0) return
  await dropFiles($client, roomId, { from: messageSeq, to: messageSeq + 1 })
  await $client.query('delete from mentions where room_id = $1 and seq = $2', message)
  await $client.query('delete from reactions where room_id = $1 and seq = $2', message)
  await $client.query('delete from message_search where room_id = $1 and seq = $2', message)
  await $client.query(
    `update events set data = (jsonb_build_object('parts', '[]'::jsonb, 'deleted', true) || jsonb_strip_nulls(
       jsonb_build_object('replyTo', data -> 'replyTo', 'threadOf', data -> 'threadOf')))::json
     where room_id = $1 and seq = $2 and type = 'message.created'`,
    message,
  )
  await $client.query(
    `update events set data = json_build_object('messageSeq', $2::bigint, 'parts', '[]'::json, 'deleted', true)
     where room_id = $1 and (data ->> 'messageSeq')::bigint = $2 and type = 'message.edited'`,
    message,
  )
  await $client.query(
    `update rooms set (last_message_seq, last_message_at) = (
       select max(seq), max(at) from (
         select seq, at from messages where room_id = $1 and deleted_at is null order by seq desc limit 1) latest)
     where id = $1 and last_message_seq = $2`,
    message,
  )
  const parent: string | null = rows[0].thread_of
  if (parent === null) return
  await $client.query(
    `update messages set thread_count = thread_count - 1, thread_last_seq = (
       select max(seq) from messages where room_id = $1 and thread_of = $2 and deleted_at is null)
     where room_id = $1 and seq = $2`,
    [roomId, parent],
  )
}

export const messagePinned = async ({ $client }: Connection, { roomId, at, data }: About): Promise<void> => {
  await $client.query(
    'update messages set pinned_at = $3 where room_id = $1 and seq = $2 and deleted_at is null',
    [roomId, data.messageSeq, at],
  )
}

export const messageUnpinned = async ({ $client }: Connection, { roomId, data }: About): Promise<void> => {
  await $client.query('update messages set pinned_at = null where room_id = $1 and seq = $2', [
    roomId,
    data.messageSeq,
  ])
}

export const reactionAdded = async (
  { $client }: Connection,
  { roomId, seq, sender, data }: RoomEventOf<'reaction.added'>,
): Promise<void> => {
  await $client.query(
    `insert into reactions (room_id, seq, user_id, reaction, added_seq)
     select room_id, seq, $3, $4, $5 from messages where room_id = $1 and seq = $2 and deleted_at is null
     on conflict do nothing`,
    [roomId, data.messageSeq, sender ?? '', data.reaction, seq],
  )
}

export const reactionRemoved = async (
  { $client }: Connection,
  { roomId, sender, data }: RoomEventOf<'reaction.removed'>,
): Promise<void> => {
  await $client.query(
    'delete from reactions where room_id = $1 and seq = $2 and user_id = $3 and reaction = $4',
    [roomId, data.messageSeq, sender ?? '', data.reaction],
  )
}
