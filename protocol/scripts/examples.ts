/** One or more valid values of every shape of the wire, by what makes each worth having. */
type Examples = Readonly<Record<string, Readonly<Record<string, unknown>>>>

const roomId = 'room-1'
const at = '2026-11-21T09:30:00.000Z'
const participant = { roomId, participantId: 'par_1' }
const ada = { id: 'ada', name: 'Ada', kind: 'user' }
const guest = { id: 'gst_1', name: 'Grüße 👋', kind: 'guest' }
const textPart = { mime: 'text/plain', text: 'Hello' }
const filePart = {
  mime: 'image/png',
  fileId: 'file_1',
  name: 'scan.png',
  size: 48_213,
  width: 1_280,
  height: 720,
}
const jsonPart = { mime: 'application/json', json: { answer: [42, null, true, { deep: 'yes' }] } }

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
const transport = (id: string) => ({
  id,
  iceParameters,
  iceCandidates: [
    { foundation: 'udpcandidate', priority: 1, ip: '192.0.2.1', protocol: 'udp', port: 40_000, type: 'host' },
  ],
  dtlsParameters,
})
const call = {
  id: 'call_1',
  roomId,
  startedAt: at,
  participants: [
    {
      id: 'par_1',
      userId: 'ada',
      name: 'Ada',
      joinedAt: at,
      tracks: [{ producerId: 'pro_1', source: 'mic', paused: false }],
    },
  ],
}
const consumer = {
  id: 'con_1',
  producerId: 'pro_1',
  participantId: 'par_1',
  source: 'mic',
  kind: 'audio',
  rtpParameters,
}
const iceServers = [
  { urls: ['turn:192.0.2.1:3478?transport=udp'], username: '1795000000:ada', credential: 'c2VjcmV0' },
]

const messageEvent = {
  roomId,
  seq: 3,
  at,
  sender: 'ada',
  clientId: 'c-1',
  type: 'message.created',
  data: { parts: [textPart], metadata: { urgent: true } },
}
const room = {
  id: roomId,
  kind: 'group',
  title: 'Ward round',
  metadata: {},
  guests: true,
  lastSeq: 3,
  createdAt: at,
}
const member = { user: ada, role: 'owner', deliveredSeq: 3, readSeq: 2, joinedAt: at }
const message = {
  roomId,
  seq: 3,
  sender: 'ada',
  clientId: 'c-1',
  text: 'Hello',
  parts: [textPart, filePart, jsonPart],
  at,
}
const storedFile = {
  id: 'file_1',
  roomId,
  uploader: 'ada',
  name: 'scan.png',
  mime: 'image/png',
  size: 48_213,
  width: 1_280,
  height: 720,
  thumbnail: true,
  createdAt: at,
}
const joined = {
  call,
  participantId: 'par_1',
  routerRtpCapabilities: rtpCapabilities,
  sendTransport: transport('tra_1'),
  receiveTransport: transport('tra_2'),
  consumers: [consumer],
}
const issued = { token: 'header.claims.signature', user: ada, expiresAt: at }
const nothing = { nothing: {} }

export const REQUEST_EXAMPLES: Examples = {
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
    'every kind of part': { roomId, clientId: 'c-2', parts: [textPart, jsonPart, filePart] },
    'other scripts': {
      roomId,
      clientId: '!~',
      text: 'नमस्ते 👩‍⚕️ שלום\n',
      metadata: { 'a key': { constructor: 1 } },
    },
  },
  'receipt:deliver': { plain: { roomId, seq: 3 } },
  'receipt:read': { 'nothing yet': { roomId, seq: 0 } },
  'typing:set': { begins: { roomId, typing: true }, ends: { roomId, typing: false } },
  'presence:set': { online: { status: 'online' }, away: { status: 'away' } },
  'call:join': { 'can receive': { roomId, rtpCapabilities }, 'only sends': { roomId, rtpCapabilities: {} } },
  'call:leave': { plain: participant },
  'transport:connect': { plain: { ...participant, transportId: 'tra_1', dtlsParameters } },
  'transport:restart': { plain: { ...participant, transportId: 'tra_1' } },
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
  'consumer:prefer': {
    lowest: { ...participant, consumerId: 'con_1', spatialLayer: 0 },
    both: { ...participant, consumerId: 'con_1', spatialLayer: 2, temporalLayer: 1 },
  },
}

export const RESPONSE_EXAMPLES: Examples = {
  'room:open': {
    'with a call': {
      room,
      me: member,
      members: [member, { ...member, user: guest, role: 'publisher' }],
      presence: [{ userId: 'ada', status: 'online' }],
      events: [messageEvent],
      hasMore: true,
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
      call: null,
      routerRtpCapabilities: null,
    },
  },
  'room:close': nothing,
  'room:sync': { page: { events: [messageEvent], hasMore: false } },
  'message:send': { appended: { event: messageEvent } },
  'receipt:deliver': nothing,
  'receipt:read': nothing,
  'typing:set': nothing,
  'presence:set': nothing,
  'call:join': { joined: { ...joined, iceServers } },
  'call:leave': nothing,
  'transport:connect': nothing,
  'transport:restart': { restarted: { iceParameters } },
  'producer:create': { created: { producerId: 'pro_1' } },
  'producer:close': nothing,
  'producer:pause': nothing,
  'producer:resume': nothing,
  'consumer:resume': nothing,
  'consumer:prefer': nothing,
}

export const NOTICE_EXAMPLES: Examples = {
  'event:appended': { message: { event: messageEvent } },
  'typing:changed': { begins: { roomId, userId: 'ada', typing: true } },
  'presence:changed': { left: { roomId, userId: 'ada', status: 'offline' } },
  'receipt:changed': { read: { roomId, userId: 'ada', deliveredSeq: 3, readSeq: 2 } },
  'call:changed': { live: { roomId, call }, over: { roomId, call: null } },
  'speaker:changed': {
    somebody: { roomId, participantId: 'par_1' },
    silence: { roomId, participantId: null },
  },
  'consumer:added': { microphone: { ...participant, consumer } },
  'consumer:closed': { plain: { ...participant, consumerId: 'con_1' } },
  'call:lost': { worker: { ...participant, reason: 'The media worker of this call is gone.' } },
  'producer:limited': {
    unwatched: { ...participant, producerId: 'pro_1', maxSpatialLayer: -1 },
    small: { ...participant, producerId: 'pro_1', maxSpatialLayer: 0 },
  },
}

export const EVENT_EXAMPLES: Examples = {
  'room.created': {
    plain: { roomId, seq: 1, at, sender: 'ada', type: 'room.created', data: { kind: 'group', title: '' } },
  },
  'member.joined': {
    guest: { roomId, seq: 2, at, type: 'member.joined', data: { user: guest, role: 'publisher' } },
  },
  'member.left': { plain: { roomId, seq: 9, at, type: 'member.left', data: { userId: 'gst_1' } } },
  'message.created': { text: messageEvent },
  'call.started': { plain: { roomId, seq: 4, at, type: 'call.started', data: { callId: 'call_1' } } },
  'call.ended': {
    plain: { roomId, seq: 5, at, type: 'call.ended', data: { callId: 'call_1', durationMs: 0 } },
  },
}

export const BODY_EXAMPLES: Examples = {
  createToken: {
    shortest: { userId: 'ada' },
    whole: {
      userId: 'ada@example.org',
      name: 'Ada',
      rooms: [{ roomId }, { roomId: 'room-2', role: 'member' }],
      ttlSeconds: 10,
    },
  },
  createGuestToken: { plain: { roomId, name: 'Grüße 👋' } },
  createRoom: {
    shortest: { kind: 'channel' },
    whole: {
      id: roomId,
      kind: 'group',
      title: 'Ward round',
      members: ['ada', 'grace'],
      distinct: true,
      guests: false,
      metadata: { ward: 7 },
    },
  },
  createMessage: {
    text: { text: 'Hello' },
    parts: { sender: 'ada', clientId: 'c-1', parts: [textPart, filePart], metadata: {} },
  },
}

export const ANSWER_EXAMPLES: Examples = {
  createToken: { issued },
  createGuestToken: { issued: { ...issued, user: guest } },
  createRoom: { 'with an API key': room },
  getRoom: { "with a user's token": { ...room, me: { userId: 'ada', role: 'owner' } } },
  listMessages: { page: { data: [message], nextCursor: 'czM' }, empty: { data: [] } },
  createMessage: { created: message },
  listEvents: { page: { data: [messageEvent] } },
  listIceServers: { relayed: { iceServers, expiresAt: at }, none: { iceServers: [], expiresAt: at } },
  createFile: { picture: storedFile },
}
