import { createHash } from 'node:crypto'
import { TrunklineError } from '@trunkline/protocol'
import { and, eq, isNull } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { deletedUsers } from '../schema.ts'

/** How long a user that was looked up is believed without asking the database. */
const CACHE_MS = 1_000
const CACHE_ENTRIES = 10_000

type Deletion = { deletedAt: Date | null }

const hashOf = (userId: string): Buffer => createHash('sha256').update(userId).digest()

/**
 * Who was deleted, known by a hash of the id only. Tokens from before are refused. One that an app issues later begins a
 * new user of the same id, who has nothing of the old one.
 */
export class DeletedUsers {
  readonly #database: Database
  readonly #known = new Map<string, { deletion: Deletion | undefined; until: number }>()

  constructor(database: Database) {
    this.#database = database
  }

  /** From now on no token of this user is taken, until the deletion is complete or given up. */
  async begin(userId: string): Promise<void> {
    await this.#database
      .insert(deletedUsers)
      .values({ hash: hashOf(userId), deletedAt: null })
      .onConflictDoUpdate({ target: deletedUsers.hash, set: { deletedAt: null } })
    this.#known.clear()
  }

  async complete(executor: Executor, userId: string): Promise<void> {
    await executor
      .update(deletedUsers)
      .set({ deletedAt: new Date() })
      .where(eq(deletedUsers.hash, hashOf(userId)))
  }

  /** The user stays, with what is left of it. */
  async giveUp(userId: string): Promise<void> {
    await this.#database
      .delete(deletedUsers)
      .where(and(eq(deletedUsers.hash, hashOf(userId)), isNull(deletedUsers.deletedAt)))
    this.#known.clear()
  }

  /**
   * @param issuedAt seconds, of the token presented
   * @returns whether there was another user of this id before
   * @throws TrunklineError `token_expired`
   */
  async assertAdmits(userId: string, issuedAt: number | undefined): Promise<boolean> {
    const deletion = await this.#find(userId)
    if (!deletion) return false
    if (deletion.deletedAt === null) {
      throw new TrunklineError('token_expired', 'This user is being deleted.')
    }
    if (issuedAt === undefined || issuedAt * 1000 < deletion.deletedAt.getTime()) {
      throw new TrunklineError(
        'token_expired',
        'The user of this token was deleted. A token with an "iat" after that begins a new user.',
      )
    }
    return true
  }

  /** Whether a deletion of this user is under way. */
  async isLeaving(userId: string): Promise<boolean> {
    return (await this.#find(userId))?.deletedAt === null
  }

  async #find(userId: string): Promise<Deletion | undefined> {
    const known = this.#known.get(userId)
    if (known && known.until > Date.now()) return known.deletion
    const [deletion] = await this.#database
      .select({ deletedAt: deletedUsers.deletedAt })
      .from(deletedUsers)
      .where(eq(deletedUsers.hash, hashOf(userId)))
    if (this.#known.size >= CACHE_ENTRIES) this.#known.clear()
    this.#known.set(userId, { deletion, until: Date.now() + CACHE_MS })
    return deletion
  }
}
