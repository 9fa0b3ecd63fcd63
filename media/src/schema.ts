import { sql } from 'drizzle-orm'
import { bigint, boolean, index, integer, pgTable, text, timestamp, uniqueIndex } from 'drizzle-orm/pg-core'

/**
 * Files of rooms. A row is written before its objects (`storing`) and taken away after them (`deleting`), so that at
 * no moment an object exists that no row knows of.
 */
export const files = pgTable(
  'files',
  {
    id: text().primaryKey(),
    roomId: text('room_id').notNull(),
    uploader: text().notNull(),
    name: text().notNull(),
    mime: text().notNull(),
    /** bytes */
    size: bigint({ mode: 'number' }).notNull(),
    /** hex; also the ETag of downloads */
    sha256: text().notNull(),
    width: integer(),
    height: integer(),
    thumbnail: boolean().notNull(),
    state: text({ enum: ['storing', 'ready', 'deleting'] }).notNull(),
    /** `Idempotency-Key` of the upload; set once the file is ready. */
    requestKey: text('request_key'),
    createdAt: timestamp('created_at', { withTimezone: true, precision: 3 }).notNull().defaultNow(),
  },
  table => [
    index('files_room').on(table.roomId, table.createdAt),
    index('files_unfinished').on(table.createdAt).where(sql`${table.state} <> 'ready'`),
    uniqueIndex('files_request_key').on(table.uploader, table.requestKey),
  ],
)
