import { KeyedMutex, type Logger } from '@trunkline/kit'
import type { FileShelf, RecordingNews, Sfu, SfuNoticeData, SfuNoticeListener } from '@trunkline/protocol'
import { and, eq, inArray, isNull, sql } from 'drizzle-orm'
import { untilHeard } from '../calls/until-heard.ts'
import type { Database } from '../database.ts'
import type { FanOut } from '../fan-out.ts'
import { derivedId } from '../ids.ts'
import type { Entry } from '../log/entry.ts'
import type { EventLog } from '../log/event-log.ts'
import { roomNotFound } from '../rooms/roles.ts'
import { events, recordings } from '../schema.ts'

/**
 * A recording whose SFU says nothing of it any more may still be put away, or its SFU be out of reach for a moment: for so
 * long, in seconds, before a film is made of what there is.
 */
const LOST_SECONDS = 30
const ORDERS_AT_A_TIME = 20
/** What is told of one that its SFU took with it. */
const LOST = 'The media server that recorded the call stopped.'

type LastingNews = Exclude<RecordingNews, { type: 'progress' }>

/**
 * Recordings from their start to the file that comes of them. The SFU keeps what is recorded, media makes a film of it; a row
 * stands for each until its room has been told, so that one is made whichever process dies. Every node hears the same and
 * does the same: the log takes each fact once, and media each order.
 */
export class Recordings {
  readonly #sfu: Sfu | undefined
  readonly #shelf: FileShelf | undefined
  readonly #database: Database
  readonly #log: EventLog
  readonly #fanOut: FanOut
  readonly #logger: Logger
  readonly #stop: (() => void)[] = []
  /** By recording: one that ends at once has begun before. */
  readonly #order = new KeyedMutex()
  #isClosed = false

  constructor(deps: {
    sfu: Sfu | undefined
    shelf: FileShelf | undefined
    database: Database
    log: EventLog
    fanOut: FanOut
    logger: Logger
  }) {
    this.#sfu = deps.sfu
    this.#shelf = deps.shelf
    this.#database = deps.database
    this.#log = deps.log
    this.#fanOut = deps.fanOut
    this.#logger = deps.logger
  }

  /** Begins to listen, and to look after what ended while nobody did. */
  start(): void {
    const sfu = this.#sfu
    if (!sfu) return
    const guard = (work: Promise<void>) => {
      work.catch(error => {
        this.#logger.error({ err: error }, 'what the SFU says of a recording could not be written down')
      })
    }
    const onNotice: SfuNoticeListener = (name, data) => {
      if (name === 'recording:started') {
        const started = data as SfuNoticeData<'recording:started'>
        guard(this.#order.run(started.recordingId, () => this.#started(started)))
      }
      if (name === 'recording:ended') {
        const ended = data as SfuNoticeData<'recording:ended'>
        guard(this.#order.run(ended.recordingId, () => this.#ended(ended)))
      }
      if (name === 'call:ended') guard(this.#lose([(data as SfuNoticeData<'call:ended'>).callId]))
    }
    // One of several SFUs that is gone may still stand among them: nobody would look again.
    const reconcile = () =>
      guard(
        untilHeard(
          () => this.#reconcile(sfu),
          () => this.#isClosed,
        ),
      )
    this.#stop.push(sfu.onNotice(onNotice), sfu.onReconnect(reconcile))
    reconcile()
  }

  close(): void {
    this.#isClosed = true
    for (const stop of this.#stop.splice(0)) stop()
  }

  /**
   * Has films made of recordings that are over.
   * @returns ms until the next is due, if one is known to be
   */
  async orderDue(): Promise<number | undefined> {
    const shelf = this.#shelf
    if (!shelf) return undefined
    const due = await this.#database
      .select()
      .from(recordings)
      .where(and(isNull(recordings.orderedAt), sql`${recordings.endedAt} <= now()`))
      .limit(ORDERS_AT_A_TIME)
    for (const { id, roomId, userId, layout, startedAt, problem } of due) {
      await shelf.compose({
        recordingId: id,
        roomId,
        userId,
        layout,
        startedAt: startedAt.toISOString(),
        ...(problem !== null && { problem }),
      })
      await this.#database.update(recordings).set({ orderedAt: new Date() }).where(eq(recordings.id, id))
    }
    return due.length === ORDERS_AT_A_TIME ? 0 : undefined
  }

  /**
   * What media says of one. Resolves once what is lasting is in the log, however often it is told.
   * @throws TrunklineError `room_not_found` when its room was deleted: another of that name is not to have it
   */
  async tell(news: RecordingNews): Promise<void> {
    const { roomId, recordingId } = news
    if (news.type === 'progress') {
      const { progress } = news
      if (!(await this.#isAwaited(this.#database, news))) throw roomNotFound()
      this.#fanOut.toRoom(roomId).volatile.emit('recording:progress', { roomId, recordingId, progress })
      return
    }
    const entry = entryOf(news)
    await this.#log.transaction(roomId, async ({ executor, append }) => {
      if (await this.#isAwaited(executor, news)) {
        await append(entry)
        await executor.delete(recordings).where(eq(recordings.id, recordingId))
        return
      }
      const told = await executor
        .select({ seq: events.seq })
        .from(events)
        .where(wroteBefore(roomId, '', entry.clientId))
      if (told.length === 0) throw roomNotFound()
    })
  }

  /** Whether its room is still to be told what became of it: its row goes with the room. */
  async #isAwaited(
    executor: Pick<Database, 'select'>,
    { roomId, recordingId }: RecordingNews,
  ): Promise<boolean> {
    const rows = await executor
      .select({ id: recordings.id })
      .from(recordings)
      .where(and(eq(recordings.id, recordingId), eq(recordings.roomId, roomId)))
    return rows.length > 0
  }

  async #started(notice: SfuNoticeData<'recording:started'>): Promise<void> {
    const { roomId, callId, recordingId, userId, layout, startedAt } = notice
    // A room that was deleted meanwhile has nothing left to be recorded.
    await this.#database.execute(sql`
      insert into ${recordings} (id, room_id, call_id, user_id, layout, started_at)
      select ${recordingId}, ${roomId}, ${callId}, ${userId}, ${layout}, ${startedAt}::timestamptz
      where exists (select from rooms where id = ${roomId}) on conflict do nothing`)
    await this.#log.append({
      roomId,
      type: 'recording.started',
      sender: userId,
      clientId: startedId(recordingId),
      data: { recordingId, callId },
    })
  }

  async #ended(notice: SfuNoticeData<'recording:ended'>): Promise<void> {
    const { recordingId, problem = null } = notice
    // Each node tells its own: all of them hear it of the SFU.
    this.#fanOut.toRoomHere(notice.roomId).emit('recording:ended', notice)
    await this.#database
      .update(recordings)
      .set({ endedAt: new Date(), problem })
      .where(and(eq(recordings.id, recordingId), isNull(recordings.orderedAt)))
    // Its room was deleted meanwhile, or its film is there: nobody else would take away what was kept.
    const left = await this.#database
      .select({ id: recordings.id })
      .from(recordings)
      .where(eq(recordings.id, recordingId))
    if (left.length === 0) await this.#shelf?.deleteParts(recordingId)
  }

  /**
   * These calls are over; what was recorded of them may still be on its way.
   * @param problem what rooms are told, if it is the SFU that is gone
   */
  async #lose(callIds: readonly string[], problem?: string): Promise<void> {
    if (callIds.length === 0) return
    const endedAt = new Date(Date.now() + LOST_SECONDS * 1_000)
    const lost = await this.#database
      .update(recordings)
      .set({ endedAt, ...(problem !== undefined && { problem }) })
      .where(and(inArray(recordings.callId, [...callIds]), isNull(recordings.endedAt)))
      .returning({ recordingId: recordings.id, roomId: recordings.roomId })
    if (problem === undefined) return
    // The node that noted it tells everybody.
    for (const { roomId, recordingId } of lost)
      this.#fanOut.toRoom(roomId).emit('recording:ended', { roomId, recordingId, problem })
  }

  /** Compares what is written down with what the SFU records: it was killed meanwhile, or this node was. */
  async #reconcile(sfu: Sfu): Promise<void> {
    const { calls } = await sfu.request('sfu:calls', {})
    const live = new Set(calls.flatMap(call => (call.recording ? [call.recording.id] : [])))
    const written = await this.#database.select().from(recordings).where(isNull(recordings.orderedAt))
    const gone = written.filter(({ id, endedAt }) => endedAt === null && !live.has(id))
    await this.#lose(
      gone.map(({ callId }) => callId),
      LOST,
    )
    const back = written.filter(({ id, endedAt }) => endedAt !== null && live.has(id)).map(({ id }) => id)
    if (back.length > 0)
      await this.#database
        .update(recordings)
        .set({ endedAt: null, problem: null })
        .where(inArray(recordings.id, back))
  }
}

/** The clientId of the event that says that a recording began. */
export const startedId = (recordingId: string): string => derivedId('recording', 'started', recordingId)

/**
 * Events that somebody wrote under a clientId.
 * @param sender empty for those of the server
 */
export const wroteBefore = (roomId: string, sender: string, clientId: string) =>
  and(
    eq(events.roomId, roomId),
    // As events_by_client_id has it.
    eq(sql`coalesce(${events.sender}, '')`, sender),
    eq(events.clientId, clientId),
  )

/** The same clientId each time: what was told before is found. */
const entryOf = (news: LastingNews): Entry & { clientId: string } => {
  const { roomId, recordingId } = news
  const clientId = derivedId('recording', 'over', recordingId)
  if (news.type === 'failed')
    return { roomId, type: 'recording.failed', clientId, data: { recordingId, reason: news.reason } }
  const { fileId, durationMs, problem } = news
  const data = { recordingId, fileId, durationMs, ...(problem !== undefined && { problem }) }
  return { roomId, type: 'recording.ready', clientId, data }
}
