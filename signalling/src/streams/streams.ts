import type { Logger } from '@trunkline/kit'
import {
  SERVER_CALL_RANK,
  type Sfu,
  type SfuNoticeData,
  type SfuNoticeListener,
  type StreamNews,
  TrunklineError,
} from '@trunkline/protocol'
import { and, eq } from 'drizzle-orm'
import type { FanOut } from '../fan-out.ts'
import { derivedId } from '../ids.ts'
import type { Entry } from '../log/entry.ts'
import type { EventLog } from '../log/event-log.ts'
import { events } from '../schema.ts'

/** For who ends what nobody watches any more. */
const SERVER = { role: 'host', rank: SERVER_CALL_RANK } as const

/**
 * What a room hears of its streams: that one began from the SFU, how it goes and ended from media. Every node hears the same
 * and does the same; the log takes each fact once.
 */
export class Streams {
  readonly #sfu: Sfu | undefined
  readonly #log: EventLog
  readonly #fanOut: FanOut
  readonly #logger: Logger
  #stop: (() => void) | undefined

  constructor(deps: { sfu: Sfu | undefined; log: EventLog; fanOut: FanOut; logger: Logger }) {
    this.#sfu = deps.sfu
    this.#log = deps.log
    this.#fanOut = deps.fanOut
    this.#logger = deps.logger
  }

  /** Begins to listen. */
  start(): void {
    const onNotice: SfuNoticeListener = (name, data) => {
      if (name !== 'stream:started') return
      this.#started(data as SfuNoticeData<'stream:started'>).catch(error =>
        this.#logger.error({ err: error }, 'that a stream began could not be written down'),
      )
    }
    this.#stop = this.#sfu?.onNotice(onNotice)
  }

  close(): void {
    this.#stop?.()
  }

  /** What media says of one. Resolves once what is lasting is in the log, however often it is told. */
  async tell(news: StreamNews): Promise<void> {
    const { roomId, streamId } = news
    if (news.type === 'state') {
      const { rtmp, reason } = news
      const state = { roomId, streamId, rtmp, ...(reason !== undefined && { reason }) }
      this.#fanOut.toRoom(roomId).emit('stream:changed', state)
      return
    }
    // Before the room reads that it is over: nobody is shown as watched who is not.
    await this.#sfu
      ?.request('stream:stop', { roomId, streamId, by: SERVER })
      .catch(error => this.#logger.debug({ err: error, streamId }, 'the call of a stream is over'))
    await unlessGone(
      this.#log.transaction(roomId, async ({ executor, append }) => {
        const begun = and(eq(events.roomId, roomId), eq(events.clientId, startedId(streamId)))
        const [told] = await executor.select({ seq: events.seq }).from(events).where(begun).limit(1)
        // The room was deleted meanwhile, and another of that name has nothing to do with it.
        if (told) await append(entryOf(news))
      }),
    )
  }

  async #started({ roomId, callId, streamId, userId }: SfuNoticeData<'stream:started'>): Promise<void> {
    const data = { streamId, callId }
    const clientId = startedId(streamId)
    await unlessGone(this.#log.append({ roomId, type: 'stream.started', sender: userId, clientId, data }))
  }
}

/** By which it is found in the log that a stream began. */
export const startedId = (streamId: string): string => derivedId('stream', 'started', streamId)

/** What is of a room that was deleted is told to nobody. */
const unlessGone = async (work: Promise<unknown>): Promise<void> => {
  try {
    await work
  } catch (error) {
    const isGone = error instanceof TrunklineError && error.code === 'room_not_found'
    if (!isGone) throw error
  }
}

/** The same clientId each time: what was told before is found. */
const entryOf = (news: Exclude<StreamNews, { type: 'state' }>): Omit<Entry, 'roomId'> => {
  const { streamId } = news
  const clientId = derivedId('stream', 'over', streamId)
  if (news.type === 'failed')
    return { type: 'stream.failed', clientId, data: { streamId, reason: news.reason } }
  const { durationMs, problem } = news
  const data = { streamId, durationMs, ...(problem !== undefined && { problem }) }
  return { type: 'stream.ended', clientId, data }
}
