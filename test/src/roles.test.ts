import {
  OPERATIONS,
  type OperationInput,
  type OperationName,
  RIGHTS,
  ROOM_ACTIONS,
  type Role,
  type RoomAction,
} from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { lookUp, upload } from './support/files.ts'
import { perform } from './support/operations.ts'
import { type Answer, mintToken, rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'

/** Operations with a right in a room: those whose every cell of RIGHTS is walked. */
type Governed = {
  [N in OperationName]: (typeof OPERATIONS)[N]['right'] extends 'none' ? never : N
}[OperationName]
const GOVERNED = (Object.keys(OPERATIONS) as OperationName[]).filter(
  (name): name is Governed => OPERATIONS[name].right !== 'none',
)

/** Users by what they are to a room; `target` is a member, `asker` asked to come in, `outcast` is banned, `loner` nothing. */
const STANDINGS = [...Object.keys(RIGHTS), 'stranger'] as (Role | 'stranger')[]
const OTHERS = ['target', 'asker', 'outcast', 'loner'] as const
type Name = (typeof STANDINGS)[number] | (typeof OTHERS)[number]

type Stage = { roomId: string; otherRoomId: string; own: number; others: number }
/** What each operation is asked with, in a stage where whoever has the right succeeds. */
const REQUESTS: { [N in Governed]: (stage: Stage) => OperationInput<N> } = {
  'room:get': ({ roomId }) => ({ roomId }),
  'room:update': ({ roomId }) => ({ roomId, title: 'Another' }),
  'room:archive': ({ roomId }) => ({ roomId }),
  'room:restore': ({ roomId }) => ({ roomId }),
  'room:delete': ({ roomId }) => ({ roomId }),
  'room:transfer': ({ roomId }) => ({ roomId, userId: 'target' }),
  'member:list': ({ roomId }) => ({ roomId }),
  'member:add': ({ roomId }) => ({ roomId, userIds: ['loner'] }),
  'member:invite': ({ roomId }) => ({ roomId, userIds: ['loner'] }),
  'member:approve': ({ roomId }) => ({ roomId, userId: 'asker' }),
  'member:update': ({ roomId }) => ({ roomId, userId: 'target', role: 'publisher' }),
  'member:kick': ({ roomId }) => ({ roomId, userId: 'target' }),
  'member:ban': ({ roomId }) => ({ roomId, userId: 'target' }),
  'member:unban': ({ roomId }) => ({ roomId, userId: 'outcast' }),
  'ban:list': ({ roomId }) => ({ roomId }),
  'message:list': ({ roomId }) => ({ roomId }),
  'message:get': ({ roomId, others }) => ({ roomId, seq: others }),
  'message:thread': ({ roomId, others }) => ({ roomId, seq: others }),
  'message:edit': ({ roomId, own }) => ({ roomId, seq: own, text: 'better' }),
  'message:history': ({ roomId, others }) => ({ roomId, seq: others }),
  'message:delete': ({ roomId, own }) => ({ roomId, seq: own }),
  'message:react': ({ roomId, others }) => ({ roomId, seq: others, reaction: '+1' }),
  'message:unreact': ({ roomId, others }) => ({ roomId, seq: others, reaction: '+1' }),
  'message:pin': ({ roomId, others }) => ({ roomId, seq: others }),
  'message:unpin': ({ roomId, others }) => ({ roomId, seq: others }),
  'message:pins': ({ roomId }) => ({ roomId }),
  'message:forward': ({ roomId, others, otherRoomId }) => ({ roomId, seq: others, toRoomId: otherRoomId }),
  'message:schedule': ({ roomId }) => ({
    roomId,
    text: 'later',
    sendAt: new Date(Date.now() + 3_600_000).toISOString(),
  }),
  'message:scheduled': ({ roomId }) => ({ roomId }),
  'receipt:deliver': ({ roomId, others }) => ({ roomId, seq: others }),
  'receipt:read': ({ roomId, others }) => ({ roomId, seq: others }),
  'typing:set': ({ roomId }) => ({ roomId, typing: true }),
  'node:publish': ({ roomId }) => ({ roomId, node: 'x-test', payload: { value: 1 } }),
  'node:get': ({ roomId }) => ({ roomId, node: 'x-test' }),
  'node:history': ({ roomId }) => ({ roomId, node: 'x-test' }),
  'node:list': ({ roomId }) => ({ roomId }),
  'file:list': ({ roomId }) => ({ roomId }),
  'call:get': ({ roomId }) => ({ roomId }),
  'call:quality': ({ roomId }) => ({ roomId }),
  'call:waiting': ({ roomId }) => ({ roomId }),
  'call:admit': ({ roomId }) => ({ roomId }),
  'call:deny': ({ roomId }) => ({ roomId, knockId: 'kno_1' }),
  'call:mute': ({ roomId }) => ({ roomId }),
  'call:remove': ({ roomId }) => ({ roomId, participantId: 'par_1' }),
  'call:lock': ({ roomId }) => ({ roomId, locked: true }),
  'call:end': ({ roomId }) => ({ roomId }),
  'call:role': ({ roomId }) => ({ roomId, participantId: 'par_1', role: 'listener' }),
  'call:hand': ({ roomId }) => ({ roomId, participantId: 'par_1', raised: true }),
  'breakout:open': ({ roomId }) => ({ roomId, breakouts: [{ title: 'Table 1', userIds: [] }] }),
  'breakout:move': ({ roomId }) => ({ roomId, userId: 'target' }),
  'breakout:close': ({ roomId }) => ({ roomId }),
  'breakout:list': ({ roomId }) => ({ roomId }),
  'recording:start': ({ roomId }) => ({ roomId }),
  'recording:pause': ({ roomId }) => ({ roomId, paused: true }),
  'recording:stop': ({ roomId }) => ({ roomId }),
  'stream:start': ({ roomId }) => ({ roomId, hls: true }),
  'stream:get': ({ roomId }) => ({ roomId }),
  'stream:pause': ({ roomId }) => ({ roomId, paused: true }),
  'stream:stop': ({ roomId }) => ({ roomId }),
  'notification:level': ({ roomId }) => ({ roomId, level: 'mentions' }),
  'ring:start': ({ roomId }) => ({ roomId, userIds: ['target'], media: 'audio' }),
  'command:list': ({ roomId }) => ({ roomId }),
  'command:run': ({ roomId }) => ({ roomId, name: 'nothing' }),
  'command:complete': ({ roomId }) => ({ roomId, name: 'nothing', argument: 'a', text: '' }),
  'button:press': ({ roomId, others }) => ({ roomId, seq: others, buttonId: 'none' }),
  'form:submit': ({ roomId, others }) => ({ roomId, seq: others, formId: 'none', values: {} }),
  'ephemeral:show': ({ roomId }) => ({ roomId, userId: 'target', text: 'psst' }),
  'hook:create': ({ roomId }) => ({ roomId, name: 'Alerts' }),
  'hook:list': ({ roomId }) => ({ roomId }),
  'hook:update': ({ roomId }) => ({ roomId, hookId: 'hook_1', name: 'Alarms' }),
  'hook:rotate': ({ roomId }) => ({ roomId, hookId: 'hook_1' }),
  'hook:delete': ({ roomId }) => ({ roomId, hookId: 'hook_1' }),
}

type Outcome = 'ok' | 'forbidden' | 'room_not_found' | string
/** One way to ask, by one kind of access to the room; each is to be open to those roles only that RIGHTS names. */
type Way = {
  what: string
  right: RoomAction
  changes: boolean
  ask: (stage: Stage, actor: Name) => Promise<Outcome>
}

const register = cleanUpAfterAll()
let url: string
const tokens = new Map<Name, string>()
const sockets = new Map<Name, TestSocket>()

beforeAll(async () => {
  const env = { TRUNKLINE_SECRET: 'a-secret-for-the-roles' }
  url = (await startServer({ services: ['signalling', 'media'], env, register })).url
  for (const name of [...STANDINGS, ...OTHERS]) tokens.set(name, await mintToken(url, name))
  for (const name of STANDINGS) sockets.set(name, await connectSocket(url, name, register, tokens.get(name)))
})

const tokenOf = (name: Name) => tokens.get(name) as string
const socketOf = (name: Name) => sockets.get(name) as TestSocket
const overRest = (answer: Promise<Answer>): Promise<Outcome> =>
  answer.then(({ status, body }) => (status < 300 ? 'ok' : body.code))
const overSocket = (answer: Promise<unknown>): Promise<Outcome> =>
  answer.then(
    () => 'ok',
    (error: Error) => error.message.split(':')[0] ?? '',
  )

const ofOperation = (name: Governed): Way[] => {
  const { right, rest: route } = OPERATIONS[name]
  const common = { right, changes: route.method !== 'get' }
  const dataOf = (stage: Stage) => REQUESTS[name](stage) as OperationInput<typeof name>
  return [
    {
      ...common,
      what: `${name} over REST`,
      ask: (stage, actor) =>
        overRest(perform(url, name, dataOf(stage), { token: tokenOf(actor) })).then(outcome =>
          allowed(name, outcome),
        ),
    },
    {
      ...common,
      what: `${name} over a socket`,
      ask: (stage, actor) =>
        overSocket(socketOf(actor).request(name, dataOf(stage) as never)).then(outcome =>
          allowed(name, outcome),
        ),
    },
  ]
}

/** Nothing here routes media: who may have something to do with calls hears that. What hosts may is another table's. */
const withoutCalls = (outcome: Outcome): Outcome => (outcome === 'unavailable' ? 'ok' : outcome)

/** What there is none of here: bots with commands and buttons, and hooks of that id. Who hears so was let through. */
const ABSENT: Partial<Record<Governed, Outcome>> = {
  'command:run': 'not_found',
  'command:complete': 'not_found',
  'button:press': 'not_found',
  'form:submit': 'not_found',
  'ephemeral:show': 'conflict',
  'hook:update': 'not_found',
  'hook:rotate': 'not_found',
  'hook:delete': 'not_found',
}
const allowed = (name: Governed, outcome: Outcome): Outcome =>
  outcome === ABSENT[name] ? 'ok' : withoutCalls(outcome)

/** What is no operation: of one way only. */
const OTHER_WAYS: Way[] = [
  {
    what: 'room:open',
    right: 'read',
    changes: false,
    ask: ({ roomId }, actor) => overSocket(socketOf(actor).request('room:open', { roomId })),
  },
  {
    what: 'room:sync',
    right: 'read',
    changes: false,
    ask: ({ roomId }, actor) => overSocket(socketOf(actor).request('room:sync', { roomId })),
  },
  {
    what: 'message:send',
    right: 'write',
    changes: true,
    ask: ({ roomId }, actor) =>
      overSocket(
        socketOf(actor).request('message:send', { roomId, clientId: `c-${Math.random()}`, text: 'hello' }),
      ),
  },
  {
    what: 'call:join',
    right: 'call',
    changes: true,
    ask: ({ roomId }, actor) =>
      overSocket(socketOf(actor).request('call:join', { roomId, rtpCapabilities: { codecs: [] } })).then(
        withoutCalls,
      ),
  },
  {
    what: 'POST /v1/rooms/{id}/messages',
    right: 'write',
    changes: true,
    ask: ({ roomId }, actor) =>
      overRest(
        rest(url, 'POST', `/v1/rooms/${roomId}/messages`, { token: tokenOf(actor), body: { text: 'hello' } }),
      ),
  },
  {
    what: 'GET /v1/rooms/{id}/events',
    right: 'read',
    changes: false,
    ask: ({ roomId }, actor) =>
      overRest(rest(url, 'GET', `/v1/rooms/${roomId}/events`, { token: tokenOf(actor) })),
  },
  {
    what: 'POST /v1/rooms/{id}/files',
    right: 'write',
    changes: true,
    ask: ({ roomId }, actor) => sendBytes('POST', `/v1/rooms/${roomId}/files?name=a.txt`, actor),
  },
  {
    what: 'GET /v1/files',
    right: 'read',
    changes: false,
    ask: async ({ roomId }, actor) => {
      const id = await ownersFile(roomId)
      return (await lookUp(url, tokenOf(actor), id)).length === 1 ? 'ok' : 'room_not_found'
    },
  },
  {
    what: "DELETE /v1/files/{id} of another's",
    right: 'moderate',
    changes: true,
    ask: async ({ roomId }, actor) => {
      const path = `/v1/files/${await ownersFile(roomId)}`
      const outcome = await overRest(rest(url, 'DELETE', path, { token: tokenOf(actor) }))
      // Whoever is not in the room hears of no file.
      return outcome === 'not_found' ? 'room_not_found' : outcome
    },
  },
  {
    what: 'PUT /v1/rooms/{id}/avatar',
    right: 'update',
    changes: true,
    ask: ({ roomId }, actor) => sendBytes('PUT', `/v1/rooms/${roomId}/avatar`, actor),
  },
  {
    what: 'DELETE /v1/rooms/{id}/avatar',
    right: 'update',
    changes: true,
    ask: ({ roomId }, actor) =>
      overRest(rest(url, 'DELETE', `/v1/rooms/${roomId}/avatar`, { token: tokenOf(actor) })),
  },
]

/** The smallest picture. */
const GIF = Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64')

const sendBytes = async (method: string, path: string, actor: Name): Promise<Outcome> => {
  const response = await fetch(url + path, {
    method,
    headers: { authorization: `Bearer ${tokenOf(actor)}` },
    body: GIF,
  })
  return response.ok ? 'ok' : (await response.json()).code
}

const ownersFile = async (roomId: string): Promise<string> =>
  (await upload(url, tokenOf('owner'), roomId, 'a.gif', GIF)).id

const server = async <N extends OperationName>(name: N, data: OperationInput<N>, sender?: Name) => {
  const answer = await perform(url, name, data, sender === undefined ? {} : { sender })
  expect([name, answer.status < 300 ? 'ok' : answer.body]).toEqual([name, 'ok'])
  return answer.body
}

const say = async (roomId: string, sender: Name): Promise<number> => {
  const body = { sender, text: `from ${sender}` }
  return (await rest(url, 'POST', `/v1/rooms/${roomId}/messages`, { body })).body.seq
}

/** A stranger has none, as the banned have none. */
const rightsOf = (actor: Name): Readonly<Record<RoomAction, boolean>> =>
  actor in RIGHTS ? RIGHTS[actor as Role] : RIGHTS.banned

let stages = 0
/** A room with somebody of every role, a message of another and one of who acts. */
const setStage = async (actor: Name): Promise<Stage> => {
  const roomId = `stage-${++stages}`
  const otherRoomId = `${roomId}-other`
  const readers = ['owner', 'moderator', 'publisher', 'member', 'target'] as const
  await server('room:create', { id: roomId, kind: 'channel', access: 'request', members: [...readers] })
  await Promise.all([
    server('room:create', { id: otherRoomId, kind: 'group', members: [...readers] }),
    ...(['owner', 'moderator', 'publisher'] as const).map(role =>
      server('member:update', { roomId, userId: role, role }),
    ),
    ...(['pending', 'asker'] as const).map(name => server('room:follow', { roomId }, name)),
    ...(['banned', 'outcast'] as const).map(userId => server('member:ban', { roomId, userId })),
  ])
  const others = await say(roomId, 'target')
  const own = rightsOf(actor).read ? await say(roomId, actor) : others
  return { roomId, otherRoomId, own, others }
}

const expected = (actor: Name, right: RoomAction): Outcome => {
  const rights = rightsOf(actor)
  if (rights[right]) return 'ok'
  return rights.read ? 'forbidden' : 'room_not_found'
}

const WAYS = [...GOVERNED.flatMap(ofOperation), ...OTHER_WAYS]

it('every right is asked for somewhere', () => {
  expect([...new Set(WAYS.map(way => way.right))].sort()).toEqual(Object.keys(ROOM_ACTIONS).sort())
})

/** Who is refused changes nothing, and who only looks neither: for all of them there is one. */
let shared: Promise<Stage> | undefined
const sharedStage = () => {
  shared ??= setStage('owner')
  return shared
}

describe.each(WAYS)('$what needs the right to $right', ({ right, changes, ask }) => {
  it.each(STANDINGS)('%s', async actor => {
    const outcome = expected(actor, right)
    const stage = outcome === 'ok' && changes ? await setStage(actor) : await sharedStage()
    expect(await ask(stage, actor)).toBe(outcome)
  })
})
