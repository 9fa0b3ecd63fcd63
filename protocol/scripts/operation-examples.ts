import {
  ada,
  at,
  call,
  filePart,
  guest,
  jsonPart,
  member,
  message,
  messageEvent,
  room,
  roomId,
  textPart,
} from './example-values.ts'
import type { Examples } from './examples.ts'
import { PUSH_ANSWERS, PUSH_REQUESTS } from './push-examples.ts'
import { callRecords, ring, ringOver } from './ring-examples.ts'

const inCall = { roomId, participantId: 'par_1' }
const inRoom = { plain: { roomId } }
const inPages = { first: { roomId }, further: { roomId, cursor: 'WzEyXQ', limit: 1 } }
const someone = { plain: { roomId, userId: 'gst_1' } }
const one = { plain: { roomId, seq: 3 } }
const oneInPages = { first: { roomId, seq: 3 }, further: { roomId, seq: 3, cursor: 'WzEyXQ', limit: 200 } }
const user = { plain: { userId: 'grace' } }
const pages = { first: {}, further: { cursor: 'WzEyXQ', limit: 200 } }
const reaction = {
  emoji: { roomId, seq: 3, reaction: '👩‍⚕️' },
  named: { roomId, seq: 3, reaction: ':ship-it:' },
}
const readUpTo = { plain: { roomId, seq: 3 }, 'nothing yet': { roomId, seq: 0 } }

/** A request of every operation. */
export const OPERATION_REQUESTS: Examples = {
  ...PUSH_REQUESTS,
  'room:create': {
    shortest: { kind: 'channel' },
    whole: {
      id: roomId,
      kind: 'channel',
      title: 'Ward round',
      description: 'Every morning at seven',
      avatar: 'https://example.org/ward.png',
      access: 'request',
      defaultRole: 'member',
      lobby: true,
      defaultCallRole: 'listener',
      retentionDays: 30,
      members: ['ada', 'grace'],
      distinct: true,
      guests: false,
      metadata: { ward: 7 },
    },
  },
  'room:get': inRoom,
  'room:update': {
    title: { roomId, title: 'Ward 8' },
    'for ever and without a picture': { roomId, retentionDays: null, avatar: null },
  },
  'room:archive': inRoom,
  'room:restore': inRoom,
  'room:delete': inRoom,
  'room:transfer': someone,
  'room:follow': { silently: { roomId }, 'with a word': { roomId, message: 'Let me in' } },
  'room:accept': inRoom,
  'room:leave': inRoom,
  'channel:list': { all: {}, some: { query: 'news', limit: 10 } },
  'member:list': { all: { roomId }, pending: { roomId, roles: ['pending'], limit: 10 } },
  'member:add': {
    one: { roomId, userIds: ['grace'] },
    two: { roomId, userIds: ['grace', 'gst_1'], role: 'member' },
  },
  'member:invite': { one: { roomId, userIds: ['grace'], role: 'moderator' } },
  'member:approve': {
    plain: { roomId, userId: 'gst_1' },
    'as a publisher': { roomId, userId: 'gst_1', role: 'publisher' },
  },
  'member:update': { promoted: { roomId, userId: 'gst_1', role: 'moderator' } },
  'member:kick': {
    plain: { roomId, userId: 'gst_1' },
    'with a reason': { roomId, userId: 'gst_1', reason: 'Wrong room' },
  },
  'member:ban': {
    'for ever': { roomId, userId: 'gst_1' },
    'for a while': { roomId, userId: 'gst_1', reason: 'Spam', until: at },
  },
  'member:unban': someone,
  'ban:list': inPages,
  'message:list': inPages,
  'message:get': one,
  'message:thread': oneInPages,
  'message:edit': {
    text: { roomId, seq: 3, text: 'Hello!' },
    parts: {
      roomId,
      seq: 3,
      clientId: 'c-3',
      parts: [textPart, jsonPart],
      mentions: ['grace'],
      metadata: {},
    },
  },
  'message:history': one,
  'message:delete': { plain: { roomId, seq: 3 }, 'told apart': { roomId, seq: 3, clientId: 'c-4' } },
  'message:react': reaction,
  'message:unreact': reaction,
  'message:pin': one,
  'message:unpin': one,
  'message:pins': inRoom,
  'message:forward': { plain: { roomId, seq: 3, toRoomId: 'room-2' } },
  'message:schedule': {
    text: { roomId, sendAt: at, text: 'Good morning' },
    'with everything': {
      roomId,
      clientId: 'c-5',
      sendAt: at,
      parts: [filePart],
      replyTo: 2,
      threadOf: 2,
      silent: true,
      ttlSeconds: 60,
      mentions: [],
    },
  },
  'message:scheduled': inRoom,
  'message:unschedule': { plain: { roomId, scheduleId: 'sch_1' } },
  'receipt:deliver': readUpTo,
  'receipt:read': readUpTo,
  'typing:set': { begins: { roomId, typing: true }, ends: { roomId, typing: false } },
  'presence:set': {
    away: { status: 'away' },
    words: { custom: { text: 'In theatre', emoji: '🏥', until: at } },
    'no words': { custom: null, hidden: false },
    hidden: { status: 'dnd', hidden: true },
  },
  'presence:get': { two: { userIds: ['ada', 'grace'] } },
  'call:get': inRoom,
  'call:quality': inRoom,
  'block:add': user,
  'block:remove': user,
  'block:list': pages,
  'node:publish': {
    sensor: { roomId, node: 'x-temperature', payload: { celsius: 4.2 } },
    place: { roomId, node: 'geolocation', payload: { latitude: 52.5, longitude: 13.4 }, clientId: 'c-6' },
  },
  'node:get': { status: { roomId, node: 'status' } },
  'node:history': { sensor: { roomId, node: 'x-temperature', cursor: 'WzEyXQ', limit: 200 } },
  'node:list': inRoom,
  'ring:start': {
    everybody: { roomId, media: 'audio' },
    'with everything': { roomId, userIds: ['grace'], media: 'video', seconds: 45, clientId: 'c-7' },
  },
  'ring:accept': { plain: { ringId: 'ring_1' }, 'told apart': { ringId: 'ring_1', clientId: 'c-8' } },
  'ring:decline': { plain: { ringId: 'ring_1' }, busy: { ringId: 'ring_1', busy: true } },
  'ring:cancel': { plain: { ringId: 'ring_1' } },
  'ring:list': { plain: {} },
  'call:history': { all: {}, 'of a room': { roomId, cursor: 'WzEyXQ', limit: 10 } },
  'sync:get': { everything: {}, 'since then': { cursor: 'WzEyXQ', limit: 50 } },
  'inbox:list': { first: {}, 'put away': { archived: true, cursor: 'WzEyXQ', limit: 10 } },
  'file:list': {
    all: { roomId },
    pictures: { roomId, kind: ['picture', 'video'], cursor: 'WzEyXQ', limit: 50 },
  },
  'feed:list': pages,
  'search:find': {
    words: { query: 'ward round' },
    everything: {
      query: 'scan',
      kinds: ['message', 'file'],
      roomId,
      from: 'ada',
      after: at,
      before: at,
      cursor: 'WzEyXQ',
      limit: 10,
    },
  },
  'user:get': user,
  'user:update': { plain: { userId: 'grace', name: 'Grace' } },
  'user:delete': { 'with what was said': { userId: 'grace', messages: 'remove' } },
  'export:create': { room: { roomId }, 'own data': { userId: 'ada' } },
  'job:get': { plain: { jobId: 'job_1' } },
  'job:cancel': { plain: { jobId: 'job_1' } },
  'call:waiting': inRoom,
  'call:admit': { all: { roomId }, one: { roomId, knockIds: ['kno_1'] } },
  'call:deny': {
    plain: { roomId, knockId: 'kno_1' },
    'with a reason': { roomId, knockId: 'kno_1', reason: 'Come back at four' },
  },
  'call:mute': { all: { roomId }, 'one, whole': { ...inCall, sources: ['mic', 'camera'] } },
  'call:remove': { plain: inCall, 'with a reason': { ...inCall, reason: 'Wrong room' } },
  'call:lock': { lock: { roomId, locked: true }, unlock: { roomId, locked: false } },
  'call:end': inRoom,
  'call:role': { demoted: { ...inCall, role: 'listener' } },
  'recording:start': { grid: { roomId, layout: 'grid' } },
  'recording:pause': { pause: { roomId, paused: true }, 'go on': { roomId, paused: false } },
  'recording:stop': inRoom,
  'stream:start': {
    // With one of the two alone, lacking it would be wrong, and no JSON Schema says so.
    both: { roomId, rtmp: 'rtmps://live.example.org/app/key', hls: true, layout: 'speaker' },
  },
  'stream:get': inRoom,
  'stream:pause': { pause: { roomId, paused: true } },
  'stream:stop': inRoom,
  'call:hand': { up: { ...inCall, raised: true }, down: { ...inCall, raised: false } },
  'breakout:open': {
    plain: { roomId, breakouts: [{ title: 'Table 1', userIds: ['grace'] }] },
    'for a while': {
      roomId,
      breakouts: [
        { title: 'Table 1', userIds: ['grace', 'gst_1'] },
        { title: 'Table 2', userIds: [] },
      ],
      seconds: 600,
    },
  },
  'breakout:move': {
    elsewhere: { roomId, userId: 'gst_1', breakoutId: 'room-2' },
    back: { roomId, userId: 'gst_1' },
  },
  'breakout:close': inRoom,
  'breakout:list': inRoom,
}

const nothing = { nothing: {} }
const preview = {
  id: 'news',
  kind: 'channel',
  title: 'News',
  description: '',
  avatar: null,
  access: 'open',
  memberCount: 0,
}
const wholeMessage = {
  ...message,
  mentions: ['grace'],
  replyTo: 2,
  threadOf: 2,
  forwarded: { sender: 'grace', at },
  silent: true,
  expiresAt: at,
  editedAt: at,
  pinnedAt: at,
  reactions: [{ reaction: '👍', count: 2, userIds: ['ada', 'grace'] }],
  thread: { count: 1, lastSeq: 4 },
}
const deleted = { roomId, seq: 3, sender: 'ada', parts: [], at, deletedAt: at }
const aMessage = { whole: wholeMessage, deleted }
const messages = { page: { data: [message], nextCursor: 'WzEyXQ' }, empty: { data: [] } }
const withMembership = { ofOne: { ...room, me: { userId: 'ada', role: 'owner' } }, withAKey: room }
const aMember = { plain: member, invited: { ...member, role: 'pending', pending: 'invited' } }
const members = { page: { data: [member] } }
const ban = { user: guest, reason: 'Spam', until: at, by: 'ada', at }
const item = { roomId, node: 'x-temperature', seq: 9, sender: 'ada', payload: { celsius: 4.2 }, at }
const items = { page: { data: [item, { roomId, node: 'status', seq: 8, payload: { text: 'Busy' }, at }] } }
const appended = { appended: { event: messageEvent } }
const scheduled = { id: 'sch_1', roomId, sender: 'ada', sendAt: at, parts: [textPart] }
const counts = { unread: 2, mentions: 1 }
const pendingEntry = { room: preview, pending: 'invited', since: at }
export const job = {
  id: 'job_1',
  kind: 'roomExport',
  roomId,
  state: 'running',
  done: 10,
  total: 100,
  detail: 'Copying files',
  createdAt: at,
}
const streamed = {
  stream: { id: 'str_1', startedAt: at, paused: false, hls: true, rtmp: true },
  playlist: '/live/str_1/c2VjcmV0/index.m3u8',
}
const breakouts = {
  open: { breakouts: [{ roomId: 'room-2', title: 'Table 1', userIds: ['grace'] }], endsAt: at },
}
const found = { text: 'ward round', highlights: [[0, 4]] }

/** An answer to every operation. */
export const OPERATION_ANSWERS: Examples = {
  ...PUSH_ANSWERS,
  'room:create': withMembership,
  'room:get': withMembership,
  'room:update': withMembership,
  'room:archive': withMembership,
  'room:restore': withMembership,
  'room:delete': nothing,
  'room:transfer': aMember,
  'room:follow': aMember,
  'room:accept': aMember,
  'room:leave': nothing,
  'channel:list': { page: { data: [preview] } },
  'member:list': members,
  'member:add': members,
  'member:invite': members,
  'member:approve': aMember,
  'member:update': aMember,
  'member:kick': nothing,
  'member:ban': { whole: ban, 'for ever': { user: guest, at } },
  'member:unban': nothing,
  'ban:list': { page: { data: [ban] } },
  'message:list': messages,
  'message:get': aMessage,
  'message:thread': messages,
  'message:edit': appended,
  'message:history': {
    two: {
      data: [
        { at, parts: [textPart], metadata: {}, mentions: ['grace'] },
        { at, parts: [] },
      ],
    },
  },
  'message:delete': appended,
  'message:react': aMessage,
  'message:unreact': aMessage,
  'message:pin': aMessage,
  'message:unpin': aMessage,
  'message:pins': messages,
  'message:forward': appended,
  'message:schedule': { waiting: scheduled },
  'message:scheduled': {
    one: {
      data: [scheduled, { ...scheduled, silent: true, ttlSeconds: 60, failed: 'You may not write here.' }],
    },
  },
  'message:unschedule': nothing,
  'receipt:deliver': nothing,
  'receipt:read': { counts },
  'typing:set': nothing,
  'presence:set': { busy: { userId: 'ada', status: 'dnd', hidden: false } },
  'presence:get': { one: { data: [{ userId: 'grace', status: 'offline', lastSeenAt: at }] } },
  'call:get': { live: { call }, none: { call: null } },
  'call:quality': {
    none: { participants: [] },
    one: {
      participants: [
        {
          participantId: 'par_1',
          userId: 'ada',
          name: 'Ada',
          sending: [
            {
              producerId: 'pro_1',
              source: 'camera',
              codec: 'video/VP8',
              paused: false,
              maxSpatialLayer: 2,
              bitrate: 1_400_000,
              loss: 0.01,
              jitterMs: 3,
              rttMs: 24,
              score: 4.9,
            },
          ],
          receiving: [
            {
              consumerId: 'con_1',
              from: 'par_2',
              source: 'camera',
              flowing: true,
              spatialLayer: 1,
              temporalLayer: 2,
            },
            { consumerId: 'con_2', from: 'par_2', source: 'mic', flowing: true },
          ],
          received: { bitrate: 480_000, loss: 0, jitterMs: 0, score: 5 },
          availableBitrate: 2_000_000,
        },
      ],
    },
  },
  'block:add': nothing,
  'block:remove': nothing,
  'block:list': { one: { data: [guest] } },
  'node:publish': { item },
  'node:get': items,
  'node:history': items,
  'node:list': items,
  'ring:start': { ringing: ring },
  'ring:accept': { over: ringOver },
  'ring:decline': { over: ringOver },
  'ring:cancel': { over: ringOver },
  'ring:list': { one: { userId: 'ada', data: [ring] }, none: { userId: 'ada', data: [] } },
  'call:history': { page: { data: callRecords, nextCursor: 'WzEyXQ' } },
  'sync:get': {
    news: {
      rooms: [
        {
          room,
          me: member,
          lastMessage: message,
          activeAt: at,
          events: [messageEvent],
          hasMore: true,
          removed: { from: 1, to: 2 },
          ...counts,
        },
      ],
      left: ['room-2'],
      pending: [pendingEntry],
      cursor: 'WzEyXQ',
      hasMore: false,
      reset: false,
    },
  },
  'inbox:list': {
    first: {
      data: [
        { room, me: member, lastMessage: message, peer: ada, activeAt: at, ...counts },
        { room, me: member, lastMessage: null, lastCall: callRecords[0], activeAt: at, ...counts },
      ],
      nextCursor: 'WzEyXQ',
      pending: [pendingEntry],
      total: counts,
    },
  },
  'file:list': {
    one: { data: [{ ...filePart, kind: 'picture', seq: 3, sender: 'ada', at }] },
  },
  'feed:list': messages,
  'search:find': {
    every: {
      data: [
        { kind: 'message', message, roomTitle: 'Ward round', ...found },
        { kind: 'file', message, roomTitle: '', fileId: 'file_1', ...found },
        { kind: 'room', room: preview, isMember: false, ...found },
        { kind: 'person', user: ada, roomId, ...found },
      ],
    },
  },
  'user:get': { plain: ada },
  'user:update': { plain: ada },
  'user:delete': { begun: { ...job, kind: 'userDeletion', userId: 'grace' } },
  'export:create': { begun: job },
  'job:get': { done: { ...job, state: 'done', expiresAt: at } },
  'job:cancel': { cancelled: { ...job, state: 'cancelled' } },
  'call:waiting': {
    one: { data: [{ knockId: 'kno_1', userId: 'gst_1', name: guest.name, since: at }] },
    nobody: { data: [] },
  },
  'call:admit': nothing,
  'call:deny': nothing,
  'call:mute': nothing,
  'call:remove': nothing,
  'call:lock': nothing,
  'call:end': nothing,
  'call:role': nothing,
  'stream:start': { begun: streamed },
  'stream:get': { live: streamed },
  'stream:pause': { paused: { ...streamed, stream: { ...streamed.stream, paused: true } } },
  'stream:stop': nothing,
  'call:hand': nothing,
  'recording:start': { begun: { recording: { id: 'rec_1', startedAt: at, paused: false } } },
  'recording:pause': { paused: { recording: { id: 'rec_1', startedAt: at, paused: true } } },
  'recording:stop': nothing,
  'breakout:open': breakouts,
  'breakout:move': breakouts,
  'breakout:close': { closed: { breakouts: [] } },
  'breakout:list': breakouts,
}
