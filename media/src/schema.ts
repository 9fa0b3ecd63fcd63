import type { Derivative, FileDetails } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  check,
  index,
  integer,
  jsonb,
  pgTable,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'

/** The uploads it was put together of, in their order; null when it was not. */
const parts = () => text().array()
const createdAt = timestamp('created_at', { withTimezone: true, precision: 3 }).notNull().defaultNow()
/** bytes */
const size = () => bigint({ mode: 'number' })

/**
 * Bytes of a room, and what was made of them. The same bytes sent twice to a room are one content with two files; those of
 * another room are another. A row is written before its objects and taken away after them, so that at no moment an object
 * exists that no row knows of.
 */
export const contents = pgTable(
  'file_contents',
  {
    id: text().primaryKey(),
    roomId: text('room_id').notNull(),
    /** hex; also the ETag of downloads */
    sha256: text().notNull(),
    size: size().notNull(),
    mime: text().notNull(),
    /** `arriving`: its object is being put in place. */
    state: text({
      enum: ['arriving', 'processing', 'ready', 'failed', 'quarantined', 'deleting'],
    }).notNull(),
    /** Why it failed or was quarantined, for people. */
    reason: text(),
    details: jsonb().$type<FileDetails>().notNull().default({}),
    derivatives: jsonb().$type<Derivative[]>().notNull().default([]),
    /** Times that processing it began: one that takes the process down with it is not tried for ever. */
    attempts: integer().notNull().default(0),
    createdAt,
  },
  table => [
    uniqueIndex('file_contents_bytes')
      .on(table.roomId, table.sha256)
      .where(sql`${table.state} <> 'deleting'`),
    index('file_contents_unfinished')
      .on(table.createdAt)
      .where(sql`${table.state} in ('arriving', 'processing', 'deleting')`),
  ],
)

/** Files of rooms: who sent which bytes under which name. */
export const files = pgTable(
  'files',
  {
    /** Also the id of its upload. */
    id: text().primaryKey(),
    roomId: text('room_id').notNull(),
    uploader: text().notNull(),
    name: text().notNull(),
    size: size().notNull(),
    /** By its first bytes, until its content is known. */
    mime: text().notNull(),
    /** Null while it is checked: its bytes are an upload until then. */
    contentId: text('content_id').references(() => contents.id),
    /** `arrived`, or on its way out. */
    state: text({ enum: ['arrived', 'deleting'] })
      .notNull()
      .default('arrived'),
    /** Whether the room was told how it ended. */
    isTold: boolean('is_told').notNull().default(false),
    /** `Idempotency-Key` of the request that brought it. */
    requestKey: text('request_key'),
    parts: parts(),
    createdAt,
  },
  table => [
    index('files_room').on(table.roomId, table.createdAt),
    index('files_content').on(table.contentId),
    index('files_uploader').on(table.uploader),
    index('files_unfinished')
      .on(table.createdAt)
      .where(sql`${table.contentId} is null or ${table.state} = 'deleting' or not ${table.isTold}`),
    uniqueIndex('files_request_key').on(table.uploader, table.requestKey),
  ],
)

/** Uploads that are not files yet. How much of one is there its staging says. */
export const uploads = pgTable(
  'uploads',
  {
    /** Of the file it becomes. */
    id: text().primaryKey(),
    /** Room and name are null only in parts: what they become says them. */
    roomId: text('room_id'),
    uploader: text().notNull(),
    name: text(),
    /** Null while the client has not said it. */
    size: size(),
    /** What it counts in the quota of its uploader: its size, or as long as that is unknown the most it may become. */
    reserved: size().notNull(),
    /** A part of one that is put together of several: it never becomes a file itself. */
    isPart: boolean('is_part').notNull().default(false),
    parts: parts(),
    /** From here on bytes may lie in the staging whose checksum nobody has compared yet; null when there are none. */
    uncheckedFrom: bigint('unchecked_from', { mode: 'number' }),
    /** `Idempotency-Key` of the request that created it. */
    requestKey: text('request_key'),
    createdAt,
    /** When it is taken away. */
    expiresAt: timestamp('expires_at', { withTimezone: true, precision: 3 }).notNull(),
  },
  table => [
    index('uploads_uploader').on(table.uploader),
    index('uploads_expiry').on(table.expiresAt),
    uniqueIndex('uploads_request_key').on(table.uploader, table.requestKey),
  ],
)

/** Avatars: pictures that belong to a room or a user, under ids that cannot be guessed. */
export const avatars = pgTable(
  'avatars',
  {
    id: text().primaryKey(),
    /** `room/<id>` or `user/<id>` */
    owner: text().notNull(),
    /** Whether it is the owner's now; else it is on its way in or out. */
    isCurrent: boolean('is_current').notNull().default(false),
    createdAt,
  },
  table => [
    index('avatars_owner').on(table.owner),
    index('avatars_unused').on(table.createdAt).where(sql`not ${table.isCurrent}`),
  ],
)

/** The store that the files of this database are in: one row, made when media starts for the first time. */
export const stores = pgTable(
  'media_store',
  {
    isOnly: boolean('is_only').primaryKey().default(true),
    /** Also what the store says in its object `database`. */
    id: text().notNull(),
    /** Whether the store has been seen to say so: from then on another one is refused. */
    isMarked: boolean('is_marked').notNull().default(false),
  },
  table => [check('media_store_only', sql`${table.isOnly}`)],
)
