import { randomUUID } from 'node:crypto'
import { text } from 'node:stream/consumers'
import { ConfigError } from '@trunkline/kit'
import { eq } from 'drizzle-orm'
import type { MediaDatabase } from '../database.ts'
import { stores } from '../schema.ts'
import { ObjectNotFoundError, type ObjectStore } from './store.ts'

/** The object by which a store says of which database its files are. */
export const STORE_MARKER = 'database'

const OTHER_STORE =
  'The files of this database are in another store: give this process the TRUNKLINE_DATA or S3_* of the other media processes (where this store is to take the place of one that is gone, empty the table media_store first).'

const OTHER_DATABASE = `This store holds the files of another database: give this process that DATABASE_URL, or a TRUNKLINE_DATA or S3_BUCKET of its own (where that database is gone for good, remove the object "${STORE_MARKER}" from the store first).`

/** @throws what the store threw, when it cannot say: that is no other store */
const readMarker = async (objects: ObjectStore): Promise<string | undefined> => {
  try {
    return await text(await objects.get(STORE_MARKER))
  } catch (error) {
    if (error instanceof ObjectNotFoundError) return undefined
    throw error
  }
}

/**
 * Makes sure that database and store belong together: two processes with one database and different stores would take away each
 * other's files, for each does what is written there. Those that come together for the first time are noted in both.
 * @throws ConfigError when they do not; whatever the store threw when it does not answer
 */
export const assertOwnStore = async (db: MediaDatabase, objects: ObjectStore): Promise<void> => {
  await db.insert(stores).values({ id: randomUUID() }).onConflictDoNothing()
  await db.transaction(async tx => {
    // Processes that start at the same time look one after the other.
    const [row] = await tx.select().from(stores).for('update')
    if (!row) throw new Error('the row of the store went while it was looked at')
    const marker = await readMarker(objects)
    if (marker !== undefined && marker !== row.id) throw new ConfigError(OTHER_DATABASE)
    if (marker === undefined && row.isMarked) throw new ConfigError(OTHER_STORE)
    if (marker === undefined) await objects.put(STORE_MARKER, Buffer.from(row.id), { mime: 'text/plain' })
    // Last: a process that dies before this has not decided yet.
    await tx.update(stores).set({ isMarked: true }).where(eq(stores.id, row.id))
  })
}
