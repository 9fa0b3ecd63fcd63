import type { Json } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  index,
  json,
  pgTable,
  primaryKey,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })
const position = (name: string) => bigint(name, { mode: 'number' }).notNull().default(0)

export const users = pgTable('users', {
  id: text('id').primaryKey(),
  name: text('name').notNull(),
  kind: text('kind', { enum: ['user', 'guest', 'bot'] }).notNull(),
  createdAt: time('created_at').notNull().defaultNow(),
})

export const apiKeys = pgTable('api_keys', {
  id: text('id').primaryKey(),
  /** SHA-256 of the key: how a presented key is found. */
  hash: bytes('hash').notNull().unique(),
  /** The key itself, encrypted with the installation's secret: needed to check JWTs that were signed with it. */
  sealed: bytes('sealed').notNull(),
  createdAt: time('created_at').notNull().defaultNow(),
})

export const rooms = pgTable('rooms', {
  id: text('id').primaryKey(),
  kind: text('kind', { enum: ['direct', 'group', 'channel'] }).notNull(),
  title: text('title').notNull(),
  metadata: json('metadata').$type<Record<string, Json>>().notNull(),
  guests: boolean('guests').notNull().default(false),
  /** Set for rooms of which there is one per set of members. */
  distinctKey: text('distinct_key').unique(),
  /** The `Idempotency-Key` it was created with, told apart by caller: how a retry finds it. */
  requestKey: text('request_key').unique(),
  /** SHA-256 of what was asked for under that key; title and members may have changed since. */
  requestHash: bytes('request_hash'),
  /** Number of the latest event. Locking this row is what makes the log gapless. */
  lastSeq: position('last_seq'),
  createdBy: text('created_by'),
  createdAt: time('created_at').notNull().defaultNow(),
})

export const members = pgTable(
  'members',
  {
    roomId: text('room_id')
      .notNull()
      .references(() => rooms.id, { onDelete: 'cascade' }),
    userId: text('user_id')
      .notNull()
      .references(() => users.id),
    role: text('role', {
      enum: ['owner', 'moderator', 'publisher', 'member', 'pending', 'banned'],
    }).notNull(),
    deliveredSeq: position('delivered_seq'),
    readSeq: position('read_seq'),
    joinedAt: time('joined_at').notNull().defaultNow(),
  },
  table => [primaryKey({ columns: [table.roomId, table.userId] }), index('members_by_user').on(table.userId)],
)

export const events = pgTable(
  'events',
  {
    roomId: text('room_id')
      .notNull()
      .references(() => rooms.id, { onDelete: 'cascade' }),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    type: text('type').notNull(),
    sender: text('sender'),
    clientId: text('client_id'),
    // As text: jsonb writes numbers out, and 1e308 would be read back as 309 digits, fifty times what was sent.
    data: json('data').$type<Record<string, unknown>>().notNull(),
    at: time('at').notNull().defaultNow(),
  },
  table => [
    // Reads of the last page follow this key; an index on an id of its own was forty times slower.
    primaryKey({ columns: [table.roomId, table.seq] }),
    // One event per clientId and sender, so that a retry finds the first attempt. Server events have no sender.
    uniqueIndex('events_by_client_id')
      .on(table.roomId, sql`coalesce(${table.sender}, '')`, table.clientId)
      .where(sql`${table.clientId} is not null`),
    index('events_messages').on(table.roomId, table.seq).where(sql`${table.type} = 'message.created'`),
  ],
)

/** Projection of `call.started` and `call.ended`: which calls the log says are live. */
export const calls = pgTable(
  'calls',
  {
    id: text('id').primaryKey(),
    roomId: text('room_id')
      .notNull()
      .references(() => rooms.id, { onDelete: 'cascade' }),
    startedAt: time('started_at').notNull(),
    endedAt: time('ended_at'),
  },
  table => [index('calls_live').on(table.roomId).where(sql`${table.endedAt} is null`)],
)
