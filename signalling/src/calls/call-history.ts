import {
  type CallRecord,
  LIMITS,
  type OperationAnswer,
  type OperationData,
  rolesWith,
  type User,
} from '@trunkline/protocol'
import { eq, inArray, type SQL, sql } from 'drizzle-orm'
import { isText, isTime, readCursor, writeCursor } from '../cursor.ts'
import type { Database, Executor } from '../database.ts'
import type { Principal } from '../identity/authenticate.ts'
import { toUser, userColumns } from '../identity/users.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { calls, callUsers, rings, ringTargets, users } from '../schema.ts'

type Found = { id: string; is_call: boolean }
type CallRow = typeof calls.$inferSelect
type RingRow = typeof rings.$inferSelect
type Answer = { userId: string; state: (typeof ringTargets.$inferSelect)['state'] }
type RungRing = RingRow & { from: User; targets: Answer[] }

/** Calls of rooms, with the rings they began with, and rings no call came of: the latest first. */
export class CallHistory {
  readonly #database: Database
  readonly #rooms: Rooms

  constructor(deps: { database: Database; rooms: Rooms }) {
    this.#database = deps.database
    this.#rooms = deps.rooms
  }

  /** @throws TrunklineError `invalid_request` for a cursor that is none; `room_not_found` */
  async list(
    { roomId, cursor, limit = LIMITS.pageSizeDefault }: OperationData<'call:history'>,
    { principal, user }: { principal: Principal; user: User },
  ): Promise<OperationAnswer<'call:history'>> {
    if (roomId !== undefined) await this.#rooms.authorise(principal, roomId, 'read', user)
    const before =
      cursor === undefined ? undefined : (readCursor(cursor, [isTime, isText]) as [string, string])
    const own = sql`select room_id from members
      where user_id = ${user.id} and role = any(${sql.param(rolesWith('read'))}::text[])
        ${roomId === undefined ? sql`` : sql`and room_id = ${roomId}`}`
    const found = await find(this.#database, user.id, { own, before, perRoom: limit + 1, limit: limit + 1 })
    const shown = found.slice(0, limit)
    const data = await recordsOf(this.#database, user.id, shown)
    const last = data.at(-1)
    const lastId = shown.at(-1)?.id
    return {
      data,
      ...(found.length > limit && last && lastId ? { nextCursor: writeCursor(last.startedAt, lastId) } : {}),
    }
  }
}

/** The latest call or ring of each of these rooms, as a user sees it; rooms without one are left out. */
export const latestCallsOf = async (
  executor: Executor,
  userId: string,
  roomIds: readonly string[],
): Promise<Map<string, CallRecord>> => {
  if (roomIds.length === 0) return new Map()
  const own = sql`select room_id from unnest(${sql.param(roomIds)}::text[]) as own (room_id)`
  const found = await find(executor, userId, {
    own,
    before: undefined,
    perRoom: 1,
    limit: 2 * roomIds.length,
  })
  const records = new Map<string, CallRecord>()
  for (const record of await recordsOf(executor, userId, found)) {
    if (!records.has(record.roomId)) records.set(record.roomId, record)
  }
  return records
}

type Query = {
  /** Selects the rooms, as `room_id`. */
  own: SQL
  before: [string, string] | undefined
  perRoom: number
  limit: number
}

/** Which there are, over all rooms asked for; rings of those one has blocked are none of one's calls. */
const find = async (executor: Executor, userId: string, query: Query): Promise<Found[]> => {
  const { own, before, perRoom, limit } = query
  const isBefore = before ? sql`and (started_at, id) < (${before[0]}::timestamptz, ${before[1]})` : sql``
  const { rows } = await executor.execute<Found>(sql`
    with own as (${own}), found as (
      select item.* from own cross join lateral (
        select id, started_at, true as is_call from calls where room_id = own.room_id ${isBefore}
        order by started_at desc, id desc limit ${perRoom}
      ) item
      union all
      select item.* from own cross join lateral (
        select id, started_at, false as is_call from rings
        where room_id = own.room_id and call_id is null ${isBefore}
          and from_id not in (select blocked_id from blocks where user_id = ${userId})
        order by started_at desc, id desc limit ${perRoom}
      ) item
    )
    select id, is_call from found order by started_at desc, id desc limit ${limit}`)
  return rows
}

/** These calls and rings, in their order: a query per table, however many. */
const recordsOf = async (
  executor: Executor,
  userId: string,
  found: readonly Found[],
): Promise<CallRecord[]> => {
  if (found.length === 0) return []
  const callIds = found.filter(({ is_call }) => is_call).map(({ id }) => id)
  const ringIds = found.filter(({ is_call }) => !is_call).map(({ id }) => id)
  const callRows =
    callIds.length === 0 ? [] : await executor.select().from(calls).where(inArray(calls.id, callIds))
  const wasIn =
    callIds.length === 0
      ? []
      : await executor
          .select()
          .from(callUsers)
          .where(inArray(callUsers.callId, callIds))
          .orderBy(callUsers.userId)
  const rung = await ringsOf(executor, userId, { callIds, ringIds })
  const callsById = new Map(callRows.map(call => [call.id, call]))
  const usersByCall = Map.groupBy(wasIn, row => row.callId)
  const ringsByCall = Map.groupBy(rung, ring => ring.callId)
  const ringsById = new Map(rung.map(ring => [ring.id, ring]))
  return found.flatMap(({ id, is_call }) => {
    const ring = ringsById.get(id)
    if (!is_call) return ring ? [recordOfRing(ring, userId)] : []
    const call = callsById.get(id)
    const userIds = (usersByCall.get(id) ?? []).map(row => row.userId)
    return call ? [recordOfCall(call, userIds, ringsByCall.get(id) ?? [], userId)] : []
  })
}

const ringsOf = async (
  executor: Executor,
  userId: string,
  { callIds, ringIds }: { callIds: readonly string[]; ringIds: readonly string[] },
): Promise<RungRing[]> => {
  const rows = await executor
    .select({ ring: rings, from: userColumns })
    .from(rings)
    .leftJoin(users, eq(users.id, rings.fromId))
    .where(
      sql`(${rings.id} = any(${sql.param(ringIds)}::text[]) or ${rings.callId} = any(${sql.param(callIds)}::text[]))
        and ${rings.fromId} not in (select blocked_id from blocks where user_id = ${userId})`,
    )
    .orderBy(rings.startedAt, rings.id)
  if (rows.length === 0) return []
  const targets = await executor
    .select({ ringId: ringTargets.ringId, userId: ringTargets.userId, state: ringTargets.state })
    .from(ringTargets)
    .where(
      inArray(
        ringTargets.ringId,
        rows.map(({ ring }) => ring.id),
      ),
    )
    .orderBy(ringTargets.userId)
  const byRing = Map.groupBy(targets, target => target.ringId)
  return rows.map(({ ring, from }) => ({
    ...ring,
    from: from ? toUser(from) : { id: ring.fromId, name: ring.fromId, kind: 'user' as const },
    targets: byRing.get(ring.id) ?? [],
  }))
}

const recordOfRing = (ring: RungRing, userId: string): CallRecord => ({
  roomId: ring.roomId,
  ringId: ring.id,
  media: ring.media,
  from: ring.from,
  outcome: ring.endedAt === null ? 'ongoing' : outcomeOf(ring, userId, []),
  startedAt: ring.startedAt.toISOString(),
  userIds: ring.targets.map(target => target.userId),
})

const recordOfCall = (
  call: CallRow,
  userIds: string[],
  rung: readonly RungRing[],
  userId: string,
): CallRecord => {
  // Of several rings for one call one that was answered, else the latest, of those that are about who asks.
  const theirs = rung.filter(
    ({ fromId, targets }) => fromId === userId || targets.some(target => target.userId === userId),
  )
  const ring = theirs.find(isAnswered(userId)) ?? theirs.at(-1) ?? rung[0]
  return {
    roomId: call.roomId,
    callId: call.id,
    ...(ring && { ringId: ring.id, media: ring.media, from: ring.from }),
    outcome: call.endedAt === null ? 'ongoing' : ring ? outcomeOf(ring, userId, userIds) : 'answered',
    startedAt: call.startedAt.toISOString(),
    ...(call.durationMs === null ? {} : { durationMs: call.durationMs }),
    userIds,
  }
}

/** Whether a ring was answered: by this user, if it was rung, else by anybody. */
const isAnswered =
  (userId: string) =>
  ({ targets }: RungRing): boolean => {
    const own = targets.find(target => target.userId === userId)
    return (own ? [own] : targets).some(({ state }) => state === 'accepted')
  }

/** @param inCall who took part in the call, as far as there was one */
const outcomeOf = (
  { fromId, targets, cancelled }: RungRing,
  userId: string,
  inCall: readonly string[],
): CallRecord['outcome'] => {
  const own = targets.find(target => target.userId === userId)
  if (own) {
    if (own.state === 'accepted' || inCall.includes(userId)) return 'answered'
    return own.state === 'declined' ? 'declined' : 'missed'
  }
  if (targets.some(({ state }) => state === 'accepted')) return 'answered'
  if (inCall.some(id => id !== fromId)) return 'answered'
  if (cancelled) return 'cancelled'
  return targets.some(({ state }) => state === 'declined' || state === 'busy') ? 'declined' : 'missed'
}
