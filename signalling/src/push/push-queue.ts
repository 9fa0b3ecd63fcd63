import type {
  DeviceKind,
  MessagePart,
  NotificationLevel,
  PushContent,
  PushType,
  QuietHours,
  RingMedia,
  Role,
  RoomKind,
} from '@trunkline/protocol'
import { and, eq, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { pushQueue } from '../schema.ts'

/** For how long a process that takes a push may be sending it without saying so again, ms. One that died is followed by another after this. */
const CLAIM_MS = 15_000
/** A device has one digest that waits. */
const DIGEST_TAG = 'digest'

/** A push that is to wait. */
export type Waiting = {
  deviceId: string
  kind: DeviceKind
  tag: string
  type: PushType
  roomId: string
  seq: number
  urgent: boolean
  dueAt: Date
  /** Not by itself, but as part of how much there is to read. */
  digest: boolean
}

/** A push that was taken to be sent, with all that it is decided and made by. */
export type Job = {
  n: string
  deviceId: string
  kind: DeviceKind
  tag: string
  type: PushType
  roomId: string | null
  seq: string
  urgent: boolean
  attempts: number
  firstAttemptAt: string | null
  userId: string
  isVoip: boolean
  hasVoip: boolean
  sealed: Buffer
  locale: string | null
  content: PushContent
  seenAt: string
  dnd: boolean
  quietHours: QuietHours | null
  whenAway: boolean | null
  digestMinutes: number | null
  roomKind: RoomKind | null
  title: string | null
  role: Role | null
  readSeq: string | null
  level: NotificationLevel | null
  happenedAt: string | null
  /** Who did it, if it is known still. */
  senderId: string | null
  senderName: string | null
  isBlocked: boolean
  /** What the event says, or for a message what it says now; nothing of one that is gone. */
  said: { parts?: MessagePart[]; mentions?: string[] } | null
  ringId: string | null
  media: RingMedia | null
  ringExpiresAt: string | null
  isRinging: boolean
}

/** Pushes that wait, in the database: one of a device and a tag, the latest. */
export class PushQueue {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Puts them in; what waits of the same device and tag is taken over, and goes when it was to go. */
  async put(executor: Executor, waiting: readonly Waiting[]): Promise<void> {
    if (waiting.length === 0) return
    const rows = waiting.map(({ deviceId, kind, tag, type, roomId, seq, urgent, dueAt, digest }) => ({
      device_id: deviceId,
      kind,
      urgent,
      due_at: dueAt,
      ...(digest
        ? // Later ones have later numbers: what comes while one is sent is another.
          { tag: DIGEST_TAG, type: 'digest', room_id: null, seq: Date.now() }
        : { tag, type, room_id: roomId, seq }),
    }))
    // Whoever went meanwhile, devices and rooms alike, takes what waits along.
    await executor.execute(sql`
      insert into push_queue (device_id, kind, tag, type, room_id, seq, urgent, due_at)
      select one.* from json_to_recordset(${JSON.stringify(rows)}::json)
        as one (device_id text, kind text, tag text, type text, room_id text, seq bigint, urgent boolean, due_at timestamptz)
      join push_devices device on device.id = one.device_id
      where one.room_id is null or exists (select from rooms where rooms.id = one.room_id)
      on conflict (device_id, tag) do update set type = excluded.type, seq = excluded.seq, room_id = excluded.room_id,
        urgent = excluded.urgent, first_attempt_at = null,
        due_at = case when push_queue.attempts > 0 then push_queue.due_at else least(push_queue.due_at, excluded.due_at) end
      where excluded.seq > push_queue.seq`)
  }

  /**
   * Takes what is due of one kind: nobody else does for a while.
   * @param busy users of whom no more is wanted now
   */
  async claim(kind: DeviceKind, limit: number, onlyUrgent: boolean, busy: readonly string[]): Promise<Job[]> {
    const { rows } = await this.#database.execute<{ n: string }>(sql`
      update push_queue set claimed_until = now() + make_interval(secs => ${CLAIM_MS / 1_000})
      where n in (
        select n from push_queue
        where kind = ${kind} and due_at <= now() and (claimed_until is null or claimed_until < now())
          and (urgent or not ${onlyUrgent}::boolean)
          and (${busy.length === 0}::boolean or device_id not in (
            select id from push_devices where user_id = any(${sql.param([...busy])}::text[])))
        order by urgent desc, due_at limit ${limit} for update skip locked
      ) returning n`)
    return rows.length === 0 ? [] : this.#jobs(rows.map(({ n }) => Number(n)))
  }

  /** This process is sending these still. What it is done with meanwhile stays as it was left. */
  async renew(ns: readonly string[]): Promise<void> {
    await this.#database.execute(sql`
      update push_queue set claimed_until = now() + make_interval(secs => ${CLAIM_MS / 1_000})
      where n = any(${sql.param(ns.map(Number))}::bigint[]) and claimed_until is not null`)
  }

  /** @returns ms until the next of this kind is due, if one waits */
  async next(kind: DeviceKind): Promise<number | undefined> {
    const { rows } = await this.#database.execute<{ ms: number | null }>(sql`
      select (extract(epoch from min(due_at) - now()) * 1000)::float8 as ms from push_queue
      where kind = ${kind} and claimed_until is null`)
    return rows[0]?.ms ?? undefined
  }

  /** How many pushes of each kind are due, and how many wait for their time; and for how long the first of those that are due has been. */
  async lengths(): Promise<Map<DeviceKind, { due: number; waiting: number; overdueSeconds: number }>> {
    const { rows } = await this.#database.execute<{
      kind: DeviceKind
      due: number
      waiting: number
      overdueSeconds: number
    }>(sql`
      select kind, count(*) filter (where due_at <= now())::int as due, count(*) filter (where due_at > now())::int as waiting,
        greatest(extract(epoch from now() - min(due_at)), 0)::float8 as "overdueSeconds"
      from push_queue group by kind`)
    return new Map(rows.map(({ kind, ...lengths }) => [kind, lengths]))
  }

  /** It is over with; unless something later took its place meanwhile, which is to go now. */
  async done({ n, seq, type }: Job): Promise<void> {
    const gone = await this.#database
      .delete(pushQueue)
      .where(and(eq(pushQueue.n, Number(n)), eq(pushQueue.seq, Number(seq)), eq(pushQueue.type, type)))
      .returning({ n: pushQueue.n })
    if (gone.length === 0) {
      await this.#set(n, { claimedUntil: null, attempts: 0, firstAttemptAt: null })
    }
  }

  /** Whoever has room for it takes it. */
  async release({ n }: Job): Promise<void> {
    await this.#set(n, { claimedUntil: null })
  }

  /** It is looked at again at that time, as if it had not been. */
  async wait(job: Job, until: Date, digest: boolean): Promise<void> {
    if (!digest || job.type === 'digest') {
      await this.#set(job.n, { claimedUntil: null, dueAt: until })
      return
    }
    const { deviceId, kind, tag, type, roomId, seq } = job
    const waiting = { deviceId, kind, tag, type, roomId: roomId ?? '', seq: Number(seq), urgent: false }
    await this.put(this.#database, [{ ...waiting, dueAt: until, digest }])
    await this.done(job)
  }

  async retry({ n, attempts, firstAttemptAt }: Job, at: Date): Promise<void> {
    await this.#set(n, {
      claimedUntil: null,
      dueAt: at,
      attempts: attempts + 1,
      firstAttemptAt: firstAttemptAt === null ? new Date() : new Date(firstAttemptAt),
    })
  }

  /** The message it told of is gone: the latest before it is told, if there is one unread. */
  async fallBack(job: Job): Promise<void> {
    const { rows } = await this.#database.execute(sql`
      update push_queue set claimed_until = null, seq = earlier.seq
      from (
        select seq from messages
        where room_id = ${job.roomId} and seq < ${job.seq}::bigint and seq > ${job.readSeq ?? '0'}::bigint and counts
          and sender <> ${job.userId}
          and sender not in (select blocked_id from blocks where user_id = ${job.userId})
        order by seq desc limit 1
      ) earlier
      where n = ${job.n}::bigint and push_queue.seq = ${job.seq}::bigint
      returning n`)
    if (rows.length === 0) await this.done(job)
  }

  async #set(n: string, values: Partial<typeof pushQueue.$inferInsert>): Promise<void> {
    await this.#database
      .update(pushQueue)
      .set(values)
      .where(eq(pushQueue.n, Number(n)))
  }

  async #jobs(ns: readonly number[]): Promise<Job[]> {
    const { rows } = await this.#database.execute<Job>(sql`
      select queued.n, queued.device_id as "deviceId", queued.kind, queued.tag, queued.type, queued.room_id as "roomId",
        queued.seq, queued.urgent, queued.attempts, queued.first_attempt_at as "firstAttemptAt",
        device.user_id as "userId", device.is_voip as "isVoip", device.sealed, device.locale, device.content,
        device.seen_at as "seenAt",
        exists (select from push_devices other where other.user_id = device.user_id and other.is_voip) as "hasVoip",
        users.dnd, settings.quiet_hours as "quietHours", settings.when_away as "whenAway",
        settings.digest_minutes as "digestMinutes",
        rooms.kind as "roomKind", rooms.title, members.role, members.read_seq as "readSeq", level.level,
        event.at as "happenedAt", who.id as "senderId", who.name as "senderName",
        exists (select from blocks where user_id = users.id and blocked_id = who.id) as "isBlocked",
        case when messages.seq is null then event.data when messages.deleted_at is null then content.data end as said,
        ring.id as "ringId", ring.media, ring.expires_at as "ringExpiresAt",
        coalesce(ring.ended_at is null and ring.expires_at > now() and target.state = 'ringing', false) as "isRinging"
      from push_queue queued
      join push_devices device on device.id = queued.device_id
      join users on users.id = device.user_id
      left join notification_settings settings on settings.user_id = users.id
      left join rooms on rooms.id = queued.room_id
      left join members on members.room_id = queued.room_id and members.user_id = users.id
      left join notification_levels level on level.room_id = queued.room_id and level.user_id = users.id
        and (level.until is null or level.until > now())
      left join events event on event.room_id = queued.room_id and event.seq = queued.seq
      left join messages on messages.room_id = queued.room_id and messages.seq = queued.seq
      left join events content on content.room_id = queued.room_id and content.seq = messages.content_seq
      left join rings ring on ring.id = event.data ->> 'ringId'
      left join ring_targets target on target.ring_id = ring.id and target.user_id = users.id
      left join users who on who.id = coalesce(ring.from_id, event.sender)
      where queued.n = any(${sql.param(ns)}::bigint[])
      order by queued.urgent desc, queued.due_at`)
    return rows
  }
}
