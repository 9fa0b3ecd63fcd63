import type { Logger } from '@trunkline/kit'
import { and, asc, gt, isNotNull } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { rooms } from '../schema.ts'
import { type Connection, inTransaction } from './connection.ts'
import { forgetEnds } from './deleted-rooms.ts'
import { dropFiles } from './project-files.ts'

const HOUR_MS = 3_600_000
/** Rooms looked up at once. */
const ROOMS = 500
/** Events removed in one transaction: their room waits for it. */
const BATCH = 1_000
/** Key of the advisory lock by which nodes leave the work to one of them. */
const LOCK = 7_282_734_512

/**
 * Takes out of the logs what is older than their rooms keep, hourly. A log is shortened from its start only, so that
 * the rest is whole, and its latest event stays: numbers go on from there.
 */
export class Retention {
  readonly #database: Database
  readonly #logger: Logger
  #timer: NodeJS.Timeout | undefined
  #sweeping: Promise<number> | undefined
  #isClosing = false

  constructor(deps: { database: Database; logger: Logger }) {
    this.#database = deps.database
    this.#logger = deps.logger
  }

  start(): void {
    const sweep = () => {
      this.sweep().catch(error => this.#logger.error({ err: error }, 'old events could not be removed'))
    }
    sweep()
    this.#timer = setInterval(sweep, HOUR_MS)
  }

  async close(): Promise<void> {
    this.#isClosing = true
    clearInterval(this.#timer)
    await this.#sweeping?.catch(() => {})
  }

  /** Removes what is due in all rooms; returns how many events that were. Does nothing while another node is at it. */
  sweep(): Promise<number> {
    this.#sweeping ??= this.#sweep().finally(() => {
      this.#sweeping = undefined
    })
    return this.#sweeping
  }

  async #sweep(): Promise<number> {
    await forgetEnds(this.#database)
    let removed = 0
    for await (const roomId of this.#roomsThatForget()) {
      for (let batch = BATCH; batch === BATCH; removed += batch) {
        if (this.#isClosing) return removed
        const done = await inTransaction(this.#database.$client, connection => shorten(connection, roomId))
        if (done === undefined) return removed
        batch = done
      }
    }
    if (removed > 0) this.#logger.info({ removed }, 'events older than their rooms keep were removed')
    return removed
  }

  async *#roomsThatForget(): AsyncGenerator<string> {
    let after = ''
    for (;;) {
      const found = await this.#database
        .select({ id: rooms.id })
        .from(rooms)
        .where(and(isNotNull(rooms.retentionDays), gt(rooms.id, after)))
        .orderBy(asc(rooms.id))
        .limit(ROOMS)
      for (const { id } of found) yield id
      after = found.at(-1)?.id ?? ''
      if (found.length < ROOMS) return
    }
  }
}

/** Removes the oldest events of a room, up to BATCH of those that are due; returns how many, undefined when another node is at it. */
const shorten = async ({ $client }: Connection, roomId: string): Promise<number | undefined> => {
  const { rows: locks } = await $client.query<{ got: boolean }>(
    'select pg_try_advisory_xact_lock($1) as got',
    [LOCK],
  )
  if (!locks[0]?.got) return undefined
  // The room before its events, like everybody who writes to a room.
  const { rows } = await $client.query<{ first: string; until: string }>(
    `with room as (
       select id, first_seq, last_seq, now() - make_interval(days => retention_days) as due
       from rooms where id = $1 and retention_days is not null for no key update
     )
     select room.first_seq as first, coalesce(kept.seq, least(room.first_seq + $2, room.last_seq)) as until
     from room left join lateral (
       select seq from events
       where room_id = room.id and seq >= room.first_seq and seq < least(room.first_seq + $2, room.last_seq) and at >= room.due
       order by seq limit 1
     ) kept on true`,
    [roomId, BATCH],
  )
  const first = Number(rows[0]?.first ?? 0)
  const until = Number(rows[0]?.until ?? 0)
  if (until <= first) return 0
  // The index of search is not written meanwhile, so it gets no words of what is removed here.
  await $client.query('select from room_search where room_id = $1 for update', [roomId])
  await dropFiles($client, roomId, { from: 0, to: until })
  for (const table of ['events', 'messages', 'mentions', 'reactions', 'node_values', 'message_search']) {
    await $client.query(`delete from ${table} where room_id = $1 and seq < $2`, [roomId, until])
  }
  await $client.query('delete from rings where room_id = $1 and seq < $2 and ended_at is not null', [
    roomId,
    until,
  ])
  await $client.query(
    `with kept as (select at from events where room_id = $1 and seq >= $2 order by seq limit 1),
       gone as (delete from calls using kept where calls.room_id = $1 and calls.ended_at < kept.at returning calls.id)
     delete from call_users using gone where call_users.call_id = gone.id`,
    [roomId, until],
  )
  await $client.query(
    `update rooms set first_seq = $2,
       last_message_seq = case when last_message_seq >= $2 then last_message_seq end,
       last_message_at = case when last_message_seq >= $2 then last_message_at end,
       last_call_seq = case when last_call_seq >= $2 then last_call_seq end,
       last_call_at = case when last_call_seq >= $2 then last_call_at end
     where id = $1`,
    [roomId, until],
  )
  return until - first
}
