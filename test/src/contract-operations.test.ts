import {
  OPERATIONS,
  type OperationAnswer,
  type OperationInput,
  type OperationName,
  type RequestData,
  ROUTES,
} from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { type ContractClient, callStrictly, connectStrictly, performStrictly } from './contract-client.ts'
import { startBot } from './support/bot.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken } from './support/rest.ts'
import { startServer } from './support/server.ts'

const PEOPLE = ['ada', 'grace', 'linus', 'mary', 'kurt', 'edsger', 'tony'] as const
type Person = (typeof PEOPLE)[number]

/** One way of asking: over REST or over a socket, each answer held against the contract to the letter. */
type Ask = <N extends OperationName>(
  who: Person,
  name: N,
  data: OperationInput<N>,
) => Promise<OperationAnswer<N>>

let url: string
const tokens = new Map<string, string>()
const sockets = new Map<string, ContractClient>()
const register = cleanUpAfterAll()

beforeAll(async () => {
  ;({ url } = await startServer({ register }))
  for (const who of PEOPLE) {
    tokens.set(who, await mintToken(url, who))
    sockets.set(who, await connectStrictly(url, tokens.get(who) ?? ''))
  }
  register(async () => {
    for (const socket of sockets.values()) socket.close()
  })
})

const overRest: Ask = (who, name, data) => performStrictly(url, name, data, { token: tokens.get(who) ?? '' })
const overSocket: Ask = (who, name, data) =>
  (sockets.get(who) as ContractClient).request(name, data as RequestData<typeof name>) as never

describe.each([
  // Whoever comes and is deleted in the end is another each time.
  ['REST', overRest, 'edsger'],
  ['socket', overSocket, 'tony'],
] as const)('over %s', (transport, ask, newcomer) => {
  const used = new Set<OperationName>()
  const perform: Ask = (who, name, data) => {
    used.add(name)
    return ask(who, name, data)
  }
  let roomId: string
  let elsewhere: string

  const say = async (text: string, more: object = {}): Promise<number> => {
    const message = await callStrictly(url, 'createMessage', {
      token: tokens.get('linus') ?? '',
      id: roomId,
      body: { text, ...more },
    })
    return message.seq
  }

  it('rooms and who is in them', async () => {
    const room = await perform('ada', 'room:create', {
      kind: 'channel',
      title: `Ward round by ${transport}`,
      access: 'request',
      members: ['grace'],
    })
    roomId = room.id
    expect(room.me).toEqual({ userId: 'ada', role: 'owner' })
    await perform('ada', 'room:update', { roomId, description: 'Every morning', metadata: { ward: 7 } })
    const seen = await perform('grace', 'room:get', { roomId })
    expect([seen.description, seen.me?.role]).toEqual(['Every morning', 'member'])
    await perform('ada', 'member:add', { roomId, userIds: ['linus'] })
    const linus = await perform('ada', 'member:update', { roomId, userId: 'linus', role: 'publisher' })
    expect(linus.role).toBe('publisher')
    await perform('ada', 'member:invite', { roomId, userIds: ['mary'], role: 'moderator' })
    expect((await perform('mary', 'room:accept', { roomId })).role).toBe('moderator')
    const asked = await perform(newcomer, 'room:follow', { roomId, message: 'Let me in' })
    expect([asked.role, asked.pending]).toEqual(['pending', 'requested'])
    expect((await perform('mary', 'member:approve', { roomId, userId: newcomer })).role).toBe('member')
    const { data } = await perform('grace', 'member:list', { roomId })
    expect(data.map(member => member.user.id).sort()).toEqual(
      ['ada', 'grace', 'linus', 'mary', newcomer].sort(),
    )
    const channels = await perform('kurt', 'channel:list', { query: 'ward' })
    expect(channels.data.map(channel => channel.id)).toContain(roomId)
    await perform('kurt', 'room:follow', { roomId })
    await perform('mary', 'member:kick', { roomId, userId: 'kurt', reason: 'Not yet' })
    await perform('mary', 'member:ban', { roomId, userId: 'kurt', reason: 'Never' })
    const bans = await perform('ada', 'ban:list', { roomId })
    expect(bans.data.map(ban => [ban.user.id, ban.reason])).toEqual([['kurt', 'Never']])
    await perform('mary', 'member:unban', { roomId, userId: 'kurt' })
    await perform(newcomer, 'room:leave', { roomId })
    elsewhere = (await perform('linus', 'room:create', { kind: 'group', members: ['ada'] })).id
  })

  it('messages', async () => {
    const root = await say('The first of a thread', { mentions: ['grace'] })
    const answer = await say('An answer', { threadOf: root, replyTo: root })
    await perform('linus', 'message:edit', { roomId, seq: root, text: 'The first of this thread' })
    const { data: versions } = await perform('grace', 'message:history', { roomId, seq: root })
    expect(versions).toHaveLength(2)
    const { data: thread } = await perform('grace', 'message:thread', { roomId, seq: root })
    expect(thread.map(({ seq }) => seq)).toEqual([answer])
    await perform('grace', 'message:react', { roomId, seq: root, reaction: '👍' })
    const pinned = await perform('linus', 'message:pin', { roomId, seq: root })
    expect(pinned).toMatchObject({ thread: { count: 1 }, reactions: [{ reaction: '👍', count: 1 }] })
    const { data: pins } = await perform('grace', 'message:pins', { roomId })
    expect(pins).toEqual([pinned])
    await perform('grace', 'message:unreact', { roomId, seq: root, reaction: '👍' })
    await perform('linus', 'message:unpin', { roomId, seq: root })
    const now = await perform('grace', 'message:get', { roomId, seq: root })
    expect([now.text, now.reactions, now.pinnedAt]).toEqual([
      'The first of this thread',
      undefined,
      undefined,
    ])
    const { event } = await perform('linus', 'message:forward', { roomId, seq: root, toRoomId: elsewhere })
    expect(event.roomId).toBe(elsewhere)
    const sendAt = new Date(Date.now() + 3_600_000).toISOString()
    const later = await perform('linus', 'message:schedule', { roomId, sendAt, text: 'Good morning' })
    const { data: waiting } = await perform('linus', 'message:scheduled', { roomId })
    expect(waiting).toEqual([later])
    await perform('linus', 'message:unschedule', { roomId, scheduleId: later.id })
    await perform('linus', 'message:delete', { roomId, seq: answer })
    const { data: messages } = await perform('grace', 'message:list', { roomId })
    expect(messages.map(message => message.deletedAt !== undefined)).toEqual([false, true])
  })

  it('what is read, who is there, whom one does not want to hear', async () => {
    const seq = await say('Read me, @grace', { mentions: ['grace'] })
    await perform('grace', 'receipt:deliver', { roomId, seq })
    const { data } = await perform('grace', 'inbox:list', {})
    expect(data.find(entry => entry.room.id === roomId)).toMatchObject({ unread: 2, mentions: 1 })
    expect(await perform('grace', 'receipt:read', { roomId, seq })).toEqual({ unread: 0, mentions: 0 })
    await perform('linus', 'typing:set', { roomId, typing: true })
    const presence = await perform('grace', 'presence:set', { status: 'dnd', custom: { text: 'In theatre' } })
    expect(presence).toMatchObject({ userId: 'grace', status: 'dnd', hidden: false })
    const present = await perform('ada', 'presence:get', { userIds: ['grace'] })
    expect(present.data).toMatchObject([{ status: 'dnd', custom: { text: 'In theatre' } }])
    await perform('grace', 'presence:set', { status: 'online', custom: null })
    await perform('grace', 'block:add', { userId: 'kurt' })
    expect((await perform('grace', 'block:list', {})).data.map(({ id }) => id)).toEqual(['kurt'])
    await perform('grace', 'block:remove', { userId: 'kurt' })
  })

  it('bots, and hooks', async () => {
    const id = `clerk-${transport}`
    const bot = await startBot(url, { id }, register)
    await perform('ada', 'member:add', { roomId, userIds: [id], role: 'publisher' })
    const place = { kind: 'text', name: 'place', completes: true } as const
    const commands = [{ name: 'book', description: 'Books', arguments: [place] }]
    await callStrictly(url, 'setBotCommands', { token: bot.token, id, body: { commands } })
    const { data } = await perform('grace', 'command:list', { roomId })
    expect(data.map(command => [command.name, command.bot.id])).toEqual([['book', id]])
    bot.answer = ({ type }) => {
      if (type === 'command.complete') return { choices: [{ value: 'Oslo' }] }
      if (type !== 'command.run') return { text: 'Noted', ephemeral: true }
      const button = { type: 'button', id: 'yes', label: 'Yes' }
      return { text: 'Sure?', controls: [button, { type: 'form', id: 'why', label: 'Why', fields: [place] }] }
    }
    const asked = { roomId, name: 'book', argument: 'place', text: 'O' }
    expect((await perform('linus', 'command:complete', asked)).data).toEqual([{ value: 'Oslo' }])
    const { event } = await perform('linus', 'command:run', { roomId, name: 'book', text: 'Oslo' })
    const seq = event?.seq ?? 0
    const pressed = await perform('grace', 'button:press', { roomId, seq, buttonId: 'yes' })
    expect(pressed.ephemeral?.text).toBe('Noted')
    const filled = await perform('grace', 'form:submit', { roomId, seq, formId: 'why', values: {} })
    expect(filled.ephemeral?.sender).toBe(id)
    // A user is refused over either, in the words of the contract.
    const shown = { roomId, userId: 'grace', text: 'For you alone' }
    await expect(perform('linus', 'ephemeral:show', shown)).rejects.toThrow(/conflict|409/)

    const hook = await perform('mary', 'hook:create', { roomId, name: 'Alerts', signed: true })
    const named = { roomId, hookId: hook.id }
    const open = await perform('mary', 'hook:update', { ...named, signed: false })
    expect((await perform('ada', 'hook:list', { roomId })).data).toEqual([open])
    const { path } = await perform('mary', 'hook:rotate', named)
    const posted = await fetch(url + path, { method: 'POST', body: 'Disk full' })
    expect(ROUTES.postToHook.response.parse(await posted.json()).roomId).toBe(roomId)
    await perform('mary', 'hook:delete', named)
  })

  it('nodes', async () => {
    const item = await perform('linus', 'node:publish', {
      roomId,
      node: 'x-temperature',
      payload: { celsius: 4.2 },
    })
    const of = { roomId, node: 'x-temperature' }
    expect((await perform('grace', 'node:get', of)).data).toEqual([item])
    expect((await perform('grace', 'node:history', of)).data).toEqual([item])
    expect((await perform('grace', 'node:list', { roomId })).data).toEqual([item])
    expect((await perform('grace', 'file:list', { roomId })).data).toEqual([])
  })

  it('calls as they are seen from outside', async () => {
    expect(await perform('grace', 'call:get', { roomId })).toEqual({ call: null })
    expect(await perform('grace', 'call:quality', { roomId })).toEqual({ participants: [] })
  })

  it('calls, by who hosts them', async () => {
    const socket = (who: Person) => sockets.get(who) as ContractClient
    const join = async (who: Person) => {
      const { routerRtpCapabilities } = await socket(who).request('room:open', { roomId })
      if (!routerRtpCapabilities) throw new Error('there are no calls here')
      return socket(who).request('call:join', { roomId, rtpCapabilities: routerRtpCapabilities })
    }
    await perform('ada', 'room:update', { roomId, lobby: true })
    await join('ada')
    await socket('linus').request('room:open', { roomId })
    const { knockId } = await socket('linus').request('call:knock', { roomId })
    const { data: waiting } = await perform('ada', 'call:waiting', { roomId })
    expect(waiting.map(one => one.userId)).toEqual(['linus'])
    await perform('ada', 'call:deny', { roomId, knockId })
    await socket('linus').request('call:knock', { roomId })
    await perform('ada', 'call:admit', { roomId })
    const { participantId } = await join('linus')
    await perform('linus', 'call:hand', { roomId, participantId, raised: true })
    await perform('ada', 'call:mute', { roomId, participantId })
    await perform('ada', 'call:role', { roomId, participantId, role: 'listener' })
    await perform('ada', 'call:lock', { roomId, locked: true })
    await perform('ada', 'call:remove', { roomId, participantId, reason: 'Another patient' })
    const { recording } = await perform('ada', 'recording:start', { roomId, layout: 'speaker' })
    const paused = await perform('ada', 'recording:pause', { roomId, paused: true })
    expect(paused.recording).toEqual({ ...recording, paused: true })
    await perform('ada', 'recording:stop', { roomId })
    const started = await perform('ada', 'stream:start', { roomId, hls: true })
    expect(await perform('ada', 'stream:get', { roomId })).toEqual(started)
    const still = await perform('ada', 'stream:pause', { roomId, paused: true })
    expect(still.stream).toEqual({ ...started.stream, paused: true })
    await perform('ada', 'stream:stop', { roomId })

    const opened = await perform('ada', 'breakout:open', {
      roomId,
      breakouts: [
        { title: 'One', userIds: ['grace'] },
        { title: 'Two', userIds: [] },
      ],
    })
    const [, two] = opened.breakouts
    expect(await perform('linus', 'breakout:list', { roomId })).toEqual(opened)
    const moved = await perform('ada', 'breakout:move', { roomId, userId: 'grace', breakoutId: two?.roomId })
    expect(moved.breakouts.map(({ userIds }) => userIds)).toEqual([[], ['grace']])
    expect((await perform('ada', 'breakout:close', { roomId })).breakouts).toEqual([])
    await perform('ada', 'call:end', { roomId })
    await perform('ada', 'room:update', { roomId, lobby: false })
  })

  it('rings, and the history of calls', async () => {
    const ring = await perform('linus', 'ring:start', { roomId, userIds: ['ada', 'grace'], media: 'video' })
    expect((await perform('grace', 'ring:list', {})).data).toEqual([ring])
    await perform('grace', 'ring:accept', { ringId: ring.id })
    const over = await perform('ada', 'ring:decline', { ringId: ring.id })
    expect(over.targets.map(({ state }) => state)).toEqual(['declined', 'accepted'])
    expect(await perform('linus', 'ring:cancel', { ringId: ring.id })).toEqual(over)
    const { data } = await perform('grace', 'call:history', { roomId })
    expect(data[0]).toMatchObject({ ringId: ring.id, outcome: 'answered' })
    const { data: rooms } = await perform('grace', 'inbox:list', {})
    expect(rooms.find(({ room }) => room.id === roomId)?.lastCall).toEqual(data[0])
  })

  it('over all rooms: sync, feed, search, people', async () => {
    const { cursor } = await perform('grace', 'sync:get', {})
    const seq = await say('A pelican was seen')
    const news = await perform('grace', 'sync:get', { cursor })
    expect(news.rooms.map(({ room }) => room.id)).toContain(roomId)
    const { data: feed } = await perform('grace', 'feed:list', { limit: 1 })
    expect(feed.map(message => message.seq)).toEqual([seq])
    const find = () => perform('grace', 'search:find', { query: 'pelican', roomId })
    await expect.poll(async () => (await find()).data.length, { timeout: 20_000 }).toBe(1)
    expect(await perform('grace', 'user:get', { userId: 'linus' })).toMatchObject({ id: 'linus' })
    await perform('grace', 'user:update', { userId: 'grace', name: `Grace by ${transport}` })
  })

  it('devices, and what one wants to be told', async () => {
    const { kinds, vapidPublicKey } = await perform('grace', 'device:options', {})
    expect([kinds, vapidPublicKey]).toEqual([['web'], expect.stringMatching(/^[\w-]{87}$/)])
    const keys = { p256dh: vapidPublicKey, auth: 'a'.repeat(22) }
    const subscription = { endpoint: `https://push.example.org/${transport}`, keys }
    const device = await perform('grace', 'device:register', { target: { kind: 'web', subscription } })
    expect((await perform('grace', 'device:list', {})).data).toEqual([device])
    await perform('grace', 'device:remove', { deviceId: device.id })
    const quietHours = { start: '22:00', end: '07:00', timeZone: 'Europe/Berlin', after: 'hold' } as const
    const settings = await perform('grace', 'notification:set', { quietHours })
    expect(await perform('grace', 'notification:get', {})).toEqual(settings)
    const level = await perform('grace', 'notification:level', { roomId, level: 'mentions' })
    expect((await perform('grace', 'notification:levels', {})).data).toEqual([level])
  })

  it('jobs', async () => {
    const job = await perform('grace', 'export:create', { userId: 'grace' })
    const { jobId } = { jobId: job.id }
    await perform('grace', 'job:cancel', { jobId })
    expect(['cancelled', 'done']).toContain((await perform('grace', 'job:get', { jobId })).state)
    const gone = await perform(newcomer, 'user:delete', { userId: newcomer, messages: 'anonymise' })
    expect(gone.kind).toBe('userDeletion')
  })

  it('the end of a room', async () => {
    await perform('ada', 'room:transfer', { roomId, userId: 'mary' })
    await perform('mary', 'room:archive', { roomId })
    expect((await perform('mary', 'room:restore', { roomId })).archivedAt).toBeNull()
    await perform('mary', 'room:delete', { roomId })
  })

  it('everything was asked for, and nothing outside the contract was said', () => {
    expect(Object.keys(OPERATIONS).filter(name => !used.has(name as OperationName))).toEqual([])
    expect([...sockets.values()].flatMap(socket => socket.faults)).toEqual([])
  })
})
