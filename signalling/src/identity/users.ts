import type { User, UserKind } from '@trunkline/protocol'
import { inArray, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { users } from '../schema.ts'

const CACHE_ENTRIES = 10_000

/** Users as apps and guests bring them: an id, a name, a kind. */
export class Users {
  readonly #database: Database
  /** Users as last written, so that a token seen a thousand times writes once. */
  readonly #known = new Map<string, User>()

  constructor(database: Database) {
    this.#database = database
  }

  /**
   * Makes sure this user exists, under this name if one is given.
   * @param user.kind what it becomes if it does not exist yet; an existing user keeps its kind
   */
  async ensure(user: { id: string; name?: string | undefined; kind: UserKind }): Promise<User> {
    const known = this.#known.get(user.id)
    if (known && (user.name === undefined || known.name === user.name)) return known
    const [row] = await this.#database
      .insert(users)
      .values({ id: user.id, name: user.name ?? user.id, kind: user.kind })
      .onConflictDoUpdate({
        target: users.id,
        // Without a name given, the update changes nothing but returns the row.
        set: { name: user.name === undefined ? sql`${users.name}` : user.name },
      })
      .returning({ id: users.id, name: users.name, kind: users.kind })
    if (!row) throw new Error('an upsert returned no row')
    if (this.#known.size >= CACHE_ENTRIES) this.#known.clear()
    this.#known.set(row.id, row)
    return row
  }

  /** Creates those of these ids that do not exist yet, named by their id. Sorted, so that two at once cannot deadlock. */
  async ensureIds(executor: Executor, ids: readonly string[]): Promise<void> {
    if (ids.length === 0) return
    const values = [...ids].sort().map(id => ({ id, name: id, kind: 'user' as const }))
    await executor.insert(users).values(values).onConflictDoNothing()
  }

  async find(executor: Executor, ids: readonly string[]): Promise<Map<string, User>> {
    if (ids.length === 0) return new Map()
    const rows = await executor
      .select({ id: users.id, name: users.name, kind: users.kind })
      .from(users)
      .where(inArray(users.id, [...ids]))
    return new Map(rows.map(row => [row.id, row]))
  }
}
