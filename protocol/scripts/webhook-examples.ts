const at = '2026-11-21T09:30:00.000Z'
const roomId = 'room-1'

const filter = { types: ['message.*', 'call.ended'], roomIds: [roomId], metadata: { kind: 'ward', floor: 2 } }

const outgoing = {
  id: 'evt_17_3',
  type: 'message.created',
  timestamp: at,
  data: {
    roomId,
    seq: 3,
    type: 'message.created',
    at,
    sender: 'ada',
    data: { parts: [{ mime: 'text/plain', text: 'Hello' }] },
  },
  room: { id: roomId, kind: 'group', title: 'Ward 7', metadata: { kind: 'ward' } },
}

const webhook = {
  id: 'whk_1',
  url: 'https://app.example.org/trunkline',
  paused: false,
  createdAt: at,
  cursor: 'WyJvbmUiLCI3MTIiLCIiLCIwIl0',
  waitingRooms: 0,
  deadLetters: 0,
}

const troubled = {
  ...webhook,
  ...filter,
  description: 'Tells the wards',
  waitingRooms: 12,
  deadLetters: 1,
  failing: { since: at, reason: 'Nobody listens there.', retryAt: at },
  previousSecretUntil: at,
}

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'

const attempt = {
  eventId: outgoing.id,
  roomId,
  seq: 3,
  at,
  latencyMs: 12,
  delivered: false,
  request: { url: webhook.url, headers: { 'webhook-id': outgoing.id }, body: JSON.stringify(outgoing) },
  response: { status: 500, body: 'not now' },
  problem: 'It answered 500, and only 200 to 299 says that an event was taken.',
}

/** Bodies and answers of the routes of webhooks, by name. */
export const WEBHOOK_BODIES = {
  createWebhook: {
    shortest: { url: webhook.url },
    whole: { url: webhook.url, description: 'Wards', ...filter },
  },
  updateWebhook: {
    paused: { paused: true },
    whole: {
      url: webhook.url,
      description: 'Wards',
      types: null,
      roomIds: null,
      metadata: null,
      paused: false,
    },
    narrowed: filter,
  },
  replayWebhook: { 'from a time': { since: at }, 'from a cursor': { cursor: webhook.cursor } },
}

export const WEBHOOK_ANSWERS = {
  pollEvents: {
    some: { data: [outgoing], cursor: webhook.cursor },
    none: { data: [], cursor: webhook.cursor },
  },
  createWebhook: { made: { ...webhook, secret } },
  listWebhooks: { two: { data: [webhook, troubled] } },
  getWebhook: { well: webhook, troubled },
  updateWebhook: { changed: { ...webhook, paused: true } },
  deleteWebhook: { gone: {} },
  rotateWebhookSecret: { made: { secret, previousSecretUntil: at } },
  testWebhook: { refused: attempt },
  replayWebhook: { begun: webhook },
  listWebhookAttempts: { page: { data: [attempt], nextCursor: 'Wzdd' }, none: { data: [] } },
  listDeadLetters: {
    one: {
      data: [{ event: outgoing, firstAttemptAt: at, gaveUpAt: at, attempts: 77, problem: attempt.problem }],
    },
  },
  retryDeadLetters: { most: { delivered: 3, left: 1 } },
}
