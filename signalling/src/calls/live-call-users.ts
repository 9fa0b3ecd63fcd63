import { KeyedMutex } from '@trunkline/kit'
import { type Call, LIMITS } from '@trunkline/protocol'
import { eq, sql } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { calls, liveCallUsers } from '../schema.ts'

/**
 * Everybody who has been in a call that goes on, written down as they come. The SFU says it when a call ends; one that
 * dies says nothing, and its signalling may have died with it.
 */
export class LiveCallUsers {
  readonly #database: Database
  /** By call: whom this node has written already. */
  readonly #written = new Map<string, Set<string>>()
  /** A call that ends has been learnt before. */
  readonly #working = new KeyedMutex()

  constructor(database: Database) {
    this.#database = database
  }

  learn({ id: callId, roomId, participants }: Call): Promise<void> {
    return this.#working.run(callId, async () => {
      const written = this.#written.get(callId) ?? new Set<string>()
      const userIds = [...new Set(participants.map(({ userId }) => userId))].filter(id => !written.has(id))
      if (userIds.length === 0) return
      // Every node writes what it hears; a room that was deleted meanwhile has nothing left to be in.
      await this.#database.execute(sql`
        insert into ${liveCallUsers} (room_id, call_id, user_id)
        select ${roomId}, ${callId}, user_id from unnest(${sql.param(userIds)}::text[]) as was_in (user_id)
        where exists (select from rooms where id = ${roomId}) on conflict do nothing`)
      this.#written.set(callId, new Set([...written, ...userIds]))
    })
  }

  /** Whom the log names, at most. */
  async of(callId: string): Promise<string[]> {
    const rows = await this.#database
      .select({ userId: liveCallUsers.userId })
      .from(liveCallUsers)
      .where(eq(liveCallUsers.callId, callId))
      .orderBy(liveCallUsers.userId)
      .limit(LIMITS.usersPerRequest)
    return rows.map(({ userId }) => userId)
  }

  /** It is over, and in the log. */
  forget(callId: string): Promise<void> {
    return this.#working.run(callId, async () => {
      this.#written.delete(callId)
      await this.#database.delete(liveCallUsers).where(eq(liveCallUsers.callId, callId))
    })
  }

  /** What another node may have written a moment too late. */
  async forgetEnded(): Promise<void> {
    await this.#database
      .delete(liveCallUsers)
      .where(sql`${liveCallUsers.callId} in (select id from ${calls} where ended_at is not null)`)
  }
}
