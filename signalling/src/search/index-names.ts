import { and, eq, isNull } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { users } from '../schema.ts'
import { nameVector } from './vectors.ts'

const USERS_AT_ONCE = 500

/** Reads the words out of names that something else than `Users` wrote: an earlier version, an import. */
export const indexNames = async (database: Database): Promise<void> => {
  for (;;) {
    const rows = await database
      .select({ id: users.id, name: users.name })
      .from(users)
      .where(isNull(users.words))
      .limit(USERS_AT_ONCE)
    for (const { id, name } of rows) {
      await database
        .update(users)
        .set({ words: nameVector(name) })
        .where(and(eq(users.id, id), eq(users.name, name)))
    }
    if (rows.length < USERS_AT_ONCE) return
  }
}
