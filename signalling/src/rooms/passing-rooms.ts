import type { Logger } from '@trunkline/kit'
import { LIMITS, TrunklineError } from '@trunkline/protocol'
import { type SQL, sql } from 'drizzle-orm'
import type { RoomFiles } from '../data/room-files.ts'
import type { Database } from '../database.ts'
import type { EventLog } from '../log/event-log.ts'
import type { Actor } from './command.ts'
import { RoomSettings } from './room-settings.ts'

/** How often is looked for rooms that nobody has left by themselves (ms). */
const LOOK_MS = 10 * 60_000
/** Deleted in one look, at most. */
const AT_ONCE = 100
/** The server itself: it may. */
const SERVER: Actor = { principal: { type: 'key', keyId: 'trunkline' }, user: undefined }

type Passed = { id: string; last_seq: string }

/**
 * Rooms that a guest has made by coming into them, as a server that runs the demo allows, and that nothing is left of: nothing
 * was written there, no call goes on, and everybody has left, or all tokens of its guests have expired. The page that checks
 * connections makes one each time.
 */
export class PassingRooms {
  readonly #database: Database
  readonly #settings: RoomSettings
  readonly #files: RoomFiles
  readonly #logger: Logger
  #nextLook = 0

  constructor(deps: { database: Database; log: EventLog; files: RoomFiles; logger: Logger }) {
    this.#database = deps.database
    this.#settings = new RoomSettings(deps)
    this.#files = deps.files
    this.#logger = deps.logger
  }

  /** Somebody has left this room. */
  async left(roomId: string): Promise<void> {
    try {
      await this.#deleteThose(sql`rooms.id = ${roomId} and rooms.member_count = 0`)
    } catch (error) {
      // Whoever left has left. It is looked for again.
      this.#logger.warn({ err: error, roomId }, 'a room that everybody has left could not be deleted')
    }
  }

  /** As work that is due: says in how many ms to look again. */
  async deleteDue(): Promise<number | undefined> {
    if (performance.now() < this.#nextLook) return undefined
    this.#nextLook = performance.now() + LOOK_MS
    const isQuiet = sql`not exists (select from calls where room_id = rooms.id and ended_at is null)
      and exists (select from events where room_id = rooms.id and seq = rooms.last_seq
        and at < now() - make_interval(secs => ${LIMITS.guestTokenSeconds}))`
    await this.#deleteThose(isQuiet)
    return undefined
  }

  async #deleteThose(fits: SQL): Promise<void> {
    const { rows } = await this.#database.execute<Passed>(sql`
      select rooms.id, rooms.last_seq from rooms join users on users.id = rooms.created_by
      where users.kind = 'guest' and rooms.last_message_seq is null
        and not exists (select from node_values where room_id = rooms.id) and ${fits}
      limit ${AT_ONCE}`)
    for (const passed of rows) await this.#delete(passed)
  }

  async #delete({ id, last_seq: lastSeq }: Passed): Promise<void> {
    try {
      // Somebody may have come in since.
      const isDue = (room: { lastSeq: number }) => room.lastSeq === Number(lastSeq)
      await this.#files.deleteWith(id, () => this.#settings.remove(SERVER, id, isDue))
    } catch (error) {
      // Another node was faster.
      if (!(error instanceof TrunklineError && error.code === 'room_not_found')) throw error
    }
  }
}
