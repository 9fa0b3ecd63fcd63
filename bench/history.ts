/**
 * Whether reading stays as quick as logs grow: the last 50 of a room with a thousand, a hundred thousand and a million
 * events, through the log itself and over REST; then a user's inbox, and what sync tells of 200 rooms in each of which
 * ten messages were said since. Of the large room the user has read nothing, so its unread messages are counted too.
 *
 *     npm run bench history [times each is asked, 300 by default]
 */
import type pg from 'pg'
import { openDatabase } from '../signalling/src/database.ts'
import { EventLog } from '../signalling/src/log/event-log.ts'
import { percentiles } from './chat/load.ts'
import { startDatabase, startServer } from './server.ts'

const TIMES = Number(process.argv[2] ?? 300)
const SIZES = [1_000, 100_000, 1_000_000]
const ROOMS = 200
/** Said in each room since the cursor. */
const NEWS = 10
/** Rows one statement writes. */
const BATCH = 100_000

const tell = (text: string) => process.stderr.write(`  · ${text}\n`)
const big = 'room-1'
const roomIds = Array.from({ length: ROOMS }, (_, n) => `room-${n + 1}`)

/** Writes messages into a room until its log is so long, as appending them one by one would have. */
const grow = async (pool: pg.Pool, roomId: string, to: number) => {
  const { rows } = await pool.query('select last_seq::int as last from rooms where id = $1', [roomId])
  for (let from: number = rows[0].last; from < to; from += BATCH) {
    const until = Math.min(from + BATCH, to)
    await pool.query(
      `with said as (
         insert into events (room_id, seq, type, sender, client_id, data, at)
         select $1, seq, 'message.created', 'writer', 'c' || seq, json_build_object('parts', json_build_array(
           json_build_object('mime', 'text/plain', 'text', 'Message ' || seq || ' of a long talk about this and that.'))),
           now() from generate_series($2::bigint + 1, $3::bigint) seq
         returning room_id, seq, sender, at
       ), made as (
         insert into messages (room_id, seq, sender, at, counts, content_seq)
         select room_id, seq, sender, at, true, seq from said
       )
       update rooms set last_seq = $3, last_message_seq = $3, last_message_at = now(), tx = pg_current_xact_id()
       where id = $1`,
      [roomId, from, until],
    )
    if (to > BATCH) tell(`${roomId}: ${until.toLocaleString('en')} events`)
  }
  // Search keeps an index of its own, which would be written meanwhile; it is measured apart.
  await pool.query(
    `insert into room_search (room_id, indexed_seq, vector, listed) values ($1, $2, '', false)
     on conflict (room_id) do update set indexed_seq = excluded.indexed_seq`,
    [roomId, to],
  )
}

/** What it takes, in ms, at half and at 99 of 100 times. */
const timed = async (ask: () => Promise<unknown>): Promise<string> => {
  for (let warm = 0; warm < 20; warm++) await ask()
  const times: number[] = []
  for (let n = 0; n < TIMES; n++) {
    const start = performance.now()
    await ask()
    times.push(performance.now() - start)
  }
  const { p50, p99 } = percentiles(times)
  return `${p50.toFixed(2)} / ${p99.toFixed(2)}`
}

tell('a PostgreSQL and a server of this measurement')
const database = await startDatabase()
const { pool } = database
const server = await startServer({ DATABASE_URL: database.url })
const { get } = server
const log = new EventLog(await openDatabase(pool))

const say = (roomId: string, text: string) =>
  log.append({
    roomId,
    type: 'message.created',
    sender: 'writer',
    data: { parts: [{ mime: 'text/plain', text }] },
  })

const measure = async (size: number) => {
  await grow(pool, big, size)
  for (const roomId of roomIds.slice(1)) await grow(pool, roomId, size / ROOMS)
  await pool.query(
    `update members set read_seq = last_seq, tx = pg_current_xact_id() from rooms
     where rooms.id = room_id and user_id = 'reader' and room_id <> $1`,
    [big],
  )
  await pool.query('vacuum analyze')
  const known = await get('/v1/sync?sender=reader')
  const { cursor } = known.hasMore ? await get(`/v1/sync?sender=reader&cursor=${known.cursor}`) : known
  await Promise.all(
    roomIds.map(async roomId => {
      for (let n = 0; n < NEWS; n++) await say(roomId, `News ${n}`)
    }),
  )
  const sync = `/v1/sync?sender=reader&cursor=${cursor}`
  const { rooms, hasMore, cursor: next } = await get(sync)
  if (rooms.length !== ROOMS || hasMore) throw new Error(`not one answer: ${rooms.length} rooms`)
  tell(`${size.toLocaleString('en')} events: reading`)
  const cells = [
    await timed(() => log.page({ roomId: big, limit: 50 })),
    await timed(() => get(`/v1/rooms/${big}/messages?limit=50`)),
    await timed(() => get(sync)),
    await timed(() => get(`/v1/sync?sender=reader&cursor=${next}`)),
    await timed(() => get('/v1/inbox?sender=reader&limit=50')),
  ]
  console.log(`| ${[size.toLocaleString('en'), ...cells].join(' | ')} |`)
}

try {
  for (const id of roomIds) {
    await server.post('/v1/rooms', { id, kind: 'group', members: ['reader', 'writer'] })
  }
  console.log(`Milliseconds, p50 / p99 of ${TIMES}, one after another.\n`)
  console.log(
    '| events | last 50, the log | last 50, REST | sync, 200 rooms with news | sync, nothing new | inbox, 50 of 200 |',
  )
  console.log('|---|---|---|---|---|---|')
  for (const size of SIZES) await measure(size)
} finally {
  await server.stop()
  await database.stop()
}
