import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@trunkline/kit'
import { EVENTS, type EventType, RoomId, UserId } from '@trunkline/protocol'
import pg from 'pg'
import { z } from 'zod'

/** PostgreSQL's channel for what changes in `members`, told by the transaction that changes it. */
export const MEMBERS_CHANNEL = 'trunkline_members'

/** How often a line that says nothing is tried, and how long an answer may take, ms. */
const HEARTBEAT_MS = 5_000
const ANSWER_MS = 5_000
const GOODBYE_MS = 1_000
const RETRY_MS = { first: 50, most: 500 }

const Told = z.union([
  z.object({
    roomId: RoomId,
    userId: UserId,
    type: z.enum(Object.keys(EVENTS) as [EventType, ...EventType[]]),
  }),
  /** The room was deleted in this transaction: its members departed by it. */
  z.object({ roomId: RoomId, tx: z.string().regex(/^\d+$/) }),
])
export type MembersNotice = z.infer<typeof Told>

/**
 * What changes about members, on whatever node: heard on a connection of its own (LISTEN), so it needs no Redis. What
 * happened while the connection was away is not told later: whoever listens looks for itself each time it begins.
 * https://www.postgresql.org/docs/18/sql-listen.html
 */
export class MembersChannel {
  readonly #config: pg.ClientConfig
  readonly #logger: Logger
  readonly #onNotice: (notice: MembersNotice) => void
  readonly #onListening: () => void
  readonly #closing = new AbortController()
  #running: Promise<void> | undefined
  #failures = 0

  constructor(deps: {
    config: pg.ClientConfig
    logger: Logger
    onNotice: (notice: MembersNotice) => void
    onListening: () => void
  }) {
    this.#config = deps.config
    this.#logger = deps.logger
    this.#onNotice = deps.onNotice
    this.#onListening = deps.onListening
  }

  start(): void {
    this.#running ??= this.#run()
  }

  async close(): Promise<void> {
    this.#closing.abort()
    await this.#running
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      const reason = await this.#listen()
      if (signal.aborted) return
      // Once per outage: every attempt would be a line in the log.
      if (this.#failures++ === 0) {
        this.#logger.warn({ reason }, 'changes of membership are not heard of; connecting again')
      }
      const wait = Math.min(RETRY_MS.first * 2 ** (this.#failures - 1), RETRY_MS.most)
      await sleep(wait, undefined, { signal }).catch(() => {})
    }
  }

  /** Listens until the connection is lost, and resolves with what was the matter with it. */
  async #listen(): Promise<string> {
    const { signal } = this.#closing
    const client = new pg.Client({
      ...this.#config,
      keepAlive: true,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    })
    const { promise: ended, resolve: end } = Promise.withResolvers<string>()
    const onAbort = () => end('closed')
    const onError = (error: Error) => end(error.message)
    signal.addEventListener('abort', onAbort)
    client.on('error', onError)
    client.once('end', () => end('the connection ended'))
    client.on('notification', ({ payload }) => this.#read(payload ?? ''))
    let heartbeat: NodeJS.Timeout | undefined
    const begin = async () => {
      await client.connect()
      await client.query(`listen ${MEMBERS_CHANNEL}`)
      if (signal.aborted) return
      if (this.#failures > 0) this.#logger.info('changes of membership are heard of again')
      this.#failures = 0
      heartbeat = setInterval(() => void client.query('select 1').catch(onError), HEARTBEAT_MS)
      this.#onListening()
    }
    begin().catch(onError)
    const reason = await ended
    clearInterval(heartbeat)
    signal.removeEventListener('abort', onAbort)
    const goodbye = client.end().catch(() => {})
    // Whoever closes sees it gone, but does not wait long for a database that may not be there.
    if (signal.aborted) await Promise.race([goodbye, sleep(GOODBYE_MS, undefined, { ref: false })])
    return reason
  }

  #read(payload: string): void {
    let json: unknown
    try {
      json = JSON.parse(payload)
    } catch {
      json = undefined
    }
    const notice = Told.safeParse(json)
    if (notice.success) this.#onNotice(notice.data)
    else this.#logger.warn({ payload }, `"${MEMBERS_CHANNEL}" carried what is not of ours`)
  }
}
