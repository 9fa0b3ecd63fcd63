import { and, eq, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { members, rooms } from '../schema.ts'

export type Receipt = { deliveredSeq: number; readSeq: number }

/** How far each member has received and read a room: two numbers that only grow. */
export class Receipts {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Moves a member's numbers forward, never past the end of the log; reading implies having received.
   * @returns the numbers now, or nothing when they did not move
   */
  async advance(
    roomId: string,
    userId: string,
    to: { delivered?: number; read?: number },
  ): Promise<Receipt | undefined> {
    const read = to.read ?? 0
    const delivered = Math.max(to.delivered ?? 0, read)
    const end = sql`(select ${rooms.lastSeq} from ${rooms} where ${rooms.id} = ${roomId})`
    const [row] = await this.#database
      .update(members)
      .set({
        deliveredSeq: sql`greatest(${members.deliveredSeq}, least(${delivered}::bigint, ${end}))`,
        readSeq: sql`greatest(${members.readSeq}, least(${read}::bigint, ${end}))`,
        // Sync tells it to the user's other devices.
        tx: sql`pg_current_xact_id()`,
      })
      .where(
        and(
          eq(members.roomId, roomId),
          eq(members.userId, userId),
          sql`(${members.deliveredSeq} < least(${delivered}::bigint, ${end}) or ${members.readSeq} < least(${read}::bigint, ${end}))`,
        ),
      )
      .returning({ deliveredSeq: members.deliveredSeq, readSeq: members.readSeq })
    return row
  }
}
