import type { Logger } from '@trunkline/kit'
import {
  LIMITS,
  type OperationData,
  type Ring,
  type RoomEvent,
  rolesWith,
  TrunklineError,
  type User,
} from '@trunkline/protocol'
import { and, eq, inArray, isNull, ne, sql } from 'drizzle-orm'
import type { ClusterBus } from '../cluster/cluster-bus.ts'
import type { Database, Executor } from '../database.ts'
import type { Principal } from '../identity/authenticate.ts'
import { assertMaySpeak } from '../identity/blocks.ts'
import { derivedId, newId } from '../ids.ts'
import type { EventLog } from '../log/event-log.ts'
import { toEvent } from '../log/event-row.ts'
import { isOneOf } from '../one-of.ts'
import { command, type LockedTransaction } from '../rooms/command.ts'
import { assertMay, refusedByArchive } from '../rooms/roles.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { roleOf } from '../rooms/standings.ts'
import { events, members, rings, ringTargets, users } from '../schema.ts'
import type { TrunklineServer } from '../session.ts'
import type { AttendanceChange, CallAttendance } from './call-attendance.ts'
import { RingAnnouncer } from './ring-announcer.ts'
import { RingReader, type RingRow } from './ring-reader.ts'

/** Rings ended in one go. */
const BATCH = 100

type Caller = { principal: Principal; user: User }
type Target = { userId: string; dnd: boolean; hidden: boolean; callWaiting: boolean }

/**
 * Ringing people of a room for its call. All of it is in the room's log, each step checked and written under the room's
 * lock: of two devices that answer at once one has answered, and who answers at the very end either came or missed it.
 * The rows of open rings are all there is of them, so any node ends what is over, whichever took it in.
 */
export class Rings {
  readonly #database: Database
  readonly #log: EventLog
  readonly #rooms: Rooms
  readonly #attendance: CallAttendance
  readonly #reader: RingReader
  readonly #announcer: RingAnnouncer
  readonly #logger: Logger

  constructor(deps: {
    io: TrunklineServer
    database: Database
    log: EventLog
    rooms: Rooms
    attendance: CallAttendance
    bus: ClusterBus | undefined
    logger: Logger
  }) {
    this.#database = deps.database
    this.#log = deps.log
    this.#rooms = deps.rooms
    this.#attendance = deps.attendance
    this.#logger = deps.logger
    this.#reader = new RingReader(deps.attendance)
    this.#announcer = new RingAnnouncer({ ...deps, reader: this.#reader })
    deps.attendance.onChange(change => {
      this.#followCall(change).catch(error => {
        this.#logger.error({ err: error, roomId: change.roomId }, 'a ring could not follow its call')
      })
    })
  }

  /**
   * Begins to ring. The same `clientId` of the same user rings once.
   * @throws TrunklineError `invalid_request` for who is not in the room, `conflict` when there is nobody to ring,
   *   `limit_reached`, `forbidden`
   */
  async start(asked: OperationData<'ring:start'>, { principal, user }: Caller): Promise<Ring> {
    const { roomId, clientId } = asked
    const id = clientId === undefined ? newId('ring') : derivedId('ring', roomId, user.id, clientId)
    await command(this.#log, { roomId, actor: { principal, user }, right: 'call' }, async transaction => {
      const { executor, append, room } = transaction
      const [earlier] = await executor.select({ id: rings.id }).from(rings).where(eq(rings.id, id))
      if (earlier) return
      // An app's server lends its right to nobody who has none of their own.
      assertMay((await roleOf(executor, roomId, user.id)) ?? 'pending', 'call')
      if (room.archivedAt !== null) throw refusedByArchive()
      await assertMaySpeak(executor, room, user.id)
      await assertFewRings(executor, user.id)
      const targets = await this.#targets(executor, roomId, user.id, asked.userIds)
      const isBusy = ({ userId, hidden, callWaiting }: Target) =>
        !hidden && !callWaiting && this.#attendance.isElsewhere(userId, roomId)
      const missed = targets.filter(({ dnd, hidden }) => dnd && !hidden)
      const busy = targets.filter(target => !missed.includes(target) && isBusy(target))
      const seconds = asked.seconds ?? LIMITS.ringSeconds
      const { event } = await append({
        type: 'ring.started',
        sender: user.id,
        clientId,
        data: {
          ringId: id,
          media: asked.media,
          userIds: idsOf(targets),
          expiresAt: new Date(Date.now() + seconds * 1_000).toISOString(),
          ...(busy.length > 0 ? { busy: idsOf(busy) } : {}),
          ...(missed.length > 0 ? { missed: idsOf(missed) } : {}),
        },
      })
      if (event.type !== 'ring.started') throw clientIdTaken()
      await endWhenAnswered(transaction, id)
    })
    return this.#get(id)
  }

  /**
   * @throws TrunklineError `not_found` for who is not rung, `conflict` when another device has answered or the ring is
   *   over
   */
  async accept({ ringId, clientId }: OperationData<'ring:accept'>, caller: Caller): Promise<Ring> {
    await this.#answer(ringId, caller, async (transaction, ring, state) => {
      const { append, executor } = transaction
      const sender = caller.user.id
      if (state === 'accepted' && clientId !== undefined) {
        const first = await eventOf(executor, { roomId: ring.roomId, sender, clientId })
        if (first?.type === 'ring.accepted' && first.data.ringId === ringId) return
      }
      assertRinging(ring, state)
      const { event } = await append({ type: 'ring.accepted', sender, clientId, data: { ringId } })
      if (event.type !== 'ring.accepted' || event.data.ringId !== ringId) throw clientIdTaken()
      await endWhenAnswered(transaction, ringId)
    })
    return this.#get(ringId)
  }

  /** Idempotent. @throws TrunklineError `not_found` for who is not rung, `conflict` when it is over or was accepted */
  async decline({ ringId, busy }: OperationData<'ring:decline'>, caller: Caller): Promise<Ring> {
    await this.#answer(ringId, caller, async (transaction, ring, state) => {
      if (state === 'declined' || state === 'busy') return
      assertRinging(ring, state)
      const data = { ringId, ...(busy ? { busy: true as const } : {}) }
      await transaction.append({ type: 'ring.declined', sender: caller.user.id, data })
      await endWhenAnswered(transaction, ringId)
    })
    return this.#get(ringId)
  }

  /** Idempotent. @throws TrunklineError `not_found` for who did not ring */
  async cancel({ ringId }: OperationData<'ring:cancel'>, { user }: Caller): Promise<Ring> {
    const ring = await this.#find(ringId)
    if (ring?.fromId !== user.id) throw ringNotFound()
    await this.#end(ring, 'cancelled')
    return this.#get(ringId)
  }

  /** Rings that go on and concern a user. */
  list(userId: string): Promise<Ring[]> {
    return this.#reader.listOf(this.#database, userId)
  }

  /**
   * Ends rings whose time is over.
   * @returns ms until the next one's is
   */
  async endDue(): Promise<number | undefined> {
    const due = await this.#database
      .select()
      .from(rings)
      .where(and(isNull(rings.endedAt), sql`${rings.expiresAt} <= now()`))
      .orderBy(rings.expiresAt)
      .limit(BATCH)
    for (const ring of due) await this.#end(ring, 'expired')
    const { rows } = await this.#database.execute<{ ms: number | null }>(sql`
      select (extract(epoch from min(expires_at) - now()) * 1000)::float8 as ms from rings where ended_at is null`)
    return rows[0]?.ms ?? undefined
  }

  /** Somebody may not be in a room any more: who is gone is not rung there, and rings nobody. */
  memberChanged(roomId: string, userId: string): void {
    this.#followMember(roomId, userId).catch(error => {
      this.#logger.error({ err: error, roomId }, 'a ring could not follow who is in its room')
    })
  }

  async #followMember(roomId: string, userId: string): Promise<void> {
    const role = await roleOf(this.#database, roomId, userId)
    if (role !== undefined && rolesWith('call').includes(role)) return
    for (const ring of await this.#openIn(roomId)) {
      if (ring.fromId === userId) await this.#end(ring, 'cancelled')
      else if ((await stateOf(this.#database, ring.id, userId)) === 'missed') {
        await this.#end(ring, 'answered')
        this.#announcer.tell(ring.id)
      }
    }
  }

  /** Whoever comes into the call has answered; who rang and goes out of it rings no more. */
  async #followCall({ roomId, came, went }: AttendanceChange): Promise<void> {
    for (const ring of await this.#openIn(roomId)) {
      if (went.includes(ring.fromId)) await this.#end(ring, 'cancelled')
      for (const userId of came) await this.#came(ring, userId)
    }
  }

  async #came({ id: ringId, roomId }: RingRow, userId: string): Promise<void> {
    if ((await stateOf(this.#database, ringId, userId)) !== 'ringing') return
    await this.#log.transaction(roomId, async transaction => {
      const { executor, append } = transaction
      const ring = await findRing(executor, ringId)
      if (!ring || ring.endedAt !== null || (await stateOf(executor, ringId, userId)) !== 'ringing') return
      await append({ type: 'ring.accepted', sender: userId, data: { ringId } })
      await endWhenAnswered(transaction, ringId)
    })
  }

  #openIn(roomId: string): Promise<RingRow[]> {
    return this.#database
      .select()
      .from(rings)
      .where(and(eq(rings.roomId, roomId), isNull(rings.endedAt)))
  }

  async #end({ id: ringId, roomId }: RingRow, because: 'expired' | 'cancelled' | 'answered'): Promise<void> {
    await this.#log.transaction(roomId, async transaction => {
      if (because === 'answered') return endWhenAnswered(transaction, ringId)
      const ring = await findRing(transaction.executor, ringId)
      // Another node was here first.
      if (!ring || ring.endedAt !== null) return
      await end(transaction, ring, because === 'cancelled')
    })
  }

  /** Runs what somebody who is rung answers, while nobody else can. */
  async #answer(
    ringId: string,
    { principal, user }: Caller,
    work: (transaction: LockedTransaction, ring: RingRow, state: TargetState) => Promise<void>,
  ): Promise<void> {
    const known = await this.#find(ringId)
    if (!known || !(await stateOf(this.#database, ringId, user.id))) throw ringNotFound()
    await this.#rooms.authorise(principal, known.roomId, 'call', user)
    await this.#log.transaction(known.roomId, async transaction => {
      const ring = await findRing(transaction.executor, ringId)
      const state = await stateOf(transaction.executor, ringId, user.id)
      if (!ring || !state) throw ringNotFound()
      await work(transaction, ring, state)
    })
  }

  /** Who is to be rung: those named, or everybody who may take part and is not in the call. */
  async #targets(
    executor: Executor,
    roomId: string,
    callerId: string,
    named: readonly string[] | undefined,
  ): Promise<Target[]> {
    if (named?.includes(callerId)) {
      throw new TrunklineError(
        'invalid_request',
        'Nobody can ring themselves: leave yourself out of userIds.',
      )
    }
    const wanted = named && [...new Set(named)]
    const found = await executor
      .select({
        userId: users.id,
        dnd: users.dnd,
        hidden: users.hidden,
        callWaiting: users.callWaiting,
      })
      .from(members)
      .innerJoin(users, eq(users.id, members.userId))
      .where(
        and(
          eq(members.roomId, roomId),
          inArray(members.role, rolesWith('call')),
          ne(members.userId, callerId),
          wanted && isOneOf(members.userId, wanted),
        ),
      )
      .orderBy(users.id)
      .limit(LIMITS.usersPerRequest + 1)
    const stranger = wanted?.find(id => !found.some(({ userId }) => userId === id))
    if (stranger !== undefined) {
      throw new TrunklineError('invalid_request', `"${stranger}" takes no part in this room's calls.`)
    }
    if (found.length > LIMITS.usersPerRequest) {
      throw new TrunklineError(
        'limit_reached',
        `At most ${LIMITS.usersPerRequest} users can be rung at once: name them in userIds.`,
        { details: { limit: LIMITS.usersPerRequest } },
      )
    }
    const targets = found.filter(({ userId }) => !this.#attendance.isIn(roomId, userId))
    if (targets.length === 0) {
      throw new TrunklineError(
        'conflict',
        found.length === 0
          ? 'There is nobody else in this room to ring.'
          : 'Everybody you want to ring is in the call already.',
      )
    }
    return targets
  }

  async #find(ringId: string): Promise<RingRow | undefined> {
    return findRing(this.#database, ringId)
  }

  async #get(ringId: string): Promise<Ring> {
    const [view] = await this.#reader.read(this.#database, eq(rings.id, ringId))
    if (!view) throw ringNotFound()
    return view.ring
  }
}

type TargetState = Ring['targets'][number]['state']

const idsOf = (targets: readonly Target[]): string[] => targets.map(({ userId }) => userId)

const findRing = async (executor: Executor, ringId: string): Promise<RingRow | undefined> => {
  const [row] = await executor.select().from(rings).where(eq(rings.id, ringId))
  return row
}

const stateOf = async (
  executor: Executor,
  ringId: string,
  userId: string,
): Promise<TargetState | undefined> => {
  const [row] = await executor
    .select({ state: ringTargets.state })
    .from(ringTargets)
    .where(and(eq(ringTargets.ringId, ringId), eq(ringTargets.userId, userId)))
  return row?.state
}

/** What a user appended under this clientId. */
const eventOf = async (
  executor: Executor,
  { roomId, sender, clientId }: { roomId: string; sender: string; clientId: string },
): Promise<RoomEvent | undefined> => {
  const [row] = await executor
    .select()
    .from(events)
    .where(
      and(
        eq(events.roomId, roomId),
        sql`coalesce(${events.sender}, '') = ${sender}`,
        eq(events.clientId, clientId),
      ),
    )
  return row && toEvent(row)
}

const assertFewRings = async (executor: Executor, userId: string): Promise<void> => {
  const open = await executor.$count(rings, and(eq(rings.fromId, userId), isNull(rings.endedAt)))
  if (open < LIMITS.ringsPerUser) return
  throw new TrunklineError(
    'limit_reached',
    `At most ${LIMITS.ringsPerUser} rings of one user go on at a time; cancel one first.`,
    { details: { limit: LIMITS.ringsPerUser } },
  )
}

/** @throws TrunklineError `conflict` */
const assertRinging = (ring: RingRow, state: TargetState): void => {
  if (state === 'accepted') {
    throw new TrunklineError('conflict', 'You have answered on another device.')
  }
  if (state === 'ringing' && ring.endedAt === null && ring.expiresAt.getTime() > Date.now()) return
  throw new TrunklineError('conflict', 'This ring is over. Join the call, if it goes on.')
}

/** Ends a ring nobody is left to answer. */
const endWhenAnswered = async (transaction: LockedTransaction, ringId: string): Promise<void> => {
  const ring = await findRing(transaction.executor, ringId)
  if (!ring || ring.endedAt !== null) return
  const targets = await targetsOf(transaction.executor, ringId)
  if (!targets.some(({ state }) => state === 'ringing')) await end(transaction, ring, false)
}

const targetsOf = (executor: Executor, ringId: string) =>
  executor.select().from(ringTargets).where(eq(ringTargets.ringId, ringId)).orderBy(ringTargets.userId)

const WITHOUT_ANSWER: readonly TargetState[] = ['ringing', 'busy', 'missed']

const end = async (transaction: LockedTransaction, ring: RingRow, cancelled: boolean): Promise<void> => {
  const targets = await targetsOf(transaction.executor, ring.id)
  const missed = targets.filter(({ state }) => WITHOUT_ANSWER.includes(state)).map(({ userId }) => userId)
  const isAnswered = targets.some(({ state }) => state === 'accepted')
  await transaction.append({
    type: 'ring.ended',
    data: {
      ringId: ring.id,
      media: ring.media,
      from: ring.fromId,
      missed,
      ...(isAnswered ? { answered: true } : {}),
      ...(cancelled ? { cancelled: true } : {}),
    },
  })
}

const ringNotFound = (): TrunklineError =>
  new TrunklineError('not_found', 'There is no such ring, or it is not yours.')

const clientIdTaken = (): TrunklineError =>
  new TrunklineError('conflict', 'This clientId was already used for something else. Use a new one.')
