import { KeyedMutex, type Logger } from '@trunkline/kit'
import type { RoomEvent } from '@trunkline/protocol'
import { eq, isNull, or, type SQL, sql } from 'drizzle-orm'
import type { ClusterBus } from '../cluster/cluster-bus.ts'
import type { Database } from '../database.ts'
import type { EventLog } from '../log/event-log.ts'
import { rings } from '../schema.ts'
import { audience, type TrunklineServer } from '../session.ts'
import type { RingReader } from './ring-reader.ts'

/**
 * Tells everybody whom a ring concerns how it stands, on all their devices and nodes, after each of its events. What
 * nodes could not tell each other while Redis was away is told again once it is back.
 */
export class RingAnnouncer {
  readonly #database: Database
  readonly #io: TrunklineServer
  readonly #reader: RingReader
  readonly #logger: Logger
  /** By ring: what was read first is told first. */
  readonly #order = new KeyedMutex()

  constructor(deps: {
    database: Database
    log: EventLog
    io: TrunklineServer
    reader: RingReader
    bus: ClusterBus | undefined
    logger: Logger
  }) {
    this.#database = deps.database
    this.#io = deps.io
    this.#reader = deps.reader
    this.#logger = deps.logger
    deps.log.onAppend(event => {
      const ringId = ringOf(event)
      if (ringId !== undefined) this.tell(ringId)
    })
    deps.bus?.onMessage(message => {
      if (message.kind !== 'back' || message.since === undefined) return
      // Each node tells its own sockets.
      const isSince = or(isNull(rings.endedAt), sql`${rings.tx} >= ${message.since}::xid8`)
      this.#tell(deps.io.local, isSince).catch(this.#failed)
    })
  }

  tell(ringId: string): void {
    this.#order.run(ringId, () => this.#tell(this.#io, eq(rings.id, ringId))).catch(this.#failed)
  }

  readonly #failed = (error: unknown) => {
    this.#logger.warn({ err: error }, 'a ring could not be told of')
  }

  async #tell(nodes: Pick<TrunklineServer, 'to'>, where: SQL | undefined): Promise<void> {
    for (const { ring, hearers, gone } of await this.#reader.read(this.#database, where)) {
      for (const userId of hearers) {
        const isOver = gone.has(userId) && ring.endedAt === undefined
        nodes.to(audience.user(userId)).emit('ring:changed', {
          ring: isOver ? { ...ring, endedAt: new Date().toISOString() } : ring,
        })
      }
    }
  }
}

const ringOf = (event: RoomEvent): string | undefined =>
  event.type.startsWith('ring.') ? (event.data as { ringId: string }).ringId : undefined
