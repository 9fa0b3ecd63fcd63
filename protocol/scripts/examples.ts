import {
  BOT_ANSWERS,
  BOT_BODIES,
  BOT_NOTICES,
  BOT_REQUESTS,
  BOT_RESPONSES,
  controls,
} from './bot-examples.ts'
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
  pictured,
  room,
  roomId,
  textPart,
  voicePart,
} from './example-values.ts'
import { job, OPERATION_ANSWERS, OPERATION_REQUESTS } from './operation-examples.ts'
import { TEMPLATE_ANSWERS, TEMPLATE_BODIES } from './push-examples.ts'
import { ring, ringOver } from './ring-examples.ts'
import { WEBHOOK_ANSWERS, WEBHOOK_BODIES } from './webhook-examples.ts'

/** One or more valid values of every shape of the wire, by what makes each worth having. */
export type Examples = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const participant = { roomId, participantId: 'par_1' }
const rtpCapabilities = {
  codecs: [
    { kind: 'audio', mimeType: 'audio/opus', preferredPayloadType: 100, clockRate: 48_000, channels: 2 },
    { kind: 'video', mimeType: 'video/VP8', preferredPayloadType: 101, clockRate: 90_000 },
  ],
  headerExtensions: [],
}
const rtpParameters = {
  mid: '0',
  codecs: [{ mimeType: 'audio/opus', payloadType: 111, clockRate: 48_000, channels: 2 }],
  encodings: [{ ssrc: 1_111_111 }],
  rtcp: { cname: 'ada' },
}
const dtlsParameters = {
  role: 'client',
  fingerprints: [{ algorithm: 'sha-256', value: Array(32).fill('AB').join(':') }],
}
const iceParameters = { usernameFragment: 'ufrag', password: 'password', iceLite: true }
const publicKey = `B${'a'.repeat(86)}`
const transport = (id: string) => ({
  id,
  iceParameters,
  iceCandidates: [
    { foundation: 'udpcandidate', priority: 1, ip: '192.0.2.1', protocol: 'udp', port: 40_000, type: 'host' },
  ],
  dtlsParameters,
  sctpParameters: {
    port: 5_000,
    OS: 1_024,
    MIS: 65_535,
    maxMessageSize: 262_144,
    maxSendMessageSize: 262_144,
    maxReceiveMessageSize: 262_144,
  },
})
const consumer = {
  id: 'con_1',
  producerId: 'pro_1',
  participantId: 'par_1',
  source: 'mic',
  kind: 'audio',
  rtpParameters,
}
const dataConsumer = {
  id: 'con_2',
  dataProducerId: 'dat_1',
  participantId: 'par_1',
  delivery: 'reliable',
  sctpStreamParameters: { streamId: 0, ordered: true },
}
const iceServers = [
  { urls: ['turn:192.0.2.1:3478?transport=udp'], username: '1795000000:ada', credential: 'c2VjcmV0' },
]

const sfuNode = {
  id: 'sfu_1',
  url: 'http://sfu-1:3000',
  draining: false,
  workers: [
    { pid: 4811, port: 40_000, calls: 2, participants: 7 },
    { pid: 4702, port: 40_001, calls: 1, participants: 3 },
  ],
  drain: {
    startedAt: at,
    endedAt: null,
    workers: [
      { pid: 4701, port: 40_000, state: 'replaced', calls: 2, participants: 7, replacedBy: 4811 },
      { pid: 4702, port: 40_001, state: 'moving', calls: 1, participants: 3 },
    ],
    calls: { moved: 2, lost: 0 },
    participants: { moved: 10, back: 6, away: 3, left: 1 },
  },
}
const turnOverview = {
  data: [
    {
      name: 'here',
      status: {
        urls: ['stun:192.0.2.1:3478', 'turn:192.0.2.1:3478?transport=udp'],
        draining: false,
        stats: {
          allocations: 1,
          users: 1,
          allocationsByTransport: { udp: 1, tcp: 0, tls: 0 },
          allocationsMade: 4,
          packetsToPeers: 1_000,
          bytesToPeers: 1_000_000,
          packetsToClients: 900,
          bytesToClients: 800_000,
          refused: { challenged: 4 },
          processes: 1,
          processesLost: 0,
        },
        selfTest: {
          at,
          ok: false,
          results: [
            { transport: 'udp', address: '192.0.2.1:3478', ok: true },
            {
              transport: 'tcp',
              address: '192.0.2.1:3478',
              ok: false,
              cause: 'Nothing answers on 192.0.2.1:3478 over TCP',
              fix: "Allow TCP port 3478 in this machine's firewall",
            },
          ],
        },
      },
    },
    { name: 'http://turn:3000', problem: 'http://turn:3000 could not be reached within 10000 ms.' },
  ],
  urls: ['stun:192.0.2.1:3478', 'turn:192.0.2.1:3478?transport=udp'],
}

const storedFile = {
  id: 'file_1',
  roomId,
  uploader: 'ada',
  name: 'scan.png',
  mime: 'image/png',
  size: 48_213,
  state: 'ready',
  width: 1_280,
  height: 720,
  placeholder: 'VggKDYAW6lZvdYd6d2iZh/p4GE/k',
  color: '#7a6f5b',
  derivatives: [
    {
      name: 'thumb512',
      mime: 'image/webp',
      size: 9_120,
      sha256: 'ab'.repeat(32),
      width: 512,
      height: 288,
    },
  ],
  createdAt: at,
}
const spokenFile = {
  ...storedFile,
  id: 'file_2',
  name: 'voice.webm',
  mime: 'audio/webm',
  state: 'failed',
  reason: 'This recording is damaged and cannot be played.',
  width: undefined,
  height: undefined,
  placeholder: undefined,
  color: undefined,
  derivatives: [],
}
const linkOf = (variant: string) =>
  `/files/file_1/${variant}?user=ada&until=1795000000&signature=c2lnbmF0dXJl`
const linkedFile = {
  ...storedFile,
  links: { original: linkOf('original'), thumb512: linkOf('thumb512') },
  linksExpireAt: at,
}
const prepared = {
  participantId: 'par_1',
  resumeKey: 'cGFydGljaXBhbnQ',
  routerRtpCapabilities: rtpCapabilities,
  sendTransport: transport('tra_1'),
  receiveTransport: transport('tra_2'),
  consumers: [consumer],
}
const joined = { call, ...prepared }
const issued = { token: 'header.claims.signature', user: ada, expiresAt: at }
const nothing = { nothing: {} }

export const REQUEST_EXAMPLES: Examples = {
  ...OPERATION_REQUESTS,
  ...BOT_REQUESTS,
  'inbox:watch': nothing,
  'presence:watch': { two: { userIds: ['ada', 'grace'] }, nobody: { userIds: [] } },
  'room:open': {
    latest: { roomId },
    'after what is known': { roomId, after: 0, limit: 200 },
  },
  'room:close': { plain: { roomId } },
  'room:sync': {
    latest: { roomId },
    forward: { roomId, after: 12, limit: 1 },
    backward: { roomId, before: 1 },
  },
  'message:send': {
    text: { roomId, clientId: 'c-1', text: 'Hello' },
    'every kind of part': { roomId, clientId: 'c-2', parts: [textPart, jsonPart, filePart, voicePart] },
    'other scripts': {
      roomId,
      clientId: '!~',
      text: 'नमस्ते 👩‍⚕️ שלום\n',
      metadata: { 'a key': { constructor: 1 } },
    },
  },
  'call:capabilities': { plain: {} },
  'call:prepare': { plain: { roomId, rtpCapabilities } },
  'call:join': {
    'can receive': { roomId, rtpCapabilities },
    'only sends': { roomId, rtpCapabilities: {} },
    'a large room': { roomId, rtpCapabilities, lastN: 9 },
    prepared: { ...participant, rtpCapabilities, consumerIds: ['con_1'] },
    encrypts: { roomId, rtpCapabilities, encryption: { keys: 'app' } },
    'encrypts with keys of its own': {
      roomId,
      rtpCapabilities,
      encryption: { keys: 'devices', deviceKey: publicKey, callKey: publicKey },
    },
  },
  'call:resume': {
    'after a lost socket': { ...participant, resumeKey: 'cGFydGljaXBhbnQ', rtpCapabilities },
    'on other transports': { ...participant, resumeKey: 'cGFydGljaXBhbnQ', rtpCapabilities, renew: true },
  },
  'call:leave': { plain: participant },
  'call:knock': { plain: { roomId } },
  'call:unknock': { plain: { roomId } },
  'transport:connect': { plain: { ...participant, transportId: 'tra_1', dtlsParameters } },
  'transport:restart': { plain: { ...participant, transportId: 'tra_1' } },
  'data:produce': {
    lossy: {
      ...participant,
      transportId: 'tra_1',
      delivery: 'lossy',
      sctpStreamParameters: { streamId: 1, ordered: false, maxRetransmits: 0 },
    },
  },
  'data:receive': { plain: participant },
  'data:resume': { one: { ...participant, consumerIds: ['con_2'] } },
  'key:send': { one: { ...participant, messages: [{ to: 'par_2', text: 'AgAA' }] } },
  'producer:create': {
    microphone: { ...participant, transportId: 'tra_1', source: 'mic', kind: 'audio', rtpParameters },
    'muted from the start': {
      ...participant,
      transportId: 'tra_1',
      source: 'mic',
      kind: 'audio',
      rtpParameters,
      paused: true,
    },
  },
  'producer:close': { plain: { ...participant, producerId: 'pro_1' } },
  'producer:pause': { plain: { ...participant, producerId: 'pro_1' } },
  'producer:resume': { plain: { ...participant, producerId: 'pro_1' } },
  'consumer:resume': { several: { ...participant, consumerIds: ['con_1', 'con_2'] } },
  'consumer:pause': { several: { ...participant, consumerIds: ['con_1', 'con_2'] } },
  'consumer:prefer': {
    lowest: { ...participant, consumerId: 'con_1', spatialLayer: 0 },
    both: { ...participant, consumerId: 'con_1', spatialLayer: 2, temporalLayer: 1 },
    pinned: { ...participant, consumerId: 'con_1', pinned: true },
  },
}

export const RESPONSE_EXAMPLES: Examples = {
  ...OPERATION_ANSWERS,
  ...BOT_RESPONSES,
  'inbox:watch': nothing,
  'presence:watch': { one: { data: [{ userId: 'ada', status: 'dnd' }] } },
  'room:open': {
    'with a call': {
      room,
      me: member,
      members: [member, { ...member, user: guest, role: 'publisher' }],
      presence: [{ userId: 'ada', status: 'online' }],
      events: [messageEvent],
      hasMore: true,
      blocked: ['mallory'],
      call,
      routerRtpCapabilities: rtpCapabilities,
    },
    'without calls': {
      room,
      me: member,
      members: [member],
      presence: [],
      events: [],
      hasMore: false,
      blocked: [],
      call: null,
      routerRtpCapabilities: null,
    },
  },
  'room:close': nothing,
  'room:sync': {
    page: { events: [messageEvent], hasMore: false },
    'after what is gone': { events: [messageEvent], hasMore: false, removed: { from: 1, to: 2 } },
  },
  'message:send': { appended: { event: messageEvent } },
  'call:capabilities': {
    'with calls': { userId: 'ada', routerRtpCapabilities: rtpCapabilities },
    'without calls': { userId: 'ada', routerRtpCapabilities: null },
  },
  'call:prepare': { prepared: { ...prepared, iceServers } },
  'call:join': { joined: { ...joined, iceServers } },
  'call:resume': { resumed: { ...joined, iceServers } },
  'call:leave': nothing,
  'call:knock': { knocked: { knockId: 'kno_1' } },
  'call:unknock': nothing,
  'transport:connect': nothing,
  'transport:restart': { restarted: { iceParameters, iceServers } },
  'data:produce': { plain: { dataProducerId: 'dat_1' } },
  'data:receive': { one: { consumers: [dataConsumer] }, nobody: { consumers: [] } },
  'data:resume': nothing,
  'key:send': { all: { missed: [] }, 'who is away': { missed: ['par_2'] } },
  'producer:create': { created: { producerId: 'pro_1' } },
  'producer:close': nothing,
  'producer:pause': nothing,
  'producer:resume': nothing,
  'consumer:resume': nothing,
  'consumer:pause': nothing,
  'consumer:prefer': nothing,
}

export const NOTICE_EXAMPLES: Examples = {
  ...BOT_NOTICES,
  'event:appended': { message: { event: messageEvent } },
  'typing:changed': { begins: { roomId, userId: 'ada', typing: true } },
  'presence:changed': {
    left: { userId: 'ada', status: 'offline', lastSeenAt: at },
    busy: { userId: 'ada', status: 'dnd', custom: { text: 'In theatre', emoji: '🏥', until: at } },
  },
  'ring:changed': { ringing: { ring }, over: { ring: ringOver } },
  'user:changed': { named: { id: 'ada', name: 'Ada Lovelace', kind: 'user' } },
  'counts:changed': { read: { roomId, readSeq: 3, unread: 0, mentions: 0 } },
  'room:entered': { invited: { roomId, role: 'pending' } },
  'room:closed': { banned: { roomId, reason: 'banned' } },
  'blocks:changed': { one: { userIds: ['mallory'] } },
  'receipt:changed': { read: { roomId, userId: 'ada', deliveredSeq: 3, readSeq: 2 } },
  'stream:changed': {
    away: { roomId, streamId: 'str_1', rtmp: 'reconnecting', reason: 'The service closed the connection.' },
  },
  'recording:ended': {
    full: { roomId, recordingId: 'rec_1', problem: 'There is no space left on the server to keep files.' },
  },
  'recording:progress': { half: { roomId, recordingId: 'rec_1', progress: 0.5 } },
  'file:progress': { half: { roomId, fileId: 'file_1', progress: 0.5 } },
  'call:changed': { live: { roomId, call }, over: { roomId, call: null } },
  'call:admitted': { plain: { roomId, knockId: 'kno_1' } },
  'call:denied': { plain: { roomId, knockId: 'kno_1', reason: 'Come back at four' } },
  'waiting:changed': {
    one: { roomId, waiting: [{ knockId: 'kno_1', userId: 'gst_1', name: guest.name, since: at }] },
    nobody: { roomId, waiting: [] },
  },
  'call:muted': { 'by a host': { ...participant, sources: ['mic'], by: 'ada' } },
  'call:closed': {
    removed: { ...participant, reason: 'removed', text: 'Wrong room' },
    ended: { ...participant, reason: 'ended' },
  },
  'speaker:changed': {
    somebody: { roomId, participantId: 'par_1' },
    silence: { roomId, participantId: null },
  },
  'consumer:added': { microphone: { ...participant, transportId: 'tra_2', consumer } },
  'consumer:closed': { plain: { ...participant, consumerId: 'con_1' } },
  'data:added': { plain: { ...participant, transportId: 'tra_2', consumer: dataConsumer } },
  'data:closed': { plain: { ...participant, consumerId: 'con_2' } },
  'key:sent': { one: { ...participant, from: 'par_2', text: 'AgAA' } },
  'consumer:held': { held: { ...participant, consumerId: 'con_1', held: true } },
  'call:lost': { worker: { ...participant, reason: 'The media worker of this call is gone.' } },
  'producer:limited': {
    unwatched: { ...participant, producerId: 'pro_1', maxSpatialLayer: -1 },
    small: { ...participant, producerId: 'pro_1', maxSpatialLayer: 0 },
  },
}

const event = (type: string, data: unknown, rest: object = { sender: 'ada' }) => ({
  plain: { roomId, seq: 9, at, ...rest, type, data },
})
const about = { messageSeq: 3 }

export const EVENT_EXAMPLES: Examples = {
  'room.created': event('room.created', { kind: 'group', title: '' }),
  'room.updated': event('room.updated', { changes: { title: 'Ward 8', retentionDays: null } }),
  'room.archived': event('room.archived', {}),
  'room.restored': event('room.restored', {}),
  'room.deleted': event('room.deleted', {}),
  'member.invited': event('member.invited', { user: guest, role: 'publisher' }),
  'member.requested': event('member.requested', { user: ada, message: 'Let me in' }),
  'member.joined': {
    ...event('member.joined', { user: guest, role: 'publisher' }, {}),
    'with a picture': event('member.joined', { user: pictured, role: 'member' }, {}).plain,
  },
  'member.changed': event('member.changed', { userId: 'gst_1', role: 'moderator' }),
  'member.left': event('member.left', { userId: 'ada' }),
  'member.removed': event('member.removed', { userId: 'gst_1', reason: 'Wrong room' }),
  'member.banned': event('member.banned', { userId: 'gst_1', reason: 'Spam', until: at }),
  'member.unbanned': event('member.unbanned', { userId: 'gst_1' }),
  'event.hidden': event('event.hidden', {}, {}),
  'message.created': {
    text: messageEvent,
    'with everything': {
      ...messageEvent,
      data: {
        parts: [textPart],
        mentions: ['grace'],
        controls,
        replyTo: 2,
        threadOf: 2,
        forwarded: { sender: 'grace', at },
        silent: true,
        expiresAt: at,
      },
    },
    deleted: { ...messageEvent, data: { parts: [], deleted: true } },
  },
  'message.edited': event('message.edited', { ...about, parts: [textPart] }),
  'message.deleted': {
    ...event('message.deleted', about),
    expired: event('message.deleted', { ...about, expired: true }, {}).plain,
  },
  'message.pinned': event('message.pinned', about),
  'message.unpinned': event('message.unpinned', about),
  'reaction.added': event('reaction.added', { ...about, reaction: '👍' }),
  'reaction.removed': event('reaction.removed', { ...about, reaction: ':ship-it:' }),
  'node.published': event('node.published', { node: 'x-temperature', payload: { celsius: 4.2 } }),
  'file.ready': event('file.ready', { fileId: 'file_1', mime: 'image/png', width: 1_280, height: 720 }, {}),
  'file.failed': {
    ...event('file.failed', { fileId: 'file_2', reason: spokenFile.reason }, {}),
    quarantined: event(
      'file.failed',
      { fileId: 'file_3', reason: 'A virus scanner found Eicar-Test-Signature in it.', quarantined: true },
      {},
    ).plain,
  },
  'file.deleted': event('file.deleted', { fileId: 'file_1' }),
  'call.started': event('call.started', { callId: 'call_1' }, {}),
  'breakouts.opened': event('breakouts.opened', {
    breakouts: [{ roomId: 'room-2', title: 'Table 1', userIds: ['grace'] }],
    endsAt: at,
  }),
  'breakouts.moved': {
    elsewhere: event('breakouts.moved', { moves: [{ userId: 'gst_1', roomId: 'room-2' }] }).plain,
    back: event('breakouts.moved', { moves: [{ userId: 'gst_1', roomId: null }] }).plain,
  },
  'breakouts.closed': event('breakouts.closed', {}, {}),
  'call.ended': event('call.ended', { callId: 'call_1', durationMs: 0, userIds: ['ada', 'grace'] }, {}),
  'recording.started': event('recording.started', { recordingId: 'rec_1', callId: 'call_1' }),
  'recording.ready': event(
    'recording.ready',
    { recordingId: 'rec_1', fileId: 'file_1', durationMs: 61_000 },
    {},
  ),
  'recording.failed': event(
    'recording.failed',
    { recordingId: 'rec_1', reason: 'Nothing was said or shown while it was recorded.' },
    {},
  ),
  'stream.started': event('stream.started', { streamId: 'str_1', callId: 'call_1' }),
  'stream.ended': event('stream.ended', { streamId: 'str_1', durationMs: 61_000 }, {}),
  'stream.failed': event(
    'stream.failed',
    { streamId: 'str_1', reason: 'The service it was sent to did not take it any more.' },
    {},
  ),
  'ring.started': event('ring.started', {
    ringId: 'ring_1',
    media: 'video',
    userIds: ['grace', 'kurt', 'linus'],
    expiresAt: at,
    busy: ['kurt'],
    missed: ['linus'],
  }),
  'ring.accepted': event('ring.accepted', { ringId: 'ring_1' }),
  'ring.declined': event('ring.declined', { ringId: 'ring_1', busy: true }),
  'ring.ended': event(
    'ring.ended',
    {
      ringId: 'ring_1',
      media: 'video',
      from: 'ada',
      missed: ['kurt', 'linus'],
      answered: true,
      cancelled: true,
    },
    {},
  ),
}

export const BODY_EXAMPLES: Examples = {
  createToken: {
    shortest: { userId: 'ada' },
    whole: {
      userId: 'ada@example.org',
      name: 'Ada',
      rooms: [{ roomId }, { roomId: 'room-2', role: 'member', call: 'listener' }],
      ttlSeconds: 10,
    },
  },
  createGuestToken: { plain: { roomId, name: 'Grüße 👋' } },
  createDemoToken: { plain: { name: 'Grüße 👋' } },
  drainSfu: { all: {}, one: { pid: 4701 } },
  createMessage: {
    text: { text: 'Hello' },
    parts: { sender: 'ada', clientId: 'c-1', parts: [textPart, filePart], metadata: {} },
  },
  ...WEBHOOK_BODIES,
  ...BOT_BODIES,
  ...TEMPLATE_BODIES,
}

export const ANSWER_EXAMPLES: Examples = {
  createToken: { issued },
  createGuestToken: { issued: { ...issued, user: guest } },
  createDemoToken: { issued },
  createMessage: { created: message },
  listEvents: { page: { data: [messageEvent] } },
  listIceServers: { relayed: { iceServers, expiresAt: at }, none: { iceServers: [], expiresAt: at } },
  getSfu: { quiet: { nodes: [{ ...sfuNode, url: null, drain: null }] } },
  drainSfu: { begun: { nodes: [sfuNode] } },
  getTurn: { relaying: turnOverview, none: { data: [], urls: [] } },
  testTurn: { relaying: turnOverview },
  revokeRelays: {
    revoked: {
      data: [
        { name: 'here', ended: 1 },
        { name: 'http://turn:3000', problem: 'http://turn:3000 could not be reached within 10000 ms.' },
      ],
      beyondReach: ['turn:198.51.100.1:3478?transport=udp'],
    },
  },
  createImport: { begun: job },
  createFile: {
    picture: storedFile,
    'a recording that cannot be played': JSON.parse(JSON.stringify(spokenFile)),
  },
  listFiles: { one: { data: [linkedFile] }, none: { data: [] } },
  deleteFile: nothing,
  putRoomAvatar: { set: { avatar: `/avatars/${'0f'.repeat(16)}` } },
  putUserAvatar: { set: { avatar: `/avatars/${'0f'.repeat(16)}` } },
  deleteRoomAvatar: { gone: { avatar: null } },
  deleteUserAvatar: { gone: { avatar: null } },
  ...WEBHOOK_ANSWERS,
  ...BOT_ANSWERS,
  ...TEMPLATE_ANSWERS,
}
