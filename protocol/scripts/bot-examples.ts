import { at, messageEvent, roomId, textPart } from './example-values.ts'

const user = { id: 'weather', name: 'Weather', kind: 'bot' }
const url = 'https://bots.example.org/weather'
const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const token = `tlb_${'a'.repeat(43)}`

const command = {
  name: 'weather',
  description: 'How the weather will be',
  arguments: [
    { kind: 'text', name: 'place', required: true, completes: true, maxChars: 80 },
    { kind: 'number', name: 'days', min: 1, max: 7, whole: true, description: 'From today on' },
    { kind: 'choice', name: 'units', choices: [{ value: 'metric', label: '°C' }, { value: 'imperial' }] },
    { kind: 'boolean', name: 'wind' },
    { kind: 'user', name: 'whom' },
    { kind: 'date', name: 'day' },
    { kind: 'time', name: 'at' },
  ],
}
const bare = { name: 'ping', description: 'Says pong' }

/** What a message of a bot has below it. */
export const controls = [
  { type: 'button', id: 'again', label: 'Again', style: 'primary' },
  { type: 'button', id: 'old', label: 'Too late', disabled: true },
  {
    type: 'form',
    id: 'book',
    label: 'Book',
    title: 'An appointment',
    submit: 'Book it',
    fields: [{ kind: 'text', name: 'reason', label: 'Why', required: true, multiline: true }],
  },
]

const bot = { user, hears: 'mentions', commands: [], createdAt: at }
const told = {
  ...bot,
  url,
  hears: 'all',
  commands: [command, bare],
  problem: { at, reason: 'Nobody listens there.' },
  previousSecretUntil: at,
}

const hook = {
  id: 'hook_1',
  roomId,
  user: { id: 'hook_1', name: 'Alerts', kind: 'bot' },
  signed: false,
  createdAt: at,
}
const madeHook = { ...hook, path: `/v1/hooks/${'b'.repeat(43)}` }
const ephemeral = { id: 'eph_1', roomId, sender: 'weather', text: 'Hello', parts: [textPart], at }
const edited = {
  roomId,
  seq: 4,
  at,
  sender: 'weather',
  type: 'message.edited',
  data: { messageSeq: 3, parts: [textPart], controls },
}
const reply = {
  'a message': { event: messageEvent },
  'for one alone': { ephemeral },
  'what was pressed says something else': { updated: edited },
  nothing: {},
}
const inRoom = { plain: { roomId } }
const oneHook = { plain: { roomId, hookId: 'hook_1' } }

export const BOT_REQUESTS = {
  'command:list': inRoom,
  'command:run': {
    plain: { roomId, name: 'ping' },
    typed: { roomId, name: 'weather', text: '"New York" days:3', clientId: 'c-9' },
    'by name': {
      roomId,
      botId: 'weather',
      name: 'weather',
      arguments: { place: 'Oslo', days: 3, wind: true },
    },
  },
  'command:complete': {
    begun: { roomId, name: 'weather', argument: 'place', text: 'Os' },
    'with others': {
      roomId,
      botId: 'weather',
      name: 'weather',
      argument: 'place',
      text: '',
      arguments: { days: 3 },
    },
  },
  'button:press': {
    plain: { roomId, seq: 3, buttonId: 'again' },
    'told apart': { roomId, seq: 3, buttonId: 'again', clientId: 'c-10' },
  },
  'form:submit': {
    plain: { roomId, seq: 3, formId: 'book', values: { reason: 'A cold' }, clientId: 'c-11' },
  },
  'ephemeral:show': {
    text: { roomId, userId: 'ada', text: 'Only you see this' },
    parts: { roomId, userId: 'ada', parts: [textPart], metadata: {} },
  },
  'hook:create': { plain: { roomId, name: 'Alerts' }, signed: { roomId, name: 'Alerts', signed: true } },
  'hook:list': inRoom,
  'hook:update': { named: { roomId, hookId: 'hook_1', name: 'Alarms', signed: true } },
  'hook:rotate': oneHook,
  'hook:delete': oneHook,
}

export const BOT_RESPONSES = {
  'command:list': {
    two: {
      data: [
        { ...command, bot: user },
        { ...bare, bot: user },
      ],
    },
  },
  'command:run': reply,
  'command:complete': {
    some: { data: [{ value: 'Oslo' }, { value: 'OSA', label: 'Osaka' }] },
    none: { data: [] },
  },
  'button:press': reply,
  'form:submit': reply,
  'ephemeral:show': { plain: ephemeral },
  'hook:create': { plain: madeHook, signed: { ...madeHook, signed: true, secret } },
  'hook:list': { one: { data: [hook] }, none: { data: [] } },
  'hook:update': { plain: hook },
  'hook:rotate': { signed: { ...madeHook, signed: true, secret } },
  'hook:delete': { nothing: {} },
}

export const BOT_NOTICES = { 'ephemeral:shown': { plain: ephemeral } }

export const BOT_BODIES = {
  createBot: { shortest: { name: 'Weather' }, whole: { id: 'weather', name: 'Weather', url, hears: 'all' } },
  updateBot: { silent: { url: null, hears: 'nothing' }, named: { name: 'Rain', url } },
  setBotCommands: { some: { commands: [command, bare] }, none: { commands: [] } },
}

export const BOT_ANSWERS = {
  createBot: { made: { ...bot, token, secret } },
  listBots: { two: { data: [bot, told], nextCursor: 'Wzdd' } },
  getBot: { plain: bot, told },
  updateBot: { changed: bot },
  deleteBot: { gone: {} },
  setBotCommands: { told },
  rotateBotToken: { made: { token } },
  rotateBotSecret: { made: { secret, previousSecretUntil: at } },
  postToHook: { posted: { roomId, seq: 3 } },
}
