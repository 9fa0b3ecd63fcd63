import { z } from 'zod'
import { BOT_OPERATIONS } from './bot.ts'
import { BREAKOUT_OPERATIONS } from './breakouts.ts'
import { Call } from './call.ts'
import { CALL_OPERATIONS } from './call-operations.ts'
import { CallRecord } from './call-record.ts'
import { DEVICE_OPERATIONS } from './device.ts'
import { RoomEvent } from './events.ts'
import { FileKind, RoomFile } from './file.ts'
import { ClientId, JobId, Position, RingId, RoomId, ScheduleId, Seq, Time, UserId } from './ids.ts'
import { Counts, InboxEntry, PendingEntry, SyncAnswer } from './inbox.ts'
import { HOOK_OPERATIONS } from './incoming-hook.ts'
import { Job } from './job.ts'
import { text } from './json.ts'
import { LIMITS } from './limits.ts'
import {
  checkContent,
  content,
  Message,
  MessageVersion,
  placement,
  Reaction,
  ScheduledMessage,
} from './message.ts'
import { NodeItem, NodeName, NodePayload } from './node.ts'
import { Nothing } from './nothing.ts'
import { NOTIFICATION_OPERATIONS } from './notification.ts'
import { Cursor, page, paging } from './page.ts'
import { ParticipantQuality } from './quality.ts'
import { RECORDING_OPERATIONS } from './recording.ts'
import { Ring, RingMedia, RingSeconds } from './ring.ts'
import {
  Ban,
  GrantedRole,
  Member,
  Role,
  type RoomAction,
  RoomChanges,
  RoomPost,
  RoomPreview,
  RoomWithMembership,
} from './room.ts'
import { SearchHit, SearchKind, SearchText } from './search.ts'
import { STREAM_OPERATIONS } from './stream.ts'
import { CustomStatus, Presence, User, UserName } from './user.ts'

const Roles = z.array(Role).max(Role.options.length)
const UserIds = z.array(UserId).min(1).max(LIMITS.usersPerRequest)
const reason = text(LIMITS.reasonChars).optional()
const inRoom = { roomId: RoomId }
const member = { roomId: RoomId, userId: UserId }
const message = { roomId: RoomId, seq: Seq }
/** What appends an event answers with it: a client puts it where the notice would. */
const appended = z.strictObject({ event: RoomEvent })

/**
 * Something that can be asked for over Socket.IO and over REST alike: the same name, the same fields, the same
 * answer, the same errors and limits.
 */
export type Operation = {
  summary: string
  /** Method and path. `{name}` is a field of the request; the others are the query of GET and DELETE, else the body. */
  rest: { method: 'get' | 'post' | 'put' | 'patch' | 'delete'; path: string; status: 200 | 201 }
  /**
   * The right in the room `roomId` that is needed: the binding refuses who has it not. `none`: about no room, or with
   * a rule of its own that the summary states.
   */
  right: RoomAction | 'none'
  /** `required`: somebody's own business, so an API key names the user in `sender`. `optional`: a key may act for itself. */
  sender: 'required' | 'optional'
  request: z.ZodObject
  response: z.ZodType
}

/** Every such operation. REST routes, OpenAPI, AsyncAPI, socket requests and the SDKs derive from this. */
export const OPERATIONS = {
  'room:create': {
    summary: 'Create a room. Direct and distinct rooms are found when they exist already',
    rest: { method: 'post', path: '/v1/rooms', status: 201 },
    right: 'none',
    sender: 'optional',
    request: RoomPost,
    response: RoomWithMembership,
  },
  'room:get': {
    summary: 'A room, and your role in it',
    rest: { method: 'get', path: '/v1/rooms/{roomId}', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: RoomWithMembership,
  },
  'room:update': {
    summary: 'Change a room: what is left out stays as it is',
    rest: { method: 'patch', path: '/v1/rooms/{roomId}', status: 200 },
    right: 'update',
    sender: 'optional',
    request: RoomChanges.extend(inRoom),
    response: RoomWithMembership,
  },
  'room:archive': {
    summary: 'Close a room for writing; it stays readable',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/archive', status: 200 },
    right: 'administer',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: RoomWithMembership,
  },
  'room:restore': {
    summary: 'Open an archived room again',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/restore', status: 200 },
    right: 'administer',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: RoomWithMembership,
  },
  'room:delete': {
    summary: 'Delete a room with everything in it, for everybody and for good',
    rest: { method: 'delete', path: '/v1/rooms/{roomId}', status: 200 },
    right: 'administer',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: Nothing,
  },
  'room:transfer': {
    summary: 'Make another member the owner; who was it becomes a moderator',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/transfer', status: 200 },
    right: 'administer',
    sender: 'optional',
    request: z.strictObject(member),
    response: Member,
  },
  'room:follow': {
    summary:
      'Come into a channel: at once when it is open, after a moderator approved when it takes requests',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/follow', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ ...inRoom, message: reason }),
    response: Member,
  },
  'room:accept': {
    summary: 'Accept an invitation',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/accept', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject(inRoom),
    response: Member,
  },
  'room:leave': {
    summary: 'Leave a room, decline its invitation, or withdraw the request to come in',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/leave', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject(inRoom),
    response: Nothing,
  },
  'channel:list': {
    summary: 'Channels that can be followed, the most followed first',
    rest: { method: 'get', path: '/v1/channels', status: 200 },
    right: 'none',
    sender: 'optional',
    request: z.strictObject({ query: SearchText.optional(), ...paging }),
    response: page(RoomPreview),
  },
  'member:list': {
    summary: 'Members of a room, the longest there first; pending ones for those who moderate only',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/members', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, roles: Roles.optional(), ...paging }),
    response: page(Member),
  },
  'member:add': {
    summary: 'Add people to a room at once',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/members', status: 200 },
    right: 'invite',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, userIds: UserIds, role: GrantedRole.optional() }),
    response: page(Member),
  },
  'member:invite': {
    summary: 'Invite people: they are in once they accept',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/invitations', status: 200 },
    right: 'invite',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, userIds: UserIds, role: GrantedRole.optional() }),
    response: page(Member),
  },
  'member:approve': {
    summary: 'Let in who asked to come in',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/members/{userId}/approve', status: 200 },
    right: 'moderate',
    sender: 'optional',
    request: z.strictObject({ ...member, role: GrantedRole.optional() }),
    response: Member,
  },
  'member:update': {
    summary: 'Promote or demote a member',
    rest: { method: 'patch', path: '/v1/rooms/{roomId}/members/{userId}', status: 200 },
    right: 'grant',
    sender: 'optional',
    request: z.strictObject({ ...member, role: GrantedRole }),
    response: Member,
  },
  'member:kick': {
    summary: 'Send a member away, or refuse who asked to come in',
    rest: { method: 'delete', path: '/v1/rooms/{roomId}/members/{userId}', status: 200 },
    right: 'moderate',
    sender: 'optional',
    request: z.strictObject({ ...member, reason }),
    response: Nothing,
  },
  'member:ban': {
    summary: 'Keep a user out of a room, whether it is in it or not',
    rest: { method: 'put', path: '/v1/rooms/{roomId}/bans/{userId}', status: 200 },
    right: 'moderate',
    sender: 'optional',
    request: z.strictObject({ ...member, reason, until: Time.optional() }),
    response: Ban,
  },
  'member:unban': {
    summary: 'End a ban; the user is not a member by that',
    rest: { method: 'delete', path: '/v1/rooms/{roomId}/bans/{userId}', status: 200 },
    right: 'moderate',
    sender: 'optional',
    request: z.strictObject(member),
    response: Nothing,
  },
  'ban:list': {
    summary: 'Who is banned from a room',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/bans', status: 200 },
    right: 'moderate',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, ...paging }),
    response: page(Ban),
  },
  'message:list': {
    summary:
      'Messages of a room: the latest page first, ascending within a page; nextCursor leads to earlier ones',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/messages', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, ...paging }),
    response: page(Message),
  },
  'message:get': {
    summary: 'A message as it is now',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/messages/{seq}', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject(message),
    response: Message,
  },
  'message:thread': {
    summary: 'The answers in the thread of a message, the latest page first, ascending within a page',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/messages/{seq}/thread', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject({ ...message, ...paging }),
    response: page(Message),
  },
  'message:edit': {
    summary: 'Change what one said; what it was stays in its history',
    rest: { method: 'patch', path: '/v1/rooms/{roomId}/messages/{seq}', status: 200 },
    right: 'write',
    sender: 'required',
    request: z
      .strictObject({ ...message, ...content, clientId: ClientId.optional() })
      .superRefine(checkContent),
    response: appended,
  },
  'message:history': {
    summary: 'What a message said before it was edited, oldest first; the last is what it says now',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/messages/{seq}/history', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject({ ...message, ...paging }),
    response: page(MessageVersion),
  },
  'message:delete': {
    summary: "Take a message back, or, for those who moderate, another's: what it said is gone for good",
    rest: { method: 'delete', path: '/v1/rooms/{roomId}/messages/{seq}', status: 200 },
    right: 'write',
    sender: 'optional',
    request: z.strictObject({ ...message, clientId: ClientId.optional() }),
    response: appended,
  },
  'message:react': {
    summary: 'Leave a reaction on a message',
    rest: { method: 'put', path: '/v1/rooms/{roomId}/messages/{seq}/reactions/{reaction}', status: 200 },
    right: 'react',
    sender: 'required',
    request: z.strictObject({ ...message, reaction: Reaction }),
    response: Message,
  },
  'message:unreact': {
    summary: "Take one's reaction back",
    rest: { method: 'delete', path: '/v1/rooms/{roomId}/messages/{seq}/reactions/{reaction}', status: 200 },
    right: 'react',
    sender: 'required',
    request: z.strictObject({ ...message, reaction: Reaction }),
    response: Message,
  },
  'message:pin': {
    summary: 'Pin a message',
    rest: { method: 'put', path: '/v1/rooms/{roomId}/messages/{seq}/pin', status: 200 },
    right: 'pin',
    sender: 'optional',
    request: z.strictObject(message),
    response: Message,
  },
  'message:unpin': {
    summary: 'Unpin a message',
    rest: { method: 'delete', path: '/v1/rooms/{roomId}/messages/{seq}/pin', status: 200 },
    right: 'pin',
    sender: 'optional',
    request: z.strictObject(message),
    response: Message,
  },
  'message:pins': {
    summary: 'The pinned messages of a room, the latest pinned first',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/pins', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, ...paging }),
    response: page(Message),
  },
  'message:forward': {
    summary: 'Say a message again in another room, with its files. Needs the right to write there',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/messages/{seq}/forward', status: 201 },
    right: 'read',
    sender: 'required',
    request: z.strictObject({ ...message, toRoomId: RoomId, clientId: ClientId.optional() }),
    response: appended,
  },
  'message:schedule': {
    summary: 'Send a message later',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/scheduled-messages', status: 201 },
    right: 'write',
    sender: 'required',
    request: z
      .strictObject({ ...inRoom, clientId: ClientId.optional(), sendAt: Time, ...content, ...placement })
      .superRefine(checkContent),
    response: ScheduledMessage,
  },
  'message:scheduled': {
    summary:
      "One's own messages that wait to be sent to a room, the next first, and those that could not be sent",
    rest: { method: 'get', path: '/v1/rooms/{roomId}/scheduled-messages', status: 200 },
    // Not `write`: who may not write any more sees why it was not sent.
    right: 'read',
    sender: 'required',
    request: z.strictObject({ ...inRoom, ...paging }),
    response: page(ScheduledMessage),
  },
  'message:unschedule': {
    summary: 'Do not send it',
    rest: { method: 'delete', path: '/v1/rooms/{roomId}/scheduled-messages/{scheduleId}', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ ...inRoom, scheduleId: ScheduleId }),
    response: Nothing,
  },
  'file:list': {
    summary: 'Files that messages of a room name now, and films of its calls, the latest first; each once',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/files', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject({
      ...inRoom,
      /** All but these are left out. */
      kind: z.array(FileKind).min(1).max(FileKind.options.length).optional(),
      cursor: Cursor.optional(),
      limit: z.int().min(1).max(LIMITS.filesPerRequest).optional(),
    }),
    response: page(RoomFile),
  },
  'receipt:deliver': {
    summary: 'Everything up to this number was received',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/receipts/delivered', status: 200 },
    right: 'read',
    sender: 'required',
    request: z.strictObject({ ...inRoom, seq: Position }),
    response: Nothing,
  },
  'receipt:read': {
    summary: 'Everything up to this number was seen by a person',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/receipts/read', status: 200 },
    right: 'read',
    sender: 'required',
    request: z.strictObject({ ...inRoom, seq: Position }),
    response: Counts,
  },
  'typing:set': {
    summary: 'Somebody writes, or stopped; it ends by itself',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/typing', status: 200 },
    right: 'write',
    sender: 'required',
    request: z.strictObject({ ...inRoom, typing: z.boolean() }),
    response: Nothing,
  },
  'presence:set': {
    summary:
      'Say how one is there. online and away are of the one connection that says so; dnd, the words and hiding are of the user, on all devices',
    rest: { method: 'put', path: '/v1/presence', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({
      status: z.enum(['online', 'away', 'dnd']).optional(),
      /** null takes it away. */
      custom: CustomStatus.nullable().optional(),
      /** True: others see this user as offline, with no last seen. */
      hidden: z.boolean().optional(),
      /** True: is rung also while in another call, in place of being busy. */
      callWaiting: z.boolean().optional(),
    }),
    response: Presence.extend({ hidden: z.boolean(), callWaiting: z.boolean().optional() }),
  },
  'presence:get': {
    summary: 'How others are there; those one shares no room with are left out',
    rest: { method: 'get', path: '/v1/presence', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ userIds: UserIds }),
    response: page(Presence),
  },
  'block:add': {
    summary: 'Block a user: no direct messages, nothing of theirs counts as unread',
    rest: { method: 'put', path: '/v1/blocks/{userId}', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ userId: UserId }),
    response: Nothing,
  },
  'block:remove': {
    summary: 'End a block',
    rest: { method: 'delete', path: '/v1/blocks/{userId}', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ userId: UserId }),
    response: Nothing,
  },
  'block:list': {
    summary: 'Whom one has blocked',
    rest: { method: 'get', path: '/v1/blocks', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject(paging),
    response: page(User),
  },
  'node:publish': {
    summary: 'Publish to a node of a room: status, geolocation, or any x-...',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/nodes/{node}', status: 201 },
    right: 'write',
    sender: 'optional',
    request: z.strictObject({
      ...inRoom,
      node: NodeName,
      payload: NodePayload,
      clientId: ClientId.optional(),
    }),
    response: NodeItem,
  },
  'node:get': {
    summary: 'The latest item of a node, of each who published to it, the latest first',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/nodes/{node}', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, node: NodeName, ...paging }),
    response: page(NodeItem),
  },
  'node:history': {
    summary: 'What was published to a node, the latest page first, ascending within a page',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/nodes/{node}/items', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject({ ...inRoom, node: NodeName, ...paging }),
    response: page(NodeItem),
  },
  'node:list': {
    summary: 'The nodes of a room, each with its latest item',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/nodes', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: page(NodeItem),
  },
  'ring:start': {
    summary: 'Ring people of a room for its call: everybody else in it, or those named. It joins nothing',
    rest: { method: 'post', path: '/v1/rooms/{roomId}/rings', status: 201 },
    right: 'call',
    sender: 'required',
    request: z.strictObject({
      ...inRoom,
      userIds: UserIds.optional(),
      media: RingMedia,
      /** How long they are rung; LIMITS.ringSeconds when nothing is said. */
      seconds: RingSeconds.optional(),
      clientId: ClientId.optional(),
    }),
    response: Ring,
  },
  'ring:accept': {
    summary: 'Answer a ring, for those who are rung: their other devices stop. Then join the call',
    rest: { method: 'post', path: '/v1/rings/{ringId}/accept', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ ringId: RingId, clientId: ClientId.optional() }),
    response: Ring,
  },
  'ring:decline': {
    summary: 'Decline a ring, for those who are rung',
    rest: { method: 'post', path: '/v1/rings/{ringId}/decline', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({
      ringId: RingId,
      /** The device answers by itself, because there is another call. */
      busy: z.boolean().optional(),
    }),
    response: Ring,
  },
  'ring:cancel': {
    summary: 'Ring nobody any longer, for the one who rang',
    rest: { method: 'delete', path: '/v1/rings/{ringId}', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ ringId: RingId }),
    response: Ring,
  },
  'ring:list': {
    summary: "Rings that go on now: those one is rung by, and one's own",
    rest: { method: 'get', path: '/v1/rings', status: 200 },
    right: 'none',
    sender: 'required',
    request: Nothing,
    response: z.strictObject({
      /** Who asks. */
      userId: UserId,
      data: z.array(Ring),
    }),
  },
  'call:history': {
    summary: "Calls and rings of one's rooms, the latest first",
    rest: { method: 'get', path: '/v1/calls', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({ roomId: RoomId.optional(), ...paging }),
    response: page(CallRecord),
  },
  'sync:get': {
    summary: "News of all one's rooms since a cursor, in one answer; without a cursor, all there is",
    rest: { method: 'get', path: '/v1/sync', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({
      cursor: Cursor.optional(),
      /** Events of each room at most: the latest. */
      limit: z.int().min(1).max(LIMITS.syncEventsPerRoom).optional(),
    }),
    response: SyncAnswer,
  },
  'inbox:list': {
    summary: "One's rooms by latest activity, with last message, unread and mentions",
    rest: { method: 'get', path: '/v1/inbox', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({
      /** True: those that are archived, which are left out otherwise. */
      archived: z.boolean().optional(),
      ...paging,
    }),
    response: z.strictObject({
      data: z.array(InboxEntry),
      nextCursor: z.string().optional(),
      /** With the first page: rooms one is not in yet. */
      pending: z.array(PendingEntry).optional(),
      /** With the first page: over all rooms of the list. */
      total: Counts.optional(),
    }),
  },
  'feed:list': {
    summary: 'Recent messages of all channels one follows, the latest first',
    rest: { method: 'get', path: '/v1/feed', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject(paging),
    response: page(Message),
  },
  'search:find': {
    summary: 'Full text over what one may read: messages, titles, people, file names',
    rest: { method: 'get', path: '/v1/search', status: 200 },
    right: 'none',
    sender: 'required',
    request: z.strictObject({
      query: SearchText,
      kinds: z.array(SearchKind).max(SearchKind.options.length).optional(),
      roomId: RoomId.optional(),
      from: UserId.optional(),
      after: Time.optional(),
      before: Time.optional(),
      cursor: Cursor.optional(),
      limit: z.int().min(1).max(LIMITS.searchPage).optional(),
    }),
    response: page(SearchHit),
  },
  'call:get': {
    summary: 'The live call of a room, and who is in it; null when there is none',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/call', status: 200 },
    right: 'read',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: z.strictObject({ call: Call.nullable() }),
  },
  'call:quality': {
    summary: 'How good the picture and sound of everybody in the call are; nobody when there is none',
    rest: { method: 'get', path: '/v1/rooms/{roomId}/call/quality', status: 200 },
    right: 'call',
    sender: 'optional',
    request: z.strictObject(inRoom),
    response: z.strictObject({ participants: z.array(ParticipantQuality) }),
  },
  'user:get': {
    summary: 'A user. Users see those they share a room with',
    rest: { method: 'get', path: '/v1/users/{userId}', status: 200 },
    right: 'none',
    sender: 'optional',
    request: z.strictObject({ userId: UserId }),
    response: User,
  },
  'user:update': {
    summary: "Change a user's name: one's own, or with an API key anybody's, created when new",
    rest: { method: 'patch', path: '/v1/users/{userId}', status: 200 },
    right: 'none',
    sender: 'optional',
    request: z.strictObject({ userId: UserId, name: UserName }),
    response: User,
  },
  'user:delete': {
    summary:
      'Delete a user, oneself or with an API key anybody: its messages go too, or stay without its name. A job',
    rest: { method: 'delete', path: '/v1/users/{userId}', status: 200 },
    right: 'none',
    sender: 'optional',
    request: z.strictObject({ userId: UserId, messages: z.enum(['remove', 'anonymise']) }),
    response: Job,
  },
  'export:create': {
    summary: "Export a room (for owners), or one's own data, as JSON Lines with files. A job",
    rest: { method: 'post', path: '/v1/exports', status: 201 },
    right: 'none',
    sender: 'optional',
    request: z
      .strictObject({ roomId: RoomId.optional(), userId: UserId.optional() })
      .refine(({ roomId, userId }) => (roomId === undefined) !== (userId === undefined), {
        message: 'name either roomId or userId',
      }),
    response: Job,
  },
  'job:get': {
    summary: 'How far a job is',
    rest: { method: 'get', path: '/v1/jobs/{jobId}', status: 200 },
    right: 'none',
    sender: 'optional',
    request: z.strictObject({ jobId: JobId }),
    response: Job,
  },
  'job:cancel': {
    summary: 'Stop a job',
    rest: { method: 'delete', path: '/v1/jobs/{jobId}', status: 200 },
    right: 'none',
    sender: 'optional',
    request: z.strictObject({ jobId: JobId }),
    response: Job,
  },
  ...CALL_OPERATIONS,
  ...BREAKOUT_OPERATIONS,
  ...RECORDING_OPERATIONS,
  ...STREAM_OPERATIONS,
  ...BOT_OPERATIONS,
  ...HOOK_OPERATIONS,
  ...DEVICE_OPERATIONS,
  ...NOTIFICATION_OPERATIONS,
} as const satisfies Record<string, Operation>

export type OperationName = keyof typeof OPERATIONS
export type OperationData<N extends OperationName> = z.infer<(typeof OPERATIONS)[N]['request']>
export type OperationInput<N extends OperationName> = z.input<(typeof OPERATIONS)[N]['request']>
export type OperationAnswer<N extends OperationName> = z.infer<(typeof OPERATIONS)[N]['response']>
