const at = '2026-11-21T09:30:00.000Z'
const roomId = 'room-1'

const subscription = {
  endpoint: 'https://push.example.org/send/abc',
  expirationTime: null,
  keys: { p256dh: `B${'a'.repeat(86)}`, auth: 'a'.repeat(22) },
}
const apns = { kind: 'apns', token: 'ab'.repeat(32), topic: 'org.example.app' }

const device = { id: 'dev_1', kind: 'web', content: 'full', createdAt: at, seenAt: at }
const named = {
  ...device,
  id: 'dev_2',
  kind: 'apns',
  name: 'My phone',
  locale: 'de-AT',
  content: 'ids',
  pushedAt: at,
}

const quietHours = { start: '22:00', end: '07:00', timeZone: 'Europe/Berlin', after: 'hold' }
const settings = { quietHours, whenAway: false, digestMinutes: 60 }
const level = { roomId, level: 'mentions', until: at }

const template = { type: 'message.created', locale: 'de', title: '{{from}}', body: '{{message.text}}' }

/** Requests and answers of the operations of pushes, by name. */
export const PUSH_REQUESTS = {
  'device:options': { plain: {} },
  'device:register': {
    browser: { target: { kind: 'web', subscription } },
    phone: {
      target: { ...apns, purpose: 'voip' },
      name: 'My phone',
      locale: 'de-AT',
      content: 'ids',
    },
    android: { target: { kind: 'fcm', token: 'fcm:token' } },
    mail: { target: { kind: 'email', address: 'ada@example.org' } },
    telephone: { target: { kind: 'sms', address: '+4930123456' } },
  },
  'device:list': { plain: {} },
  'device:remove': { plain: { deviceId: 'dev_1' } },
  'notification:get': { plain: {} },
  'notification:set': {
    'quiet hours': { quietHours },
    'none, and more': { quietHours: null, whenAway: true, digestMinutes: 30 },
  },
  'notification:level': {
    'for a while': { roomId, level: 'none', until: at },
    'as if nothing was said': { roomId, level: null },
  },
  'notification:levels': { first: {}, further: { cursor: 'WzEyXQ', limit: 10 } },
}

export const PUSH_ANSWERS = {
  'device:options': { all: { kinds: ['web', 'apns', 'fcm', 'email', 'sms'], vapidPublicKey: 'BOaa' } },
  'device:register': { browser: device, phone: named },
  'device:list': { two: { data: [named, device] }, none: { data: [] } },
  'device:remove': { gone: {} },
  'notification:get': { 'from the start': { ...settings, quietHours: null } },
  'notification:set': { set: settings },
  'notification:level': { set: level, ended: { roomId, level: null } },
  'notification:levels': { one: { data: [level], nextCursor: 'WzEyXQ' } },
}

export const TEMPLATE_BODIES = {
  putPushTemplate: { german: template, 'title alone': { ...template, body: '' } },
  previewPushTemplate: {
    'what is used': { type: 'digest', locale: 'de' },
    'what would be': { ...template, values: { 'message.text': 'Hallo' } },
  },
}

export const TEMPLATE_ANSWERS = {
  listPushTemplates: { one: { data: [template] } },
  putPushTemplate: { kept: template },
  deletePushTemplate: { gone: {} },
  previewPushTemplate: { rendered: { locale: 'de', title: 'Ada · Ward 7', body: 'Hallo' } },
}
