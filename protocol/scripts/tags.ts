import type { OperationName, RouteName } from '../src/index.ts'

/** What the REST API is about, in the order a reader meets it. */
export const TAGS = {
  Tokens: 'Who somebody is: tokens for users of your app, and for guests',
  Rooms: 'Rooms and channels: create, find, follow, change, end them; their log',
  Members: 'Who is in a room and as what: invite, approve, promote, send away, ban',
  Messages: 'Send, edit, delete, react, pin, forward, schedule; threads and history',
  Receipts: 'Received and read; typing',
  Files:
    'Files of rooms, what is made of them, and avatars. Resumable uploads are by tus 1.0, at /v1/uploads',
  Nodes: 'Named streams of a room: status, geolocation and your own',
  Inbox: "One's rooms by activity, the feed of channels, and sync for who was away",
  Search: 'Messages, files, rooms and people, as far as one may see them',
  Users: 'Users, their presence, and whom they block',
  Calls:
    'Live calls and how good they are; what a call needs before it begins, and the TURN services behind it',
  Webhooks: 'Events of all rooms, sent to your own server, or fetched by it',
  Push: 'Being told while away: devices, what one wants to hear, templates',
  'Portable data': 'Export, import and deletion, as jobs',
} as const
type Tag = keyof typeof TAGS

type Domain<N extends string> = N extends `${infer D}:${string}` ? D : never

const OF_OPERATIONS: Readonly<Record<Domain<OperationName>, Tag>> = {
  room: 'Rooms',
  channel: 'Rooms',
  member: 'Members',
  ban: 'Members',
  message: 'Messages',
  file: 'Files',
  receipt: 'Receipts',
  typing: 'Receipts',
  node: 'Nodes',
  inbox: 'Inbox',
  feed: 'Inbox',
  sync: 'Inbox',
  search: 'Search',
  call: 'Calls',
  user: 'Users',
  presence: 'Users',
  block: 'Users',
  ring: 'Calls',
  breakout: 'Calls',
  recording: 'Calls',
  stream: 'Calls',
  device: 'Push',
  notification: 'Push',
  export: 'Portable data',
  job: 'Portable data',
}

const OF_ROUTES: Readonly<Record<RouteName, Tag>> = {
  createToken: 'Tokens',
  createGuestToken: 'Tokens',
  createDemoToken: 'Tokens',
  createMessage: 'Messages',
  listEvents: 'Rooms',
  listIceServers: 'Calls',
  pollEvents: 'Webhooks',
  createWebhook: 'Webhooks',
  listWebhooks: 'Webhooks',
  getWebhook: 'Webhooks',
  updateWebhook: 'Webhooks',
  deleteWebhook: 'Webhooks',
  rotateWebhookSecret: 'Webhooks',
  testWebhook: 'Webhooks',
  replayWebhook: 'Webhooks',
  listWebhookAttempts: 'Webhooks',
  listDeadLetters: 'Webhooks',
  retryDeadLetters: 'Webhooks',
  listPushTemplates: 'Push',
  putPushTemplate: 'Push',
  deletePushTemplate: 'Push',
  previewPushTemplate: 'Push',
  getSfu: 'Calls',
  drainSfu: 'Calls',
  getTurn: 'Calls',
  testTurn: 'Calls',
  revokeRelays: 'Calls',
  getExport: 'Portable data',
  createImport: 'Portable data',
  createFile: 'Files',
  getFile: 'Files',
  listFiles: 'Files',
  getFileVariant: 'Files',
  deleteFile: 'Files',
  getLinkedFile: 'Files',
  putRoomAvatar: 'Files',
  putUserAvatar: 'Files',
  deleteRoomAvatar: 'Files',
  deleteUserAvatar: 'Files',
  getAvatar: 'Files',
}

/** The tag of a route or an operation. */
export const tagOf = (name: RouteName | OperationName): Tag =>
  name.includes(':')
    ? OF_OPERATIONS[name.split(':')[0] as Domain<OperationName>]
    : OF_ROUTES[name as RouteName]
