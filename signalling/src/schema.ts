import type {
  Command,
  CustomStatus,
  FileKind,
  Json,
  MessagePart,
  PushType,
  QuietHours,
  TemplateType,
} from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import {
  bigint,
  bigserial,
  boolean,
  customType,
  index,
  integer,
  json,
  pgTable,
  primaryKey,
  smallint,
  text,
  timestamp,
  uniqueIndex,
} from 'drizzle-orm/pg-core'

const bytes = customType<{ data: Buffer }>({ dataType: () => 'bytea' })
const time = (name: string) => timestamp(name, { withTimezone: true, precision: 3 })
/**
 * The transaction that wrote a row last (PostgreSQL's own number, 64 bits). Numbers are given when transactions begin
 * to write and rows become visible when they commit, so a cursor is not "the highest seen" but the horizon of a
 * snapshot: below it everything has happened. https://www.postgresql.org/docs/18/functions-info.html#FUNCTIONS-INFO-SNAPSHOT
 */
const xid8 = customType<{ data: string }>({ dataType: () => 'xid8' })
const tx = (name: string) => xid8(name).notNull().default(sql`pg_current_xact_id()`)
const tsvector = customType<{ data: string }>({ dataType: () => 'tsvector' })
const position = (name: string) => bigint(name, { mode: 'number' }).notNull().default(0)

export const users = pgTable(
  'users',
  {
    id: text('id').primaryKey(),
    name: text('name').notNull(),
    /** When it was last changed by request: a token made before that no longer brings its name. */
    namedAt: time('named_at'),
    /** The name's words, for search; null until they were read out of it. */
    words: tsvector('words'),
    kind: text('kind', { enum: ['user', 'guest', 'bot'] }).notNull(),
    createdAt: time('created_at').notNull().defaultNow(),
    /** Do not disturb, on all devices. */
    dnd: boolean('dnd').notNull().default(false),
    customStatus: json('custom_status').$type<CustomStatus>(),
    /** Is not to be seen as present. */
    hidden: boolean('hidden').notNull().default(false),
    /** Is rung also while in another call. */
    callWaiting: boolean('call_waiting').notNull().default(false),
    /** Path of its picture on this server. */
    avatar: text('avatar'),
    lastSeenAt: time('last_seen_at'),
  },
  table => [index('users_without_words').on(table.id).where(sql`${table.words} is null`)],
)

/** Who does not want to hear of whom. */
export const blocks = pgTable(
  'blocks',
  {
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    blockedId: text('blocked_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    at: time('at').notNull().defaultNow(),
  },
  table => [
    primaryKey({ columns: [table.userId, table.blockedId] }),
    index('blocks_by_blocked').on(table.blockedId),
  ],
)

export const apiKeys = pgTable('api_keys', {
  id: text('id').primaryKey(),
  /** SHA-256 of the key: how a presented key is found. */
  hash: bytes('hash').notNull().unique(),
  /** The key itself, encrypted with the installation's secret: needed to check JWTs that were signed with it. */
  sealed: bytes('sealed').notNull(),
  createdAt: time('created_at').notNull().defaultNow(),
})

export const rooms = pgTable(
  'rooms',
  {
    id: text('id').primaryKey(),
    /** A short name of the room inside the database: words in the search index begin with it. */
    number: bigserial('number', { mode: 'number' }).notNull().unique(),
    kind: text('kind', { enum: ['direct', 'group', 'channel'] }).notNull(),
    title: text('title').notNull(),
    description: text('description').notNull().default(''),
    avatar: text('avatar'),
    access: text('access', { enum: ['open', 'request', 'invite'] })
      .notNull()
      .default('invite'),
    defaultRole: text('default_role', { enum: ['publisher', 'member'] })
      .notNull()
      .default('publisher'),
    lobby: boolean('lobby').notNull().default(false),
    defaultCallRole: text('default_call_role', { enum: ['speaker', 'listener'] })
      .notNull()
      .default('speaker'),
    /** The room this one is a breakout of. */
    parentId: text('parent_id'),
    retentionDays: integer('retention_days'),
    archivedAt: time('archived_at'),
    memberCount: integer('member_count').notNull().default(0),
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
    /** The first event retention has left. */
    firstSeq: bigint('first_seq', { mode: 'number' }).notNull().default(1),
    /** The latest message that is not deleted, and when it was said. */
    lastMessageSeq: bigint('last_message_seq', { mode: 'number' }),
    lastMessageAt: time('last_message_at'),
    /** The latest beginning or end of a call or a ring. */
    lastCallSeq: bigint('last_call_seq', { mode: 'number' }),
    lastCallAt: time('last_call_at'),
    /** Of the latest event. */
    tx: tx('tx'),
    createdBy: text('created_by'),
    createdAt: time('created_at').notNull().defaultNow(),
  },
  table => [
    // Channels that can be followed, the most followed first.
    index('rooms_to_follow')
      .on(table.memberCount.desc().nullsFirst(), table.id)
      .where(sql`${table.kind} = 'channel' and ${table.access} <> 'invite' and ${table.archivedAt} is null`),
  ],
)

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
    /** Of `pending`: whether the user asked or was asked; `offered` is the role an invitation holds out. */
    pending: text('pending', { enum: ['requested', 'invited'] }),
    offered: text('offered', { enum: ['owner', 'moderator', 'publisher', 'member'] }),
    /** Of `banned`. */
    banReason: text('ban_reason'),
    banUntil: time('ban_until'),
    bannedBy: text('banned_by'),
    /** Role and numbers changed last in this transaction. */
    tx: tx('tx'),
  },
  table => [
    primaryKey({ columns: [table.roomId, table.userId] }),
    index('members_by_user').on(table.userId),
    // Lists of members, the longest there first: of a channel with 100,000 the first page is read, not all sorted.
    index('members_by_joining').on(table.roomId, table.joinedAt, table.userId),
  ],
)

export const events = pgTable(
  'events',
  {
    // No reference: only the log writes here, with the room's row locked, and looking it up again for every event and
    // every message was a third of what writing them costs. Whoever deletes a room deletes its log and messages.
    roomId: text('room_id').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    type: text('type').notNull(),
    sender: text('sender'),
    clientId: text('client_id'),
    // As text: jsonb writes numbers out, and 1e308 would be read back as 309 digits, fifty times what was sent.
    data: json('data').$type<Record<string, unknown>>().notNull(),
    at: time('at').notNull().defaultNow(),
    tx: tx('tx'),
  },
  table => [
    // Reads of the last page follow this key; an index on an id of its own was forty times slower.
    primaryKey({ columns: [table.roomId, table.seq] }),
    // One event per clientId and sender, so that a retry finds the first attempt. Server events have no sender.
    uniqueIndex('events_by_client_id')
      .on(table.roomId, sql`coalesce(${table.sender}, '')`, table.clientId)
      .where(sql`${table.clientId} is not null`),
    index('events_nodes')
      .on(table.roomId, sql`(${table.data} ->> 'node')`, table.seq)
      .where(sql`${table.type} = 'node.published'`),
    // What a message said before, and by which event it was deleted.
    index('events_changes')
      .on(table.roomId, sql`((${table.data} ->> 'messageSeq')::bigint)`)
      .where(sql`${table.type} in ('message.edited', 'message.deleted')`),
    // All rooms' events in the order in which they were written, for who reads the whole log (log/event-stream.ts). Of
    // ranges of pages, so that writing an event writes no entry of it; there is no such index for xid8 itself.
    index('events_by_tx')
      .using('brin', sql`((${table.tx}::text)::bigint)`, table.at)
      .with({ pages_per_range: 16, autosummarize: true }),
  ],
)

/** Ends of rooms that are gone with their logs, for who follows the whole log (log/told-events.ts). Kept for LIMITS.deletedRoomsKeptMs. */
export const deletedRooms = pgTable(
  'deleted_rooms',
  {
    /** What the room was called inside the database: another of its id has another. */
    number: bigint('number', { mode: 'number' }).primaryKey(),
    roomId: text('room_id').notNull(),
    /** After its last event. */
    seq: bigint('seq', { mode: 'number' }).notNull(),
    sender: text('sender'),
    at: time('at').notNull(),
    tx: tx('tx'),
    kind: text('kind', { enum: ['direct', 'group', 'channel'] }).notNull(),
    title: text('title').notNull(),
    metadata: json('metadata').$type<Record<string, Json>>().notNull(),
  },
  table => [
    index('deleted_rooms_by_id').on(table.roomId, table.number.desc()),
    index('deleted_rooms_by_tx').on(sql`((${table.tx}::text)::bigint)`),
  ],
)

/**
 * Rooms users were in and are not any more: what sync tells who was away meanwhile, what an export of one's own data looks
 * through, and whose older tokens let nobody back in. One row of a user and a room however often they part, gone with the
 * user; so they are kept, and a sync cursor of any age is good. No reference: the room may be gone.
 */
export const departures = pgTable(
  'departures',
  {
    userId: text('user_id').notNull(),
    roomId: text('room_id').notNull(),
    tx: tx('tx'),
    /** When the user was sent away or banned: tokens from before that grant the room no more. */
    barredAt: time('barred_at'),
  },
  table => [primaryKey({ columns: [table.userId, table.roomId] })],
)

/**
 * Whose TURN credentials were taken back. TURN services remember it only while they run, so it is told again to one that
 * was out of reach.
 */
export const relayRevocations = pgTable('relay_revocations', {
  userId: text('user_id').primaryKey(),
  /** Credentials that expire then or before are refused: Unix seconds. Of no use once that is past. */
  expiry: bigint('expiry', { mode: 'number' }).notNull(),
})

const inRoom = () =>
  text('room_id')
    .notNull()
    .references(() => rooms.id, { onDelete: 'cascade' })
const seq = (name: string) => bigint(name, { mode: 'number' })

/** Projection of messages: what became of each. What it said first stands in its event. */
export const messages = pgTable(
  'messages',
  {
    /** Without a reference, as in `events`. */
    roomId: text('room_id').notNull(),
    /** Of `message.created`. */
    seq: seq('seq').notNull(),
    sender: text('sender').notNull(),
    at: time('at').notNull(),
    threadOf: seq('thread_of'),
    /** Counts as unread: neither silent nor deleted. */
    counts: boolean('counts').notNull(),
    /** The event that says what it says now: its own, or the latest edit. */
    contentSeq: seq('content_seq').notNull(),
    editedAt: time('edited_at'),
    deletedAt: time('deleted_at'),
    pinnedAt: time('pinned_at'),
    expiresAt: time('expires_at'),
    /** Answers in its thread that are not deleted, and the latest of them. */
    threadCount: integer('thread_count').notNull().default(0),
    threadLastSeq: seq('thread_last_seq'),
  },
  table => [
    primaryKey({ columns: [table.roomId, table.seq] }),
    index('messages_counted').on(table.roomId, table.seq, table.sender).where(sql`${table.counts}`),
    index('messages_in_thread')
      .on(table.roomId, table.threadOf, table.seq)
      .where(sql`${table.threadOf} is not null`),
    index('messages_pinned').on(table.roomId, table.pinnedAt).where(sql`${table.pinnedAt} is not null`),
    index('messages_expiring')
      .on(table.expiresAt)
      .where(sql`${table.expiresAt} is not null and ${table.deletedAt} is null`),
    index('messages_by_sender').on(table.sender),
  ],
)

/**
 * The words of messages (part 0) and of the names of their files (part 1 for the first part that is one, and so on),
 * written by signalling/src/search. Each word begins with the stretch of a room's log it stands in, so that a search
 * reads nothing of rooms that are not the searcher's. No reference, as in `events`: whoever removes messages holds the
 * room's row of `room_search` while removing their words, so that none are written after.
 */
export const messageSearch = pgTable(
  'message_search',
  {
    roomId: text('room_id').notNull(),
    /** Of the message. */
    seq: seq('seq').notNull(),
    part: smallint('part').notNull(),
    /** The event whose words these are: the message's own, or an edit. */
    contentSeq: seq('content_seq').notNull(),
    at: time('at').notNull(),
    vector: tsvector('vector').notNull(),
  },
  table => [
    primaryKey({ columns: [table.roomId, table.seq, table.part] }),
    // Without the list of pending entries, which every search would read through, whoever's they are.
    index('message_search_words').using('gin', table.vector).with({ fastupdate: false }),
  ],
)

/** The words of a room's title and description, and how far its log is in the search index. */
export const roomSearch = pgTable(
  'room_search',
  {
    roomId: text('room_id')
      .primaryKey()
      .references(() => rooms.id, { onDelete: 'cascade' }),
    indexedSeq: position('indexed_seq'),
    vector: tsvector('vector').notNull(),
    /** A channel that anybody may find. */
    listed: boolean('listed').notNull(),
  },
  table => [
    index('room_search_listed')
      .using('gin', table.vector)
      .with({ fastupdate: false })
      .where(sql`${table.listed}`),
  ],
)

/** Projection: whom messages speak to now. */
export const mentions = pgTable(
  'mentions',
  {
    roomId: inRoom(),
    userId: text('user_id').notNull(),
    /** Of the message. */
    seq: seq('seq').notNull(),
  },
  table => [primaryKey({ columns: [table.roomId, table.userId, table.seq] })],
)

/** Projection: reactions there are now. */
export const reactions = pgTable(
  'reactions',
  {
    roomId: inRoom(),
    /** Of the message. */
    seq: seq('seq').notNull(),
    userId: text('user_id').notNull(),
    reaction: text('reaction').notNull(),
    /** Of `reaction.added`: who was first. */
    addedSeq: seq('added_seq').notNull(),
  },
  table => [primaryKey({ columns: [table.roomId, table.seq, table.userId, table.reaction] })],
)

/** Projection: the latest item of each node by each who published to it; a server without a name is ''. */
export const nodeValues = pgTable(
  'node_values',
  {
    roomId: inRoom(),
    node: text('node').notNull(),
    sender: text('sender').notNull(),
    /** Of its `node.published`. */
    seq: seq('seq').notNull(),
  },
  table => [primaryKey({ columns: [table.roomId, table.node, table.sender] })],
)

/** Messages that wait for their time. */
export const scheduledMessages = pgTable(
  'scheduled_messages',
  {
    id: text('id').primaryKey(),
    roomId: inRoom(),
    sender: text('sender').notNull(),
    clientId: text('client_id').notNull(),
    sendAt: time('send_at').notNull(),
    content: json('content').$type<{ parts: MessagePart[] } & Record<string, unknown>>().notNull(),
    failed: text('failed'),
    createdAt: time('created_at').notNull().defaultNow(),
  },
  table => [
    uniqueIndex('scheduled_by_client_id').on(table.roomId, table.sender, table.clientId),
    index('scheduled_due').on(table.sendAt).where(sql`${table.failed} is null`),
    index('scheduled_by_sender').on(table.sender),
  ],
)

/**
 * Files that were forwarded: who may read a room may read them too, if they are of the home room that is named. That is
 * what the message said it was forwarded from; only media knows the room a file is really of, so a row that names
 * another gives nobody anything.
 */
export const fileShares = pgTable(
  'file_shares',
  {
    fileId: text('file_id').notNull(),
    homeRoomId: text('home_room_id').notNull(),
    /** Where it was forwarded to. */
    roomId: inRoom(),
  },
  table => [
    primaryKey({ columns: [table.fileId, table.homeRoomId, table.roomId] }),
    index('file_shares_by_room').on(table.roomId, table.fileId),
  ],
)

/** Projection: which files messages name now. */
export const messageFiles = pgTable(
  'message_files',
  {
    roomId: inRoom(),
    /** Of the message. */
    seq: seq('seq').notNull(),
    fileId: text('file_id').notNull(),
    /** Among the parts of the message. */
    place: smallint('place').notNull(),
    kind: text('kind').$type<FileKind>().notNull(),
  },
  table => [
    primaryKey({ columns: [table.roomId, table.seq, table.fileId] }),
    index('message_files_by_file').on(table.fileId),
    index('message_files_by_kind').on(table.roomId, table.kind, table.seq),
  ],
)

/**
 * Files that a message named and names no more: once nothing else names one, it is deleted. Only if it is of the room
 * that stands here: what a message names may be any id.
 */
export const looseFiles = pgTable(
  'loose_files',
  {
    id: bigserial('id', { mode: 'number' }).primaryKey(),
    fileId: text('file_id').notNull(),
    homeRoomId: text('home_room_id').notNull(),
    since: time('since').notNull().defaultNow(),
  },
  table => [index('loose_files_due').on(table.since)],
)

/** Breakouts that are open, of the rooms they belong to. */
export const breakouts = pgTable(
  'breakouts',
  {
    roomId: text('room_id').primaryKey(),
    parentId: text('parent_id')
      .notNull()
      .references(() => rooms.id, { onDelete: 'cascade' }),
    /** Their order, from 0. */
    place: integer('place').notNull(),
    title: text('title').notNull(),
    endsAt: time('ends_at'),
  },
  table => [
    index('breakouts_by_parent').on(table.parentId),
    index('breakouts_due').on(table.endsAt).where(sql`${table.endsAt} is not null`),
  ],
)

/** Who is to be in which. */
export const breakoutUsers = pgTable(
  'breakout_users',
  {
    parentId: text('parent_id')
      .notNull()
      .references(() => rooms.id, { onDelete: 'cascade' }),
    userId: text('user_id').notNull(),
    roomId: text('room_id')
      .notNull()
      .references(() => breakouts.roomId, { onDelete: 'cascade' }),
  },
  table => [primaryKey({ columns: [table.parentId, table.userId] })],
)

/** Projection of `call.started` and `call.ended`: the calls there were, and those that the log says are live. */
export const calls = pgTable(
  'calls',
  {
    id: text('id').primaryKey(),
    roomId: inRoom(),
    startedAt: time('started_at').notNull(),
    endedAt: time('ended_at'),
    /** From the first to join until the last to leave, ms. */
    durationMs: bigint('duration_ms', { mode: 'number' }),
  },
  table => [
    index('calls_live').on(table.roomId).where(sql`${table.endedAt} is null`),
    index('calls_by_room').on(table.roomId, table.startedAt, table.id),
  ],
)

/** Projection: who was in a call that is over. */
export const callUsers = pgTable(
  'call_users',
  {
    roomId: inRoom(),
    callId: text('call_id').notNull(),
    userId: text('user_id').notNull(),
  },
  table => [
    primaryKey({ columns: [table.callId, table.userId] }),
    index('call_users_by_room').on(table.roomId),
  ],
)

/** Who has been in a call that goes on, as far as the SFU has told: it alone knows, and it may die. Nothing once it is over. */
export const liveCallUsers = pgTable(
  'live_call_users',
  {
    roomId: inRoom(),
    callId: text('call_id').notNull(),
    userId: text('user_id').notNull(),
  },
  table => [
    primaryKey({ columns: [table.callId, table.userId] }),
    index('live_call_users_by_room').on(table.roomId),
  ],
)

/** Recordings, from their start until their room was told what became of them. */
export const recordings = pgTable(
  'recordings',
  {
    id: text('id').primaryKey(),
    roomId: inRoom(),
    callId: text('call_id').notNull(),
    /** Who started it, whose file it becomes. */
    userId: text('user_id').notNull(),
    layout: text('layout', { enum: ['grid', 'speaker'] }).notNull(),
    startedAt: time('started_at').notNull(),
    /** From then on a film is made of it. */
    endedAt: time('ended_at'),
    /** Why it ended before anybody ended it, for people. */
    problem: text('problem'),
    /** When media took it over. */
    orderedAt: time('ordered_at'),
  },
  table => [index('recordings_by_room').on(table.roomId), index('recordings_by_user').on(table.userId)],
)

/** Projection of rings: who rang when, and what it became. */
export const rings = pgTable(
  'rings',
  {
    id: text('id').primaryKey(),
    roomId: inRoom(),
    /** Of its `ring.started`, and of its latest event. */
    seq: seq('seq').notNull(),
    lastSeq: seq('last_seq').notNull(),
    fromId: text('from_id').notNull(),
    media: text('media', { enum: ['audio', 'video'] }).notNull(),
    startedAt: time('started_at').notNull(),
    expiresAt: time('expires_at').notNull(),
    endedAt: time('ended_at'),
    cancelled: boolean('cancelled').notNull().default(false),
    /** The call it was for: the one there was, else the one that came of it. */
    callId: text('call_id'),
    /** Changed last in this transaction. */
    tx: tx('tx'),
  },
  table => [
    index('rings_by_room').on(table.roomId),
    index('rings_by_call').on(table.callId).where(sql`${table.callId} is not null`),
    index('rings_without_call')
      .on(table.roomId, table.startedAt, table.id)
      .where(sql`${table.callId} is null`),
    index('rings_open').on(table.expiresAt).where(sql`${table.endedAt} is null`),
    index('rings_open_in_room').on(table.roomId).where(sql`${table.endedAt} is null`),
  ],
)

/** Projection: who was rung, and what they did. */
export const ringTargets = pgTable(
  'ring_targets',
  {
    ringId: text('ring_id')
      .notNull()
      .references(() => rings.id, { onDelete: 'cascade' }),
    /** Of its ring, with which it goes. */
    roomId: text('room_id').notNull(),
    userId: text('user_id').notNull(),
    state: text('state', { enum: ['ringing', 'accepted', 'declined', 'busy', 'missed'] }).notNull(),
    /** Of the `ring.ended` by which it was missed: unread, until as much is read. */
    missedSeq: seq('missed_seq'),
  },
  table => [
    primaryKey({ columns: [table.ringId, table.userId] }),
    index('ring_targets_ringing').on(table.userId).where(sql`${table.state} = 'ringing'`),
    index('ring_targets_missed')
      .on(table.userId, table.roomId, table.missedSeq)
      .where(sql`${table.missedSeq} is not null`),
  ],
)

/** Exports, imports and deletions as clients see them. Who works on one now is the queue's business; how far it is stands here. */
export const jobs = pgTable(
  'jobs',
  {
    id: text('id').primaryKey(),
    kind: text('kind', { enum: ['roomExport', 'userExport', 'import', 'userDeletion'] }).notNull(),
    /** Who asked: `user:<id>` or `key:<id>`. */
    caller: text('caller').notNull(),
    roomId: text('room_id'),
    userId: text('user_id'),
    options: json('options').$type<Record<string, Json>>().notNull(),
    /** `receiving`: an import whose bytes are still coming. */
    state: text('state', {
      enum: ['receiving', 'waiting', 'running', 'done', 'failed', 'cancelled'],
    }).notNull(),
    done: position('done'),
    total: position('total'),
    detail: text('detail').notNull(),
    /** Where to continue; null before the first step. */
    checkpoint: json('checkpoint').$type<unknown>(),
    /** Of the run that works on it: one that was taken for dead and is not finds that this is another's. */
    claim: text('claim'),
    /** From `Idempotency-Key`. */
    requestKey: text('request_key').unique(),
    createdAt: time('created_at').notNull().defaultNow(),
    endedAt: time('ended_at'),
    expiresAt: time('expires_at'),
  },
  table => [
    index('jobs_unfinished')
      .on(table.caller)
      .where(sql`${table.state} in ('receiving', 'waiting', 'running')`),
    index('jobs_by_user').on(table.userId),
  ],
)

/** What a job wrote or is to read: bytes that lie in the object store, in the order of their numbers. */
export const jobParts = pgTable(
  'job_parts',
  {
    jobId: text('job_id')
      .notNull()
      .references(() => jobs.id, { onDelete: 'cascade' }),
    n: integer('n').notNull(),
    /** bytes of the parts before */
    start: bigint('start', { mode: 'number' }).notNull(),
    /** bytes */
    size: integer('size').notNull(),
  },
  table => [primaryKey({ columns: [table.jobId, table.n] })],
)

/** Users who were deleted, by the SHA-256 of their id: their tokens are refused, and nothing here tells who they were. */
export const deletedUsers = pgTable('deleted_users', {
  hash: bytes('hash').primaryKey(),
  /** Tokens issued until then are refused; null while the deletion goes on: all are. */
  deletedAt: time('deleted_at'),
})

/** Addresses of apps that are told of events. */
export const webhooks = pgTable('webhooks', {
  id: text('id').primaryKey(),
  url: text('url').notNull(),
  description: text('description'),
  types: json('types').$type<string[]>(),
  roomIds: json('room_ids').$type<string[]>(),
  metadata: json('metadata').$type<Record<string, string | number | boolean>>(),
  /** What is sent is signed with it: encrypted with the installation's secret. */
  sealedSecret: bytes('sealed_secret').notNull(),
  sealedPrevious: bytes('sealed_previous'),
  previousUntil: time('previous_until'),
  paused: boolean('paused').notNull().default(false),
  /** A cursor of the log (log/event-stream.ts): all before it was taken, or waits in `webhook_lanes`. */
  cursor: text('cursor').notNull(),
  /** When the last event before the cursor happened: where to go on in a database whose cursors are others. */
  cursorAt: time('cursor_at').notNull().defaultNow(),
  createdAt: time('created_at').notNull().defaultNow(),
  /** Set while nothing at all is taken. */
  failingSince: time('failing_since'),
  failures: integer('failures').notNull().default(0),
  retryAt: time('retry_at'),
  problem: text('problem'),
  /** The process that sends, and until when it may without saying that it still does. */
  holder: text('holder'),
  heldUntil: time('held_until'),
})

/** Rooms in which an endpoint has not taken an event yet: what came after it there, up to the endpoint's cursor, waits. */
export const webhookLanes = pgTable(
  'webhook_lanes',
  {
    webhookId: text('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    /** Of the room inside the database: another of its id has another. No reference: its end is told as well. */
    number: bigint('number', { mode: 'number' }).notNull(),
    roomId: text('room_id').notNull(),
    /** The first that was not taken. */
    seq: seq('seq').notNull(),
    /** The last before the endpoint's cursor. */
    until: seq('until').notNull(),
    attempts: integer('attempts').notNull(),
    firstAttemptAt: time('first_attempt_at'),
    retryAt: time('retry_at').notNull(),
    problem: text('problem'),
  },
  table => [primaryKey({ columns: [table.webhookId, table.number] })],
)

/** The delivery log: what was sent stands in the event. */
export const webhookAttempts = pgTable(
  'webhook_attempts',
  {
    n: bigserial('n', { mode: 'number' }).primaryKey(),
    webhookId: text('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    roomId: text('room_id').notNull(),
    seq: seq('seq').notNull(),
    eventId: text('event_id').notNull(),
    url: text('url').notNull(),
    at: time('at').notNull(),
    latencyMs: integer('latency_ms').notNull(),
    status: integer('status'),
    answer: text('answer'),
    problem: text('problem'),
  },
  table => [index('webhook_attempts_latest').on(table.webhookId, table.n.desc())],
)

export const webhookDeadLetters = pgTable(
  'webhook_dead_letters',
  {
    n: bigserial('n', { mode: 'number' }).primaryKey(),
    webhookId: text('webhook_id')
      .notNull()
      .references(() => webhooks.id, { onDelete: 'cascade' }),
    number: bigint('number', { mode: 'number' }).notNull(),
    roomId: text('room_id').notNull(),
    seq: seq('seq').notNull(),
    attempts: integer('attempts').notNull(),
    firstAttemptAt: time('first_attempt_at').notNull(),
    gaveUpAt: time('gave_up_at').notNull().defaultNow(),
    problem: text('problem').notNull(),
  },
  table => [
    index('webhook_dead_letters_latest').on(table.webhookId, table.n.desc()),
    uniqueIndex('webhook_dead_letters_once').on(table.webhookId, table.number, table.seq),
  ],
)

/** How far the whole log was copied to where `EVENTS_REDIS_URL` says, for when that forgot. */
export const eventSinks = pgTable('event_sinks', {
  name: text('name').primaryKey(),
  cursor: text('cursor').notNull(),
  /** When the last event before the cursor happened. */
  cursorAt: time('cursor_at').notNull(),
})

/** What users are told by while away. */
export const pushDevices = pgTable(
  'push_devices',
  {
    id: text('id').primaryKey(),
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    kind: text('kind', { enum: ['web', 'apns', 'fcm', 'email', 'sms'] }).notNull(),
    /** For calls only: a token of PushKit. */
    isVoip: boolean('is_voip').notNull().default(false),
    /** SHA-256 of where it is reached: the same device is one. */
    hash: bytes('hash').notNull().unique(),
    /** Where it is reached, encrypted with the installation's secret: who knows it can write to it. */
    sealed: bytes('sealed').notNull(),
    name: text('name'),
    locale: text('locale'),
    content: text('content', { enum: ['full', 'ids'] }).notNull(),
    createdAt: time('created_at').notNull().defaultNow(),
    seenAt: time('seen_at').notNull().defaultNow(),
    pushedAt: time('pushed_at'),
  },
  table => [index('push_devices_by_user').on(table.userId)],
)

/** How users want to be told, where they have said so. */
export const notificationSettings = pgTable('notification_settings', {
  userId: text('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  quietHours: json('quiet_hours').$type<QuietHours>(),
  whenAway: boolean('when_away'),
  digestMinutes: integer('digest_minutes'),
})

/** What of a room users want to be told, where they have said so. */
export const notificationLevels = pgTable(
  'notification_levels',
  {
    userId: text('user_id')
      .notNull()
      .references(() => users.id, { onDelete: 'cascade' }),
    roomId: inRoom(),
    level: text('level', { enum: ['all', 'mentions', 'none'] }).notNull(),
    until: time('until'),
  },
  table => [
    primaryKey({ columns: [table.userId, table.roomId] }),
    index('notification_levels_by_room').on(table.roomId),
  ],
)

/** How far the log was looked through for what is to be pushed: one row. */
export const pushCursor = pgTable('push_cursor', {
  id: integer('id').primaryKey(),
  /** A cursor of the log (log/event-stream.ts). */
  cursor: text('cursor').notNull(),
  cursorAt: time('cursor_at').notNull().defaultNow(),
})

/** Pushes that wait, one of a device and tag: what comes later takes the place of what waits. */
export const pushQueue = pgTable(
  'push_queue',
  {
    n: bigserial('n', { mode: 'number' }).primaryKey(),
    deviceId: text('device_id')
      .notNull()
      .references(() => pushDevices.id, { onDelete: 'cascade' }),
    /** The device's: each kind has a lane of its own. */
    kind: text('kind', { enum: ['web', 'apns', 'fcm', 'email', 'sms'] }).notNull(),
    tag: text('tag').notNull(),
    type: text('type').$type<PushType>().notNull(),
    /** Of the event; a digest is of none. */
    roomId: text('room_id').references(() => rooms.id, { onDelete: 'cascade' }),
    seq: seq('seq').notNull(),
    urgent: boolean('urgent').notNull(),
    dueAt: time('due_at').notNull(),
    attempts: integer('attempts').notNull().default(0),
    firstAttemptAt: time('first_attempt_at'),
    /** Until when the process that took it may send it. */
    claimedUntil: time('claimed_until'),
  },
  table => [
    uniqueIndex('push_queue_by_tag').on(table.deviceId, table.tag),
    // As it is taken: what is urgent first.
    index('push_queue_due').on(table.kind, table.urgent.desc(), table.dueAt),
    index('push_queue_by_room').on(table.roomId),
  ],
)

/** What is said in pushes, where it is not what stands in the code. */
export const pushTemplates = pgTable(
  'push_templates',
  {
    type: text('type').$type<TemplateType>().notNull(),
    locale: text('locale').notNull(),
    title: text('title').notNull(),
    body: text('body').notNull(),
  },
  table => [primaryKey({ columns: [table.type, table.locale] })],
)

/** Users with a program instead of a screen: how it is known, where it is asked and told, and what it can be told to do. */
export const bots = pgTable('bots', {
  userId: text('user_id')
    .primaryKey()
    .references(() => users.id, { onDelete: 'cascade' }),
  /** SHA-256 of its token, which follows from the installation's secret and this number (identity/credentials.ts). */
  tokenHash: bytes('token_hash').notNull().unique(),
  tokenNumber: bigint('token_number', { mode: 'number' }).notNull(),
  secretNumber: bigint('secret_number', { mode: 'number' }).notNull(),
  /** What is sent is signed with the secret of the number before as well, until then. */
  previousUntil: time('previous_until'),
  url: text('url'),
  hears: text('hears', { enum: ['mentions', 'all', 'nothing'] }).notNull(),
  commands: json('commands').$type<Command[]>().notNull().default([]),
  /** From `Idempotency-Key`. */
  requestKey: text('request_key').unique(),
  createdAt: time('created_at').notNull().defaultNow(),
  /** The latest that went wrong; null once it answered again. */
  problem: text('problem'),
  problemAt: time('problem_at'),
})

/**
 * How far the log was looked through for what bots are to hear: the one row. No cursor: there is no bot that hears anything, and
 * nothing is looked through.
 */
export const botFeed = pgTable('bot_feed', {
  id: smallint('id').primaryKey().default(1),
  cursor: text('cursor'),
})

/** Rooms in which a bot has something to be told: one process at a time tells it, in the order of the room. */
export const botLanes = pgTable(
  'bot_lanes',
  {
    botId: text('bot_id')
      .notNull()
      .references(() => bots.userId, { onDelete: 'cascade' }),
    roomId: inRoom(),
    attempts: integer('attempts').notNull().default(0),
    /** Of the first message that waits. */
    firstAttemptAt: time('first_attempt_at'),
    retryAt: time('retry_at').notNull().defaultNow(),
    /** The process that tells it, and until when it may. */
    holder: text('holder'),
    heldUntil: time('held_until'),
  },
  table => [primaryKey({ columns: [table.botId, table.roomId] }), index('bot_lanes_due').on(table.retryAt)],
)

/** Messages that bots are to be told of, and were not yet. */
export const botMessages = pgTable(
  'bot_messages',
  {
    botId: text('bot_id')
      .notNull()
      .references(() => bots.userId, { onDelete: 'cascade' }),
    roomId: inRoom(),
    seq: seq('seq').notNull(),
  },
  table => [primaryKey({ columns: [table.botId, table.roomId, table.seq] })],
)

/** Addresses at which others post to a room. Each is a user, too: the author of what is posted. */
export const incomingHooks = pgTable(
  'incoming_hooks',
  {
    id: text('id')
      .primaryKey()
      .references(() => users.id, { onDelete: 'cascade' }),
    roomId: inRoom(),
    /** SHA-256 of the secret part of its address, which follows from the installation's secret and this number. */
    tokenHash: bytes('token_hash').notNull().unique(),
    tokenNumber: bigint('token_number', { mode: 'number' }).notNull(),
    signed: boolean('signed').notNull(),
    createdAt: time('created_at').notNull().defaultNow(),
  },
  table => [index('incoming_hooks_by_room').on(table.roomId)],
)
