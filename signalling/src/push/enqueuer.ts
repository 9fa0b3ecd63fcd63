import type { Logger } from '@trunkline/kit'
import {
  type DeviceKind,
  type NotificationLevel,
  type QuietHours,
  RIGHTS,
  type Role,
} from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import type { EventStream, StreamedEvent } from '../log/event-stream.ts'
import type { ToldEvent, ToldRoom } from '../log/told-events.ts'
import type { Attendance } from '../presence/attendance.ts'
import type { Preferences } from './preferences.ts'
import type { PushQueue, Waiting } from './push-queue.ts'
import { pushesOf, type Telling } from './pushes-of.ts'
import { isOfRing, isOfTheMoment, isReadable, judge, usualLevel, type Verdict } from './rule.ts'

/** Events read at once. */
const PAGE = 500
/** How often the place in the log is moved on while there is nobody to tell, ms. */
const NOBODY_MS = 10_000
/** Of this program: one process at a time looks through the log. */
const LOCK = 7_258_113

/** A device of a user, as far as it matters to what happens in one room. */
type Candidate = {
  deviceId: string
  kind: DeviceKind
  isVoip: boolean
  hasVoip: boolean
  userId: string
  since: string
  role: Role
  readSeq: string
  dnd: boolean
  level: NotificationLevel | null
  quietHours: QuietHours | null
  whenAway: boolean | null
  digestMinutes: number | null
  /** Of those who did something. */
  blocked: string[]
}

type Deps = {
  database: Database
  stream: EventStream
  queue: PushQueue
  preferences: Preferences
  attendanceOf: (userId: string) => Attendance
  /** By what is pushed here. */
  kinds: readonly DeviceKind[]
  /** From then on it is known who is there (`Date.now()`): a process that has just begun knows of nobody. */
  settledAt: number
  logger: Logger
}

/**
 * Looks through the log for what is to be told, and puts it into the queue together with how far it has come: what was
 * looked at is in the queue or is not to be told, whichever process dies. One process does at a time, any of them.
 */
export class Enqueuer {
  readonly #deps: Deps
  #movedAt = 0

  constructor(deps: Deps) {
    this.#deps = deps
  }

  /** @returns `more`: at once; `busy`: another process is at it */
  look(): Promise<'done' | 'more' | 'busy'> {
    return this.#deps.database.transaction(async executor => {
      // Not by a locked row: that would give the transaction a number, below which the log can be read no further.
      const { rows: locked } = await executor.execute<{ mine: boolean }>(
        sql`select pg_try_advisory_xact_lock(${LOCK}) as mine`,
      )
      if (!locked[0]?.mine) return 'busy'
      const { rows } = await executor.execute<{ cursor: string | null; at: string; devices: boolean }>(sql`
        select (select cursor from push_cursor) as cursor, (select cursor_at from push_cursor) as at,
          exists (select from push_devices) as devices`)
      const [state] = rows
      if (!state?.devices || state.cursor === null) return this.#skip(executor, state?.cursor === null)
      return this.#read(executor, state.cursor, new Date(state.at))
    })
  }

  /** There is nobody to tell: whoever registers hears of what comes after. */
  async #skip(executor: Executor, isFirst: boolean): Promise<'done'> {
    if (!isFirst && performance.now() - this.#movedAt < NOBODY_MS) return 'done'
    await this.#move(executor, await this.#deps.stream.now(), new Date())
    this.#movedAt = performance.now()
    return 'done'
  }

  async #read(executor: Executor, cursor: string, cursorAt: Date): Promise<'done' | 'more'> {
    const { stream, queue } = this.#deps
    const stretch = await stream.read(cursor, PAGE)
    if (!stretch) {
      // The database is another by now, or went back: the time is what is left to go by.
      await this.#move(executor, await stream.at(cursorAt), cursorAt)
      return 'more'
    }
    const waiting = new Map<string, Waiting>()
    const byRoom = Map.groupBy(stretch.events, ({ event }) => event.roomId)
    for (const events of byRoom.values()) {
      for (const one of await this.#waitingIn(executor, events)) {
        waiting.set(`${one.deviceId} ${one.digest ? '' : one.tag}`, one)
      }
    }
    await queue.put(executor, [...waiting.values()])
    const last = stretch.events.at(-1)
    if (stretch.cursor !== cursor) {
      await this.#move(executor, stretch.cursor, last ? new Date(last.event.at) : cursorAt)
    }
    return stretch.isEnd ? 'done' : 'more'
  }

  async #move(executor: Executor, cursor: string, at: Date): Promise<void> {
    await executor.execute(sql`
      insert into push_cursor (id, cursor, cursor_at) values (1, ${cursor}, ${at.toISOString()}::timestamptz)
      on conflict (id) do update set cursor = excluded.cursor, cursor_at = excluded.cursor_at`)
  }

  /** Of one room, in its order. */
  async #waitingIn(executor: Executor, events: readonly StreamedEvent[]): Promise<Waiting[]> {
    const tellings = events.flatMap(({ event, room }) =>
      pushesOf(event).map(telling => ({ telling, event, room })),
    )
    const [first] = tellings
    if (!first) return []
    const { room } = first
    const candidates = await this.#candidates(
      executor,
      room,
      tellings.map(({ telling }) => telling),
    )
    const now = new Date()
    // Of a tag only the latest that is to be told is.
    const byTag = [...Map.groupBy(tellings.toReversed(), ({ telling }) => telling.tag).values()]
    return candidates.flatMap(candidate =>
      byTag.flatMap(ofTag => {
        for (const one of ofTag) {
          const waiting = this.#waitingFor(candidate, one, now)
          if (waiting) return [waiting]
        }
        return []
      }),
    )
  }

  #waitingFor(
    candidate: Candidate,
    { telling, event, room }: { telling: Telling } & ToldEvent,
    now: Date,
  ): Waiting | undefined {
    if (telling.userIds && !telling.userIds.includes(candidate.userId)) return undefined
    // Before it was registered somebody was there to see it.
    if (Date.parse(candidate.since) > Date.parse(event.at)) return undefined
    const verdict = this.#judge(candidate, telling, room, event, now)
    if (verdict.do === 'drop') return undefined
    const { type, tag } = telling
    return {
      deviceId: candidate.deviceId,
      kind: candidate.kind,
      tag,
      type,
      roomId: event.roomId,
      seq: event.seq,
      urgent: isOfRing(type),
      dueAt: verdict.do === 'wait' ? verdict.until : now,
      digest: verdict.do === 'wait' && verdict.digest,
    }
  }

  #judge(
    candidate: Candidate,
    telling: Telling,
    room: ToldRoom,
    { seq, at }: ToldEvent['event'],
    now: Date,
  ): Verdict {
    const { preferences, attendanceOf, settledAt } = this.#deps
    const { userId, role } = candidate
    const { type, by } = telling
    const settings = preferences.settingsOf(candidate)
    const verdict = judge({
      type,
      now,
      happenedAt: new Date(at),
      isAuthor: by === userId,
      isConcerned: type === 'member.invited' ? role === 'pending' : RIGHTS[role].read,
      isBlocked: by !== undefined && candidate.blocked.includes(by),
      isGone: false,
      isRead: isReadable(type) && Number(candidate.readSeq) >= seq,
      roomKind: room.kind,
      level: candidate.level ?? undefined,
      isMentioned: telling.mentions.includes(userId),
      attendance: attendanceOf(userId),
      whenAway: settings.whenAway,
      dnd: candidate.dnd,
      quietHours: settings.quietHours ?? undefined,
      device: candidate,
      digestMinutes: settings.digestMinutes,
      isNew: true,
    })
    // They may be about to come back.
    if (verdict.do === 'send' && !isOfTheMoment(type) && now.getTime() < settledAt) {
      return { do: 'wait', until: new Date(settledAt), digest: false }
    }
    return verdict
  }

  async #candidates(executor: Executor, room: ToldRoom, tellings: readonly Telling[]): Promise<Candidate[]> {
    const senders = tellings.flatMap(({ by }) => (by === undefined ? [] : [by]))
    const named = tellings.flatMap(({ userIds, mentions }) => [...(userIds ?? []), ...mentions])
    const isToAll = usualLevel(room.kind) === 'all' && tellings.some(({ userIds }) => userIds === undefined)
    // Of a channel with 100,000 members few are looked at.
    const wantsAll = sql`array(
      select user_id from notification_levels where room_id = ${room.id} and notification_levels.level = 'all')`
    const { rows } = await executor.execute<Candidate>(sql`
      select device.id as "deviceId", device.kind, device.is_voip as "isVoip", device.user_id as "userId",
        device.created_at as since,
        exists (select from push_devices other where other.user_id = device.user_id and other.is_voip) as "hasVoip",
        members.role, members.read_seq as "readSeq", users.dnd, level.level, settings.quiet_hours as "quietHours",
        settings.when_away as "whenAway", settings.digest_minutes as "digestMinutes",
        array(select blocked_id from blocks where user_id = users.id and blocked_id = any(${sql.param(senders)}::text[])) as blocked
      from members
      join push_devices device on device.user_id = members.user_id
      join users on users.id = members.user_id
      left join notification_levels level on level.room_id = members.room_id and level.user_id = members.user_id
        and (level.until is null or level.until > now())
      left join notification_settings settings on settings.user_id = members.user_id
      where members.room_id = ${room.id} and device.kind = any(${sql.param(this.#deps.kinds)}::text[])
        ${isToAll ? sql`` : sql`and members.user_id = any(${wantsAll} || ${sql.param(named)}::text[])`}`)
    return rows
  }
}
