import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@trunkline/kit'
import {
  type RoomEvent,
  type Sfu,
  type SfuNoticeData,
  type SfuNoticeName,
  TrunklineError,
} from '@trunkline/protocol'
import type { EventLog } from '../log/event-log.ts'
import type { MembershipWatch } from '../rooms/membership-watch.ts'
import { refusedByArchive } from '../rooms/roles.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { audience, listen, type Session, sessionsOf, type TrunklineServer } from '../session.ts'
import type { AtTheDoor } from './call-door.ts'
import { callStanding } from './call-standing.ts'
import type { Calls } from './calls.ts'

/** How long a standing that changed waits for who is on the way in (ms), and how often it looks. */
const ON_THE_WAY_MS = 10_000
const LOOK_MS = 100

/**
 * Who may do what in calls, as far as signalling is concerned: it tells the SFU what people are to the room, and its
 * sockets what became of them at the door. Any node may hold the host, any other who knocks.
 */
export class Moderation {
  readonly #io: TrunklineServer
  readonly #calls: Calls
  readonly #rooms: Rooms
  readonly #logger: Logger

  constructor(deps: {
    io: TrunklineServer
    calls: Calls
    rooms: Rooms
    log: EventLog
    membershipWatch: MembershipWatch
    logger: Logger
  }) {
    this.#io = deps.io
    this.#calls = deps.calls
    this.#rooms = deps.rooms
    this.#logger = deps.logger
    deps.log.onAppend(event => this.#guard(this.#onEvent(event)))
    deps.membershipWatch.onChange(({ roomId, userId }) => {
      if (roomId !== undefined && userId !== undefined) this.#guard(this.#onMember(roomId, userId))
    })
  }

  /** Begins to listen; call what is returned to stop. */
  start(sfu: Sfu): () => void {
    const stops = [
      sfu.onNotice((name, data) => this.#onNotice(name, data)),
      sfu.onReconnect(roomIds => this.#guard(this.#onReconnect(roomIds))),
    ]
    return () => {
      for (const stop of stops) stop()
    }
  }

  /** What the door of a room's call asks of who knocks. */
  async atTheDoor({ data: { principal } }: Session, roomId: string): Promise<AtTheDoor> {
    // Before the role, which is then at least as new as it says.
    const room = await this.#rooms.get(roomId)
    const role = await this.#rooms.roleAtTheDoor(principal, roomId)
    if (room.archivedAt !== null) throw refusedByArchive()
    return { standing: callStanding(principal, room, role), lobby: room.lobby, asOf: room.lastSeq }
  }

  /** Asks to be let in. The knock goes with the socket. */
  async knock(session: Session, roomId: string): Promise<{ knockId: string }> {
    session.data.knocks.add(roomId)
    try {
      return await this.#askIn(session, roomId)
    } catch (error) {
      await this.#forgetKnock(session, roomId)
      throw error
    }
  }

  async #askIn(session: Session, roomId: string): Promise<{ knockId: string }> {
    const { user } = session.data.principal
    const door = await this.atTheDoor(session, roomId)
    // The answer may overtake what this returns.
    await listen(session, audience.knock(roomId, user.id))
    const { knockId } = await this.#calls.sfu.request('call:knock', {
      roomId,
      userId: user.id,
      name: user.name,
      holder: session.id,
      ...door,
    })
    // Lost while the SFU worked: what that told it came before this.
    if (!session.connected) await this.#unknock(session, roomId, false)
    return { knockId }
  }

  /** Waits no longer. */
  async unknock(session: Session, roomId: string): Promise<void> {
    if (!session.data.knocks.has(roomId)) return
    await this.#forgetKnock(session, roomId)
    await this.#unknock(session, roomId, true)
  }

  /** A socket is gone: its knocks wait a little for another of the same user, unless it said good-bye. */
  async gone(session: Session, saidGoodbye: boolean): Promise<void> {
    const rooms = [...session.data.knocks]
    session.data.knocks.clear()
    await Promise.allSettled(rooms.map(roomId => this.#unknock(session, roomId, saidGoodbye)))
  }

  /** Passes on what the SFU says about the door of a call, and about those who were muted or sent out. */
  #onNotice(name: SfuNoticeName, data: SfuNoticeData<SfuNoticeName>): void {
    switch (name) {
      case 'call:admitted':
      case 'call:denied':
        this.#guard(this.#onAnswer(name, data as SfuNoticeData<'call:denied'>))
        return
      case 'waiting:changed': {
        const { hostIds, ...notice } = data as SfuNoticeData<'waiting:changed'>
        const to = [audience.moderators(notice.roomId), ...hostIds.map(audience.participant)]
        this.#io.local.to(to).emit(name, notice)
        return
      }
      case 'call:muted':
        this.#tellParticipant(name, data as SfuNoticeData<'call:muted'>)
        return
      case 'call:closed': {
        const notice = data as SfuNoticeData<'call:closed'>
        this.#tellParticipant(name, notice)
        this.#guard(this.#takeOut(notice.participantId))
        return
      }
    }
  }

  /** A knock was answered. Guests are in the room before they hear that they were let in: they come at once. */
  async #onAnswer(
    name: 'call:admitted' | 'call:denied',
    { userId, ...notice }: SfuNoticeData<'call:denied'>,
  ): Promise<void> {
    const { roomId } = notice
    const sessions = sessionsOf(this.#io, userId).filter(({ data }) => data.knocks.has(roomId))
    const [first] = sessions
    if (!first) return
    try {
      if (name === 'call:admitted') await this.#rooms.letIn(first.data.principal, roomId)
    } finally {
      // Who is not in the room for all that is refused, knocks again, and is let in.
      this.#io.local.to(audience.knock(roomId, userId)).emit(name, notice)
      for (const session of sessions) await this.#forgetKnock(session, roomId)
    }
  }

  /** The SFU was out of reach, or is another: whoever waits here knocks again. */
  async #onReconnect(roomIds?: readonly string[]): Promise<void> {
    const sessions = [...this.#io.of('/').sockets.values()]
    await Promise.all(
      sessions.flatMap(session =>
        [...session.data.knocks]
          .filter(roomId => roomIds?.includes(roomId) ?? true)
          .map(roomId => this.#askInAgain(session, roomId)),
      ),
    )
  }

  /** Who waits goes on waiting at the SFU that has the call now, also when that is not to be reached at once. */
  async #askInAgain(session: Session, roomId: string): Promise<void> {
    while (session.connected && session.data.knocks.has(roomId)) {
      try {
        await this.#askIn(session, roomId)
        return
      } catch (error) {
        if (!(error instanceof TrunklineError && error.code === 'unavailable')) {
          await this.#forgetKnock(session, roomId)
          this.#logger.warn({ err: error, roomId }, 'a knock was lost with the SFU')
          return
        }
      }
      await sleep(LOOK_MS)
    }
  }

  #tellParticipant<N extends 'call:muted' | 'call:closed'>(name: N, notice: SfuNoticeData<N>): void {
    const to = this.#io.local.to(audience.participant(notice.participantId))
    to.emit(name, ...([notice] as never))
  }

  /** This participant is no socket's any more. */
  async #takeOut(participantId: string): Promise<void> {
    const heard = audience.participant(participantId)
    const { adapter, sockets } = this.#io.of('/')
    for (const id of [...(adapter.rooms.get(heard) ?? [])]) {
      sockets.get(id)?.data.participants.delete(participantId)
    }
    await this.#io.local.in(heard).socketsLeave(heard)
  }

  async #unknock(session: Session, roomId: string, atOnce: boolean): Promise<void> {
    const { userId } = session.data
    await this.#calls.sfu.request('call:unknock', { roomId, userId, holder: session.id, atOnce })
  }

  async #forgetKnock(session: Session, roomId: string): Promise<void> {
    session.data.knocks.delete(roomId)
    await session.leave(audience.knock(roomId, session.data.userId))
  }

  /** The node that wrote it tells the SFU; who comes is asked by the room as it is then. */
  async #onEvent(event: RoomEvent): Promise<void> {
    if (event.type !== 'room.updated' || event.data.changes.lobby === undefined) return
    const { roomId, data } = event
    const { lobby } = data.changes
    await this.#calls.sfu.request('call:lobby', { roomId, lobby: lobby as boolean, asOf: event.seq })
  }

  /** A host who is none any more loses the power at once, and who became one has it. */
  async #onMember(roomId: string, userId: string): Promise<void> {
    for (const session of sessionsOf(this.#io, userId)) {
      for (const [participantId, room] of session.data.participants) {
        if (room === roomId) await this.restate(session, roomId, participantId)
      }
    }
  }

  /** Tells the SFU what a participant of this socket is to the room now. */
  async restate(session: Session, roomId: string, participantId: string): Promise<void> {
    const deadline = Date.now() + ON_THE_WAY_MS
    while (session.data.participants.get(participantId) === roomId) {
      const room = await this.#rooms.get(roomId)
      const role = await this.#rooms.roleOf(roomId, session.data.userId)
      if (role === undefined) return
      const asOf = room.lastSeq
      const standing = callStanding(session.data.principal, room, role)
      try {
        await this.#calls.sfu.request('call:standing', { roomId, targetId: participantId, standing, asOf })
        return
      } catch (error) {
        const isOnTheWay = error instanceof TrunklineError && error.code === 'not_found'
        if (!isOnTheWay || Date.now() > deadline) throw error
        await sleep(LOOK_MS)
      }
    }
  }

  #guard(work: Promise<void>): void {
    work.catch(error => {
      if (error instanceof TrunklineError && error.code === 'unavailable') return
      this.#logger.error({ err: error }, 'what was to follow a change in a call did not')
    })
  }
}
