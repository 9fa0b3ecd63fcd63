import { type Logger, within } from '@trunkline/kit'
import {
  type Call,
  type RtpCapabilities,
  type Sfu,
  type SfuNoticeData,
  type SfuNoticeListener,
  TrunklineError,
} from '@trunkline/protocol'
import { and, eq, isNull } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { EventLog } from '../log/event-log.ts'
import { calls as callsTable } from '../schema.ts'
import { audience, openRooms, type TrunklineServer } from '../session.ts'
import { CallAttendance } from './call-attendance.ts'
import { Insiders } from './insiders.ts'
import { LiveCallUsers } from './live-call-users.ts'
import { untilHeard } from './until-heard.ts'

/** How long opening a room waits for an SFU (ms): one that is away is not worth more, and tells of itself when back. */
const SOON_MS = 1_000

const late = () => new TrunklineError('unavailable', 'The SFU did not answer in time. Try again.')

type Ended = SfuNoticeData<'call:ended'>

/**
 * Calls as rooms see them. The SFU alone knows who is in a call; here its notices go to sockets and into the log.
 * Every node with a link to the SFU hears the same notices: each tells its own sockets, and the log takes each fact
 * once because its `clientId` is the call's id.
 */
export class Calls {
  readonly #sfu: Sfu | undefined
  readonly #io: TrunklineServer
  readonly #log: EventLog
  readonly #database: Database
  readonly #logger: Logger
  readonly #insiders: Insiders
  readonly #users: LiveCallUsers
  readonly #stop: (() => void)[] = []
  /** Notices that are being written down. */
  readonly #working = new Set<Promise<void>>()
  /** Who is in which call. */
  readonly attendance = new CallAttendance()
  #capabilities: RtpCapabilities | undefined
  #isClosed = false

  constructor(deps: {
    sfu: Sfu | undefined
    io: TrunklineServer
    log: EventLog
    database: Database
    logger: Logger
  }) {
    this.#sfu = deps.sfu
    this.#io = deps.io
    this.#insiders = new Insiders(deps.io)
    this.#log = deps.log
    this.#database = deps.database
    this.#users = new LiveCallUsers(deps.database)
    this.#logger = deps.logger
  }

  /** Begins to listen, and closes in the log what ended while nobody did. */
  async start(): Promise<void> {
    if (!this.#sfu) return
    const guard = (work: Promise<void>) => {
      const done = work
        .catch(error => this.#logger.error({ err: error }, 'a notice of the SFU could not be recorded'))
        .finally(() => this.#working.delete(done))
      this.#working.add(done)
    }
    const isClosed = () => this.#isClosed
    const onNotice: SfuNoticeListener = (name, data) => guard(this.#onNotice(name, data))
    this.#stop.push(
      this.#sfu.onNotice(onNotice),
      this.#sfu.onReconnect(roomIds => {
        guard(untilHeard(() => this.#reclaim(roomIds), isClosed))
        guard(untilHeard(() => this.#reconcile(roomIds), isClosed))
      }),
    )
    try {
      await this.#reconcile()
    } catch (error) {
      // Calls begin when the SFU can be reached; its link has said why it cannot.
      if (!(error instanceof TrunklineError && error.code === 'unavailable')) throw error
    }
  }

  /** Hears no more, and resolves when what was heard is written down; an SFU that does not answer any more is not waited for. */
  async close(): Promise<void> {
    this.#isClosed = true
    for (const stop of this.#stop.splice(0)) stop()
    this.#insiders.close()
    await within(SOON_MS, Promise.all(this.#working), late).catch(() => undefined)
  }

  /** @throws TrunklineError `unavailable` when this installation has no calls */
  get sfu(): Sfu {
    if (!this.#sfu) throw new TrunklineError('unavailable', 'Calls are off on this server; its log says why.')
    return this.#sfu
  }

  /** The room's live call. A missing SFU must not keep anybody from the chat. */
  async find(roomId: string): Promise<Call | null> {
    if (!this.#sfu) return null
    return within(SOON_MS, this.#sfu.request('call:get', { roomId }), late).then(
      ({ call }) => call,
      () => null,
    )
  }

  /** All live calls; none while the SFU cannot be asked. */
  async live(): Promise<Call[]> {
    if (!this.#sfu) return []
    return within(SOON_MS, this.#sfu.request('sfu:calls', {}), late).then(
      ({ calls }) => calls,
      () => [],
    )
  }

  /** What the SFU can route; null without one, and while it cannot be asked. */
  async capabilities(): Promise<RtpCapabilities | null> {
    if (!this.#sfu) return null
    if (!this.#capabilities) {
      const asking = this.#sfu.request('sfu:capabilities', {})
      const answer = await within(SOON_MS, asking, late).catch(() => undefined)
      this.#capabilities = answer?.routerRtpCapabilities
    }
    return this.#capabilities ?? null
  }

  /** This user may not be in the room any more: nor in its call, not even as one who is away. */
  async dismiss(roomId: string, userId: string): Promise<void> {
    await this.#sfu?.request('call:dismiss', { roomId, userId })
  }

  /**
   * Tells an SFU that was out of reach whom this node's sockets speak for: it may have thought that they are away. Those
   * it does not have any more, or that have lost their media, are told, so that they come back.
   */
  async #reclaim(roomIds?: readonly string[]): Promise<void> {
    const concerns = concerned(roomIds)
    const participants = [...this.#io.of('/').sockets.values()].flatMap(session =>
      Array.from(session.data.participants, ([participantId, roomId]) => ({
        participantId,
        roomId,
        connectionId: session.id,
      })).filter(({ roomId }) => concerns(roomId)),
    )
    const { gone } = await this.sfu.request('sfu:mine', {
      participants,
      ...(roomIds && { roomIds: [...roomIds] }),
    })
    for (const { roomId, participantId } of participants) {
      if (!gone.includes(participantId)) continue
      const reason = 'The media server has lost the media of this participant.'
      const notice = { roomId, participantId, reason }
      this.#io.local.to(audience.participant(participantId)).emit('call:lost', notice)
    }
  }

  #onNotice: (...args: Parameters<SfuNoticeListener>) => Promise<void> = async (name, data) => {
    switch (name) {
      case 'call:started':
        return this.#started(data as { roomId: string; callId: string })
      case 'call:ended':
        return this.#ended(data as Ended)
      case 'call:changed': {
        const { roomId, call } = data as SfuNoticeData<'call:changed'>
        this.attendance.learn(call)
        this.#insiders.tellCall(roomId, call)
        return this.#users.learn(call)
      }
      case 'speaker:changed': {
        const { roomId, participantId } = data as SfuNoticeData<'speaker:changed'>
        this.#insiders.tellSpeaker(roomId, participantId)
        return
      }
      case 'consumer:added':
      case 'consumer:closed':
      case 'consumer:held':
      case 'data:added':
      case 'data:closed':
      case 'key:sent':
      case 'producer:limited':
      case 'call:lost': {
        const { participantId } = data as { participantId: string }
        this.#io.local.to(audience.participant(participantId)).emit(name, data as never)
        return
      }
    }
  }

  /** Another node may have recorded the same fact already: the log takes it once. */
  async #started({ roomId, callId }: { roomId: string; callId: string }): Promise<void> {
    await this.#log.append({
      roomId,
      type: 'call.started',
      clientId: `${callId}:started`,
      data: { callId },
    })
  }

  async #ended({ roomId, callId, startedAt, endedAt, userIds }: Ended): Promise<void> {
    this.attendance.forget(roomId)
    this.#insiders.tellCall(roomId, null)
    const durationMs = Math.max(0, Date.parse(endedAt) - Date.parse(startedAt))
    const data = { callId, durationMs, ...(userIds.length > 0 ? { userIds } : {}) }
    await this.#log.transaction(roomId, async ({ executor, append }) => {
      const inRoom = and(eq(callsTable.id, callId), eq(callsTable.roomId, roomId))
      const begun = await executor.select({ id: callsTable.id }).from(callsTable).where(inRoom)
      // The room was deleted with it, and another of that name is not to hear who was in it.
      if (begun.length > 0) await append({ type: 'call.ended', clientId: `${callId}:ended`, data })
    })
    await this.#users.forget(callId)
  }

  /** Tells this node's rooms of their calls: another node may be faster to bring the log up to date. */
  #tellRooms(calls: readonly Call[], roomIds?: readonly string[]): void {
    // Also of rooms nobody has open yet: who opens one later is not to hear more than it may.
    for (const roomId of roomIds ?? new Set([...openRooms(this.#io), ...calls.map(call => call.roomId)])) {
      const call = calls.find(candidate => candidate.roomId === roomId) ?? null
      this.#insiders.tellCall(roomId, call)
    }
  }

  /** Ends in the log the calls that the SFU does not know any more: it was killed with them, or restarted. */
  async #reconcile(roomIds?: readonly string[]): Promise<void> {
    const concerns = concerned(roomIds)
    const { calls } = await this.sfu.request('sfu:calls', {})
    this.#tellRooms(calls, roomIds)
    this.attendance.learnAll(calls)
    const live = new Set(calls.map(call => call.id))
    const open = await this.#database.select().from(callsTable).where(isNull(callsTable.endedAt))
    for (const call of open) {
      if (live.has(call.id) || !concerns(call.roomId)) continue
      const startedAt = call.startedAt.toISOString()
      await this.#ended({
        roomId: call.roomId,
        callId: call.id,
        startedAt,
        endedAt: new Date().toISOString(),
        // Nobody else is left who knows.
        userIds: await this.#users.of(call.id),
      })
    }
    for (const call of calls) {
      if (!concerns(call.roomId)) continue
      await this.#started({ roomId: call.roomId, callId: call.id })
      await this.#users.learn(call)
    }
    await this.#users.forgetEnded()
  }
}

/** Whether a room is one of these; any, when nothing is said. */
const concerned = (roomIds: readonly string[] | undefined): ((roomId: string) => boolean) => {
  const some = roomIds && new Set(roomIds)
  return roomId => some?.has(roomId) ?? true
}
