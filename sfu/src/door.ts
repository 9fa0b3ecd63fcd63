import { randomUUID } from 'node:crypto'
import {
  type CallActor,
  type CallCheckpoint,
  type CallRole,
  type CallStanding,
  type Knock,
  LIMITS,
  SERVER_CALL_RANK,
  type SfuRequestData,
  TrunklineError,
} from '@trunkline/protocol'
import type { Call } from './call.ts'
import { removeParticipant } from './cascade.ts'
import type { Notices } from './notices.ts'

type Knocker = { userId: string; standing: CallStanding; lobby: boolean; asOf: number }

/** A user at the door, by as many sockets as it has there. */
type Waiting = {
  knockId: string
  name: string
  since: Date
  holders: Set<string>
  timer?: NodeJS.Timeout
}

/**
 * The door of a room's call: who waits, who was let in, who was sent out, and what hosts made of whom. It is there before
 * the call, because people wait for it to begin; what was decided at it ends with the call.
 */
export class Door {
  readonly roomId: string
  readonly #notices: Notices
  /** The call behind it, while there is one. */
  call: Call | undefined
  /** A call is about to begin behind it. */
  isOpening = false
  locked = false
  lobby = false
  /** As of which event of the room that is. */
  #lobbyAsOf = 0
  /** By user, as all of these: another tab is the same person. */
  readonly #waiting = new Map<string, Waiting>()
  readonly #admitted = new Set<string>()
  readonly #seen = new Set<string>()
  readonly #removed = new Set<string>()
  readonly #roles = new Map<string, { role: CallRole; rank: number }>()
  /** While the call is kept for those in breakouts: lets it go, and when. */
  #kept: { release: () => void; timer: NodeJS.Timeout; until: Date } | undefined
  /** Ends what was admitted, when no call begins. */
  #admissionTimer: NodeJS.Timeout | undefined

  constructor(roomId: string, notices: Notices) {
    this.roomId = roomId
    this.#notices = notices
  }

  /** Whether nothing would be lost with it. */
  get isIdle(): boolean {
    return !this.call && !this.isOpening && this.#waiting.size === 0 && this.#admitted.size === 0
  }

  /** What a user of this standing is in the call now. */
  roleOf(userId: string | undefined, { role, rank }: CallStanding): CallRole {
    if (userId === undefined) return role
    if (this.#removed.has(userId)) return 'listener'
    const given = this.#roles.get(userId)
    // Who moderates the room is made something else by who stands above only.
    return given && (rank === 0 || given.rank > rank) ? given.role : role
  }

  /** @throws TrunklineError `knock_first` or `locked`, for whom the door does not let in */
  arrives(who: Knocker): void {
    this.setLobby(who.lobby, who.asOf)
    const closed = this.#closedTo(who)
    if (closed === undefined) return
    throw closed === 'locked'
      ? new TrunklineError('locked', 'This call is locked. Knock (call:knock) to be let in by a host.')
      : new TrunklineError('knock_first', 'A host has to let you into this call. Knock first (call:knock).')
  }

  #closedTo({
    userId,
    standing,
  }: Pick<Knocker, 'userId' | 'standing'>): 'knock_first' | 'locked' | undefined {
    if (this.#removed.has(userId)) return 'knock_first'
    if (this.#admitted.has(userId) || this.#seen.has(userId)) return undefined
    if (this.roleOf(userId, standing) === 'host') return undefined
    if (this.locked) return 'locked'
    return this.lobby ? 'knock_first' : undefined
  }

  /** Somebody is in. */
  entered(userId: string): void {
    this.#seen.add(userId)
    this.#stopWaiting(userId)
  }

  /** @throws TrunklineError `limit_reached` when too many wait */
  knock(data: SfuRequestData<'call:knock'>): string {
    const { userId, name, holder, standing } = data
    this.setLobby(data.lobby, data.asOf)
    const known = this.#waiting.get(userId)
    if (known) {
      clearTimeout(known.timer)
      known.holders.add(holder)
      return known.knockId
    }
    const knockId = `kno_${randomUUID()}`
    if (this.#closedTo({ userId, standing }) === undefined) {
      this.#notices.tell('call:admitted', { roomId: this.roomId, knockId, userId })
      return knockId
    }
    if (this.#waiting.size >= LIMITS.waitingPerCall) {
      throw new TrunklineError(
        'limit_reached',
        `At most ${LIMITS.waitingPerCall} people wait for a call at a time; try again later.`,
        { details: { limit: LIMITS.waitingPerCall } },
      )
    }
    this.#waiting.set(userId, { knockId, name, since: new Date(), holders: new Set([holder]) })
    this.tellWaiting()
    return knockId
  }

  /** A socket waits no longer; the last of a user takes the knock with it, at once or a little later. */
  unknock(userId: string, holder: string, atOnce: boolean): void {
    const waiting = this.#waiting.get(userId)
    if (!waiting?.holders.delete(holder) || waiting.holders.size > 0) return
    if (atOnce) this.#stopWaiting(userId)
    else waiting.timer = setTimeout(() => this.#stopWaiting(userId), LIMITS.knockGraceMs)
  }

  waiting(): Knock[] {
    return Array.from(this.#waiting, ([userId, { knockId, name, since }]) => ({
      knockId,
      userId,
      name,
      since: since.toISOString(),
    }))
  }

  /** Those who went meanwhile are passed over. */
  admit(knockIds: readonly string[] | undefined): void {
    const ids = knockIds ?? this.waiting().map(({ knockId }) => knockId)
    for (const knockId of ids) {
      const userId = this.#userOf(knockId)
      if (userId === undefined) continue
      this.#removed.delete(userId)
      this.#admitted.add(userId)
      this.#notices.tell('call:admitted', { roomId: this.roomId, knockId, userId })
      this.#stopWaiting(userId)
      if (!this.call) this.#expectCall()
    }
  }

  /** @throws TrunklineError `not_found` */
  deny(knockId: string, reason: string | undefined): void {
    const userId = this.#userOf(knockId)
    if (userId === undefined) {
      throw new TrunklineError('not_found', `Nobody waits under "${knockId}": they may have gone, or are in.`)
    }
    this.#notices.tell('call:denied', { roomId: this.roomId, knockId, userId, ...(reason && { reason }) })
    this.#stopWaiting(userId)
  }

  /** Sends a user out for this call: to come back it has to be let in, and nothing is left of what hosts made of it. */
  shutOut(userId: string): void {
    this.#removed.add(userId)
    this.forget(userId)
  }

  /** What was decided of a user counts no more. */
  forget(userId: string): void {
    this.#admitted.delete(userId)
    this.#seen.delete(userId)
    this.#roles.delete(userId)
    this.#stopWaiting(userId)
  }

  /** @param rank of who says so */
  setRole(userId: string, role: CallRole, rank: number): void {
    this.#roles.set(userId, { role, rank })
  }

  /** @param asOf who was on the way when the lobby was switched knows only what was before */
  setLobby(lobby: boolean, asOf: number): void {
    if (asOf < this.#lobbyAsOf) return
    this.#lobbyAsOf = asOf
    if (this.lobby === lobby) return
    this.lobby = lobby
    this.#onMoved()
  }

  setLocked(locked: boolean): void {
    if (this.locked === locked) return
    this.locked = locked
    this.#onMoved()
  }

  /** The call is over, and with it all that was decided. Who waits waits for the next. */
  callEnded(call: Call): void {
    if (this.call !== call) return
    this.keepCall(0)
    this.call = undefined
    this.locked = false
    // The room may be another of that name by the next call.
    this.#lobbyAsOf = 0
    this.#admitted.clear()
    this.#seen.clear()
    this.#removed.clear()
    this.#roles.clear()
  }

  /** Keeps the call for so long though nobody is in it, milliseconds; with 0 no longer. */
  keepCall(forMs: number): void {
    clearTimeout(this.#kept?.timer)
    this.#kept?.release()
    this.#kept = undefined
    if (forMs === 0 || !this.call) return
    this.#kept = {
      release: this.call.hold(),
      timer: setTimeout(() => this.keepCall(0), forMs),
      until: new Date(Date.now() + forMs),
    }
  }

  /** What was decided here, for another process to go on with the call. Who waits knocks again. */
  state(): CallCheckpoint['door'] {
    return {
      lobbyAsOf: this.#lobbyAsOf,
      admitted: [...this.#admitted],
      seen: [...this.#seen],
      removed: [...this.#removed],
      roles: Array.from(this.#roles, ([userId, given]) => ({ userId, ...given })),
      ...(this.#kept && { keptUntil: this.#kept.until.toISOString() }),
    }
  }

  /** What was decided in another process. */
  restore(state: CallCheckpoint['door'] & { locked: boolean; lobby: boolean }): void {
    this.locked = state.locked
    this.lobby = state.lobby
    this.#lobbyAsOf = state.lobbyAsOf
    for (const userId of state.admitted) this.#admitted.add(userId)
    for (const userId of state.seen) this.#seen.add(userId)
    for (const userId of state.removed) this.#removed.add(userId)
    for (const { userId, role, rank } of state.roles) this.#roles.set(userId, { role, rank })
    if (state.keptUntil !== undefined) this.keepCall(Math.max(1, Date.parse(state.keptUntil) - Date.now()))
  }

  close(): void {
    clearTimeout(this.#kept?.timer)
    clearTimeout(this.#admissionTimer)
    for (const { timer } of this.#waiting.values()) clearTimeout(timer)
  }

  /** Tells hosts who waits: those in the call by name, the room's moderators wherever they are. */
  tellWaiting(): void {
    this.#notices.tellLatest('waiting:changed', this.roomId, () => ({
      roomId: this.roomId,
      waiting: this.waiting(),
      hostIds: [...(this.call?.participants.values() ?? [])].flatMap(({ id, seat }) =>
        seat.role === 'host' ? id : [],
      ),
    }))
  }

  #userOf(knockId: string): string | undefined {
    for (const [userId, waiting] of this.#waiting) if (waiting.knockId === knockId) return userId
    return undefined
  }

  #stopWaiting(userId: string): void {
    const waiting = this.#waiting.get(userId)
    if (!waiting) return
    clearTimeout(waiting.timer)
    this.#waiting.delete(userId)
    this.tellWaiting()
  }

  /** Who was let in before the call began has so long to come. */
  #expectCall(): void {
    clearTimeout(this.#admissionTimer)
    this.#admissionTimer = setTimeout(() => {
      if (!this.call?.started) this.#admitted.clear()
    }, LIMITS.admissionMs)
  }

  /**
   * The door was opened or shut. Who has prepared to come in and would have to knock now is not kept connected; who waits
   * and need not any more is let in.
   */
  #onMoved(): void {
    const { call } = this
    for (const participant of [...(call?.prepared.values() ?? [])]) {
      const { userId, seat } = participant
      if (this.#closedTo({ userId, standing: seat.standing }) !== undefined) removeParticipant(participant)
    }
    if (!this.lobby && !this.locked) {
      this.admit(this.waiting().flatMap(({ knockId, userId }) => (this.#removed.has(userId) ? [] : knockId)))
    }
    call?.changed()
  }
}

/** @throws TrunklineError `forbidden` unless an actor is host */
export const assertHost = (door: Door, { userId, ...standing }: CallActor): void => {
  if (standing.rank >= SERVER_CALL_RANK || door.roleOf(userId, standing) === 'host') return
  throw new TrunklineError('forbidden', 'Only hosts of this call may do this.')
}

/** @throws TrunklineError `not_found` where nobody is in one */
export const assertAndGetCall = (call: Call | undefined): Call => {
  if (call?.started) return call
  throw new TrunklineError('not_found', 'There is no call in this room now.')
}

/**
 * The live call of a room, to a host of it.
 * @throws TrunklineError `not_found` without a call, `forbidden` for who is no host of it
 */
export const hostedCall = (
  find: (roomId: string) => Call | undefined,
  { roomId, by }: { roomId: string; by: CallActor },
): Call => {
  const call = assertAndGetCall(find(roomId))
  assertHost(call.door, by)
  return call
}
