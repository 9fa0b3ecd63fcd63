import { LIMITS, type Message } from '@trunkline/protocol'
import { everyItem, type Inbox, Rest, type Room, type RoomPost, Trunkline } from '@trunkline/sdk'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken } from './support/rest.ts'
import { API_KEY, restartServer, startServer, type TestServer } from './support/server.ts'

const WAIT = { timeout: 30_000, interval: 25 }
const SECRET = 'a-secret-for-the-messaging-test'
const options = { services: ['signalling'], env: { TRUNKLINE_SECRET: SECRET } }

const connect = async (url: string, userId: string, name = userId): Promise<Trunkline> => {
  const client = new Trunkline({ url, token: await mintToken(url, userId, { name }) })
  onTestFinished(() => client.close())
  return client
}

/** For tests that neither end their server nor look at everything somebody has. */
let server: TestServer
const register = cleanUpAfterAll()
beforeAll(async () => {
  server = await startServer({ ...options, register })
})

/** The app's own server, with its API key. */
const appOf = (url: string) => new Rest({ url, getToken: async () => API_KEY })

const makeRoom = async (url: string, post: RoomPost, sender?: string): Promise<string> => {
  const { id } = await appOf(url).operation('room:create', post, sender ? { sender } : {})
  return id
}

/** Several users, each with the same room open. */
const together = async (url: string, roomId: string, userIds: readonly string[]) => {
  const clients = await Promise.all(userIds.map(userId => connect(url, userId)))
  const rooms = await Promise.all(clients.map(client => client.openRoom(roomId)))
  return { clients, rooms }
}

const texts = (room: Room) => room.messages.map(({ text }) => text)

/** Messages with reactions in one order: whose came first is the server's to say. */
const comparable = (messages: readonly Message[]) =>
  messages.map(({ reactions, ...message }) => ({
    ...message,
    reactions: [...(reactions ?? [])].sort((a, b) => (a.reaction < b.reaction ? -1 : 1)),
  }))

test('messages as they are now: edits, reactions, pins, deletions and history, the same for everybody', async () => {
  const roomId = await makeRoom(server.url, { kind: 'group', members: ['ann', 'bob'] })
  const { rooms, clients } = await together(server.url, roomId, ['ann', 'bob'])
  const [ann, bob] = rooms as [Room, Room]

  const first = await ann.send({ text: 'helo', mentions: ['bob'], metadata: { from: 'test' } })
  const second = await bob.send({ text: 'hi', replyTo: first.seq, silent: true })
  await ann.edit(first.seq, { text: 'hello' })
  expect(ann.message(first.seq)).toMatchObject({ text: 'hello', editedAt: expect.any(String) })
  await bob.react(first.seq, '👍')
  await ann.react(first.seq, '👍')
  await bob.pin(first.seq)
  await vi.waitFor(
    () =>
      expect(ann.message(first.seq)).toMatchObject({
        pinnedAt: expect.any(String),
        reactions: [{ reaction: '👍', count: 2, userIds: ['bob', 'ann'] }],
      }),
    WAIT,
  )
  expect(ann.message(second.seq)).toMatchObject({ replyTo: first.seq, silent: true })
  expect((await ann.pins()).data.map(({ seq }) => seq)).toEqual([first.seq])
  expect((await bob.history(first.seq)).data.map(({ parts }) => parts)).toEqual([
    [{ mime: 'text/plain', text: 'helo' }],
    [{ mime: 'text/plain', text: 'hello' }],
  ])
  const versions = await Array.fromAsync(everyItem(page => bob.history(first.seq, { ...page, limit: 1 })))
  expect(versions).toEqual((await bob.history(first.seq)).data)
  await expect(bob.edit(first.seq, { text: 'not mine' })).rejects.toMatchObject({ code: 'forbidden' })

  await bob.unreact(first.seq, '👍')
  await bob.unpin(first.seq)
  await bob.delete(second.seq)
  await vi.waitFor(() => {
    expect(ann.message(second.seq)).toMatchObject({ parts: [], deletedAt: expect.any(String) })
    expect(ann.message(first.seq)).toMatchObject({
      reactions: [{ reaction: '👍', count: 1, userIds: ['ann'] }],
    })
  }, WAIT)
  await vi.waitFor(() => expect(ann.messages).toEqual(bob.messages), WAIT)

  // Who comes later folds the same from a log that has forgotten what was deleted, and so does the server.
  const late = await (await connect(server.url, 'bob')).openRoom(roomId)
  expect(late.messages).toEqual(bob.messages)
  const { data } = (await clients[0]?.rest.messages(roomId)) ?? { data: [] }
  expect(comparable(data)).toEqual(comparable(ann.messages))
})

test('threads are counted at their root and load page by page, also where the log was not loaded', async () => {
  const roomId = await makeRoom(server.url, { kind: 'group', members: ['ann', 'bob'] })
  const app = appOf(server.url)
  const say = (body: object) =>
    app.call('createMessage', { params: { id: roomId }, body: { sender: 'ann', ...body } as never })
  const root = await say({ text: 'root' })
  for (let i = 1; i <= 70; i += 1) await say({ text: `answer ${i}`, threadOf: root.seq })
  for (let i = 1; i <= 60; i += 1) await say({ text: `other ${i}` })

  const { rooms } = await together(server.url, roomId, ['ann', 'bob'])
  const [ann, bob] = rooms as [Room, Room]
  expect(ann.message(root.seq)).toBeUndefined()
  const thread = ann.thread(root.seq)
  expect(thread.messages).toEqual([])
  expect(thread.hasEarlier).toBe(true)
  await thread.loadEarlier()
  expect(thread.messages.map(({ text }) => text)).toEqual(
    Array.from({ length: 50 }, (_, i) => `answer ${i + 21}`),
  )
  expect(thread.root?.thread).toEqual({ count: 70, lastSeq: thread.messages.at(-1)?.seq })
  while (thread.hasEarlier) await thread.loadEarlier()
  expect(thread.messages).toHaveLength(70)

  // What was loaded by itself stays current.
  await bob.thread(root.seq).send({ text: 'answer 71' })
  await bob.react(root.seq, '🎉')
  await vi.waitFor(() => {
    expect(thread.messages.at(-1)?.text).toBe('answer 71')
    expect(thread.root).toMatchObject({ thread: { count: 71 }, reactions: [{ reaction: '🎉', count: 1 }] })
  }, WAIT)
  expect(texts(ann)).not.toContain('answer 71')

  // With the whole log the counts come from the log, and are the same.
  while (ann.hasEarlier) await ann.loadEarlier()
  expect(ann.message(root.seq)).toMatchObject({ text: 'root', thread: { count: 71 } })
  expect(ann.thread(root.seq).messages).toHaveLength(71)
  expect(thread.hasEarlier).toBe(false)
  expect(texts(ann)).toEqual(['root', ...Array.from({ length: 60 }, (_, i) => `other ${i + 1}`)])
})

test('forwarding, sending later, and messages that delete themselves', async () => {
  const from = await makeRoom(server.url, { kind: 'group', members: ['ann', 'bob'] })
  const to = await makeRoom(server.url, { kind: 'group', members: ['ann', 'eve'] })
  const { rooms, clients } = await together(server.url, from, ['ann', 'bob'])
  const [ann, bob] = rooms as [Room, Room]
  const other = (await clients[0]?.openRoom(to)) as Room

  const said = await bob.send({ text: 'tell eve' })
  await ann.forward(said.seq, to)
  await vi.waitFor(
    () => expect(other.messages.at(-1)).toMatchObject({ text: 'tell eve', forwarded: { sender: 'bob' } }),
    WAIT,
  )

  const waiting = await ann.schedule({ text: 'in an hour' }, new Date(Date.now() + 3_600_000))
  expect((await ann.scheduled()).data.map(({ id }) => id)).toEqual([waiting.id])
  await ann.unschedule(waiting.id)
  expect(await ann.scheduled()).toEqual({ data: [] })
  await ann.schedule({ text: 'in a second' }, new Date(Date.now() + 1_000))
  await vi.waitFor(() => expect(texts(bob)).toContain('in a second'), WAIT)

  const shortLived = await ann.send({ text: 'gone soon', ttlSeconds: 5 })
  expect(ann.message(shortLived.seq)?.expiresAt).toBeDefined()
  await vi.waitFor(() => expect(bob.message(shortLived.seq)?.deletedAt).toBeDefined(), WAIT)
})

test('members come and go, roles change, and who is sent away learns why', async () => {
  const ann = await connect(server.url, 'ann')
  const [bob, eve] = await Promise.all([connect(server.url, 'bob'), connect(server.url, 'eve')])
  const { id } = await ann.createRoom({ kind: 'group', title: 'Ward', members: ['bob'] })
  const annsRoom = await ann.openRoom(id)
  const bobsRoom = await bob.openRoom(id)
  expect(annsRoom.me?.role).toBe('owner')
  expect([bobsRoom.can('write'), bobsRoom.can('moderate')]).toEqual([true, false])
  await expect(bobsRoom.kick('ann')).rejects.toMatchObject({ code: 'forbidden' })

  await annsRoom.setRole('bob', 'moderator')
  await vi.waitFor(() => expect(bobsRoom.can('moderate')).toBe(true), WAIT)
  await annsRoom.update({ title: 'Ward 7', description: 'Second floor' })
  await vi.waitFor(
    () => expect(bobsRoom.info).toMatchObject({ title: 'Ward 7', description: 'Second floor' }),
    WAIT,
  )

  // Invited: the room does not open until it is accepted, and then by itself.
  await annsRoom.invite(['eve'], 'member')
  const evesRoom = eve.room(id)
  await vi.waitFor(() => expect(evesRoom.state).toBe('refused'), WAIT)
  expect((await annsRoom.pendingMembers()).data.map(({ user, pending }) => [user.id, pending])).toEqual([
    ['eve', 'invited'],
  ])
  await evesRoom.accept()
  await vi.waitFor(() => expect(evesRoom.state).toBe('open'), WAIT)
  expect(evesRoom.can('write')).toBe(false)
  await vi.waitFor(() => expect(annsRoom.info?.memberCount).toBe(3), WAIT)
  expect(annsRoom.members.map(({ user }) => user.id).sort()).toEqual(['ann', 'bob', 'eve'])

  await bobsRoom.ban('eve', { reason: 'spam', until: new Date(Date.now() + 3_600_000) })
  await vi.waitFor(() => expect(evesRoom.state).toBe('closed'), WAIT)
  expect(evesRoom).toMatchObject({
    closedReason: 'banned',
    error: { message: 'You are banned from this room' },
  })
  expect((await annsRoom.bans()).data).toMatchObject([{ user: { id: 'eve' }, reason: 'spam', by: 'bob' }])
  await vi.waitFor(
    () => expect(annsRoom.members.map(({ user }) => user.id).sort()).toEqual(['ann', 'bob']),
    WAIT,
  )
  await annsRoom.unban('eve')
  expect((await annsRoom.bans()).data).toEqual([])

  await annsRoom.archive()
  await vi.waitFor(() => expect(bobsRoom.can('write')).toBe(false), WAIT)
  await expect(bobsRoom.send({ text: 'too late' })).rejects.toMatchObject({ code: 'forbidden' })
  await annsRoom.restore()
  await vi.waitFor(() => expect(bobsRoom.can('write')).toBe(true), WAIT)

  await annsRoom.transfer('bob')
  await vi.waitFor(() => expect(bobsRoom.me?.role).toBe('owner'), WAIT)
  await annsRoom.leave()
  await vi.waitFor(() => expect(annsRoom).toMatchObject({ state: 'closed', closedReason: 'left' }), WAIT)
  await vi.waitFor(() => expect(bobsRoom.info?.memberCount).toBe(1), WAIT)
  await bobsRoom.remove()
  await vi.waitFor(() => expect(bobsRoom).toMatchObject({ state: 'closed', closedReason: 'deleted' }), WAIT)
})

test('channels are found and followed, on request with approval; a node of one is published to and heard', async () => {
  const ann = await connect(server.url, 'ann')
  const bob = await connect(server.url, 'bob')
  const open = await ann.createRoom({ kind: 'channel', title: 'Weather reports', access: 'open' })
  const asked = await ann.createRoom({ kind: 'channel', title: 'Weather secrets', access: 'request' })
  const found = await bob.channels({ query: 'weather' })
  expect(found.data.map(({ id }) => id).sort()).toEqual([open.id, asked.id].sort())

  const weather = bob.room(open.id)
  await vi.waitFor(() => expect(weather.state).toBe('refused'), WAIT)
  await weather.follow()
  await vi.waitFor(() => expect(weather.state).toBe('open'), WAIT)
  const secrets = bob.room(asked.id)
  await secrets.follow('please')
  const annsSecrets = await ann.openRoom(asked.id)
  await annsSecrets.approve('bob')
  await vi.waitFor(() => expect(secrets.state).toBe('open'), WAIT)

  const heard: unknown[] = []
  weather.onNode('x-temperature', ({ payload }) => heard.push(payload))
  const annsWeather = await ann.openRoom(open.id)
  await annsWeather.publish('x-temperature', { celsius: 19 })
  await annsWeather.publish('x-temperature', { celsius: 20 })
  await vi.waitFor(() => expect(heard).toEqual([{ celsius: 19 }, { celsius: 20 }]), WAIT)
  expect((await weather.latest('x-temperature')).data.map(({ payload }) => payload)).toEqual([
    { celsius: 20 },
  ])
  expect((await weather.nodeHistory('x-temperature')).data).toHaveLength(2)
  expect((await weather.nodes()).data.map(({ node }) => node)).toEqual(['x-temperature'])
  await annsWeather.send({ text: 'sunny' })
  await vi.waitFor(
    async () => expect((await bob.feed()).data.map(({ text }) => text)).toEqual(['sunny']),
    WAIT,
  )
})

/** Rooms of an inbox by title, with what is unread in them. */
const shown = (inbox: Inbox) =>
  inbox.rooms.map(({ room, unread, mentions, lastMessage, peer }) => [
    room.title || peer?.name,
    unread,
    mentions,
    lastMessage?.text ?? null,
  ])

test('the inbox is live, counts right, and is current again after the server was away', async () => {
  let server = await startServer(options)
  const { url } = server
  const bob = await connect(url, 'bob', 'Bob')
  const ann = await connect(url, 'ann', 'Ann')
  const first = await ann.createRoom({ kind: 'group', title: 'First', members: ['bob'] })
  const second = await ann.createRoom({ kind: 'group', title: 'Second', members: ['bob'] })
  const direct = await ann.directRoom('bob')
  expect((await bob.directRoom('ann')).id).toBe(direct.id)

  const inbox = await bob.inbox.loaded()
  expect(inbox.rooms.map(({ room }) => room.id).sort()).toEqual([first.id, second.id, direct.id].sort())
  expect(inbox.get(direct.id)?.peer?.name).toBe('Ann')
  const heard: (string | undefined)[] = []
  inbox.on('message', (_, entry) => heard.push(entry.lastMessage?.text))

  const [inFirst, inSecond, inDirect] = (await Promise.all(
    [first, second, direct].map(({ id }) => ann.openRoom(id)),
  )) as [Room, Room, Room]
  await inFirst.send({ text: 'one', mentions: ['bob'] })
  const psst = await inDirect.send({ text: 'psst' })
  const gone = await inSecond.send({ text: 'two' })
  await inSecond.send({ text: 'quiet', silent: true })
  await vi.waitFor(
    () =>
      expect(shown(inbox)).toEqual([
        ['Second', 1, 0, 'quiet'],
        ['Ann', 1, 0, 'psst'],
        ['First', 1, 1, 'one'],
      ]),
    WAIT,
  )
  expect(inbox.total).toEqual({ unread: 3, mentions: 1 })
  expect(heard).toEqual(['one', 'psst', 'two'])
  // Two ticks, although nobody has opened the room.
  await vi.waitFor(() => expect(inDirect.stateOf(psst)).toBe('delivered'), WAIT)
  await inSecond.delete(gone.seq)
  await vi.waitFor(() => expect(inbox.get(second.id)?.unread).toBe(0), WAIT)

  // Read on one device: counted no more there at once, and on the other soon.
  const elsewhere = await (await connect(url, 'bob', 'Bob')).inbox.loaded()
  expect(elsewhere.get(first.id)).toMatchObject({ unread: 1, mentions: 1 })
  const bobsFirst = await bob.openRoom(first.id)
  bobsFirst.markRead()
  expect(inbox.get(first.id)).toMatchObject({ unread: 0, mentions: 0 })
  await vi.waitFor(() => expect(elsewhere.get(first.id)).toMatchObject({ unread: 0, mentions: 0 }), WAIT)

  // Away: what happens meanwhile is there afterwards, in rooms known, new and left.
  await server.stop('SIGKILL')
  await vi.waitFor(() => expect(inbox.state).toBe('reconnecting'), WAIT)
  const sending = inSecond.send({ text: 'while away', mentions: ['bob'] })
  server = await restartServer(server, options)
  await sending
  const third = await ann.createRoom({ kind: 'group', title: 'Third', members: ['bob'] })
  await inDirect.send({ text: 'back' })
  await appOf(url).operation('member:kick', { roomId: first.id, userId: 'bob' })
  await vi.waitFor(() => {
    expect(inbox.state).toBe('live')
    expect(shown(inbox)).toEqual([
      ['Ann', 2, 0, 'back'],
      ['Third', 0, 0, null],
      ['Second', 1, 1, 'while away'],
    ])
  }, WAIT)
  expect(inbox.get(third.id)).toBeDefined()
  await vi.waitFor(() => expect(shown(elsewhere)).toEqual(shown(inbox)), WAIT)
  const asked = await bob.rest.operation('inbox:list', {})
  expect(asked.data.map(({ room, unread, mentions }) => [room.id, unread, mentions])).toEqual(
    inbox.rooms.map(({ room, unread, mentions }) => [room.id, unread, mentions]),
  )
  expect(asked.total).toEqual(inbox.total)
})

test('invitations stand in the inbox until they are accepted; archived rooms stand apart', async () => {
  const server = await startServer(options)
  const [ann, bob] = await Promise.all([connect(server.url, 'ann'), connect(server.url, 'bob')])
  const inbox = await bob.inbox.loaded()
  const { id } = await ann.createRoom({ kind: 'group', title: 'Ward' })
  const room = await ann.openRoom(id)
  await room.invite(['bob'])
  await vi.waitFor(
    () => expect(inbox.pending).toMatchObject([{ room: { id, title: 'Ward' }, pending: 'invited' }]),
    WAIT,
  )
  expect(inbox.rooms).toEqual([])
  await bob.room(id).accept()
  await vi.waitFor(() => expect(inbox.rooms.map(it => it.room.id)).toEqual([id]), WAIT)
  expect(inbox.pending).toEqual([])
  await room.archive()
  await vi.waitFor(() => expect(inbox.archived.map(it => it.room.id)).toEqual([id]), WAIT)
  expect(inbox.rooms).toEqual([])
  await room.remove()
  await vi.waitFor(() => expect(inbox.archived).toEqual([]), WAIT)
})

test('whoever is blocked is flagged, does not count, and writes no direct messages', async () => {
  const roomId = await makeRoom(server.url, { kind: 'group', title: 'Room', members: ['ann', 'bob'] })
  const { clients, rooms } = await together(server.url, roomId, ['ann', 'bob'])
  const [ann, bob] = clients as [Trunkline, Trunkline]
  const [annsRoom, bobsRoom] = rooms as [Room, Room]
  const { id: directId } = await bob.directRoom('ann')
  const inbox = await ann.inbox.loaded()
  await bobsRoom.send({ text: 'before' })
  await vi.waitFor(() => expect(inbox.get(roomId)?.unread).toBe(1), WAIT)
  await ann.blocks.block('bob')
  expect(ann.blocks.has('bob')).toBe(true)
  expect(annsRoom.messages.map(({ blocked }) => blocked)).toEqual([true])
  await vi.waitFor(() => expect(inbox.get(roomId)?.unread).toBe(0), WAIT)
  await bobsRoom.send({ text: 'after' })
  await vi.waitFor(() => expect(annsRoom.messages).toHaveLength(2), WAIT)
  expect(inbox.get(roomId)?.unread).toBe(0)
  const direct = await bob.openRoom(directId)
  await expect(direct.send({ text: 'psst' })).rejects.toMatchObject({ code: 'forbidden' })

  const again = await (await connect(server.url, 'ann')).openRoom(roomId)
  expect(again.messages.map(({ blocked }) => blocked)).toEqual([true, true])
  await ann.blocks.unblock('bob')
  expect(annsRoom.messages.map(({ blocked }) => blocked)).toEqual([undefined, undefined])
  await vi.waitFor(
    () => expect(again.messages.map(({ blocked }) => blocked)).toEqual([undefined, undefined]),
    WAIT,
  )
})

test('presence: of members, of those watched, with words, and not of who hides; users and their names', async () => {
  let server = await startServer(options)
  const roomId = await makeRoom(server.url, { kind: 'group', title: 'Room', members: ['ann', 'bob'] })
  const [ann, bob] = [await connect(server.url, 'ann'), await connect(server.url, 'bob')]
  await ann.connect()
  await ann.presence.watch(['bob'])
  expect(ann.presence.of('bob').status).toBe('offline')
  const bobsRoom = await bob.openRoom(roomId)
  await vi.waitFor(() => expect(ann.presence.of('bob').status).toBe('online'), WAIT)
  await bob.presence.set({ status: 'dnd', custom: { text: 'In theatre', emoji: '🎭' } })
  await vi.waitFor(
    () => expect(ann.presence.of('bob')).toMatchObject({ status: 'dnd', custom: { text: 'In theatre' } }),
    WAIT,
  )
  const annsRoom = await ann.openRoom(roomId)
  expect(annsRoom.presenceOf('bob')).toBe('dnd')
  await vi.waitFor(() => expect(bobsRoom.presenceOf('ann')).toBe('online'), WAIT)
  await ann.presence.set({ status: 'away' })
  await vi.waitFor(() => expect(bobsRoom.presenceOf('ann')).toBe('away'), WAIT)

  // Said again after a restart, without anybody asking.
  await server.stop('SIGKILL')
  await vi.waitFor(
    () => expect([annsRoom.state, bobsRoom.state]).toEqual(['reconnecting', 'reconnecting']),
    WAIT,
  )
  server = await restartServer(server, options)
  await vi.waitFor(() => {
    expect([annsRoom.state, bobsRoom.state]).toEqual(['open', 'open'])
    expect(bobsRoom.presenceOf('ann')).toBe('away')
    expect(annsRoom.presenceOf('bob')).toBe('dnd')
  }, WAIT)
  await bob.presence.set({ hidden: true })
  await vi.waitFor(() => expect(annsRoom.presenceOf('bob')).toBe('offline'), WAIT)

  await bob.users.rename('bob', 'Robert')
  expect((await ann.users.get('bob')).name).toBe('Robert')
  await expect(ann.users.get('nobody')).rejects.toMatchObject({ code: 'not_found' })
})

test('search finds messages and rooms with what to highlight, and can be given up', async () => {
  const server = await startServer(options)
  const ann = await connect(server.url, 'ann')
  const { id } = await ann.createRoom({ kind: 'group', title: 'Cardiology' })
  const room = await ann.openRoom(id)
  const { seq } = await room.send({ text: 'the defibrillator is in the corridor' })
  const hit = await vi.waitFor(async () => {
    const { data } = await ann.search('defibrillator', { kinds: ['message'] })
    expect(data).toHaveLength(1)
    return data[0]
  }, WAIT)
  expect(hit).toMatchObject({ kind: 'message', message: { seq, roomId: id }, roomTitle: 'Cardiology' })
  const [from, to] = hit?.highlights[0] ?? [0, 0]
  expect(hit?.text.slice(from, to)).toBe('defibrillator')
  await vi.waitFor(
    async () => expect((await ann.search('cardiology', { kinds: ['room'] })).data).toHaveLength(1),
    WAIT,
  )
  expect((await room.loadMessage(seq)).seq).toBe(seq)
  await expect(ann.search('anything', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/i)
  const { rooms, cursor } = await ann.sync()
  expect(rooms.map(it => it.room.id)).toEqual([id])
  expect((await ann.sync({ cursor })).rooms.map(it => it.room.id)).not.toContain('elsewhere')
})

test('what is written while the server is away arrives once, in order, and nothing is missed', async () => {
  let server = await startServer(options)
  const roomId = await makeRoom(server.url, { kind: 'group', members: ['ann', 'bob'] })
  const { rooms } = await together(server.url, roomId, ['ann', 'bob'])
  const [ann, bob] = rooms as [Room, Room]
  await ann.send({ text: 'before' })
  await vi.waitFor(() => expect(texts(bob)).toEqual(['before']), WAIT)
  await server.stop('SIGKILL')
  await vi.waitFor(() => expect([ann.state, bob.state]).toEqual(['reconnecting', 'reconnecting']), WAIT)
  const sending = ['one', 'two', 'three'].map(text => ann.send({ text }))
  expect(ann.pending.map(({ state }) => state)).toEqual(['sending', 'sending', 'sending'])
  server = await restartServer(server, options)
  await Promise.all(sending)
  await vi.waitFor(() => expect(texts(bob)).toEqual(['before', 'one', 'two', 'three']), WAIT)
  await vi.waitFor(() => expect(ann.messages).toEqual(bob.messages), WAIT)
  expect(ann.pending).toEqual([])
})

test('an inbox of more rooms than one answer holds is whole, and knows the same as the lists of the server', async () => {
  const server = await startServer(options)
  const app = appOf(server.url)
  const count = LIMITS.roomsPerPage + 30
  const numbers = Array.from({ length: count }, (_, i) => i)
  for (const from of numbers.filter(i => i % 20 === 0)) {
    const some = numbers.slice(from, from + 20)
    await Promise.all(
      some.map(async i => {
        const { id } = await app.operation('room:create', {
          kind: 'group',
          title: `${i}`,
          members: ['ann', 'bob'],
        })
        await app.call('createMessage', { params: { id }, body: { sender: 'ann', text: `said in ${i}` } })
      }),
    )
  }
  const bob = await connect(server.url, 'bob')
  const inbox = await bob.inbox.loaded()
  expect(inbox.rooms).toHaveLength(count)
  expect(inbox.total).toEqual({ unread: count, mentions: 0 })
  const listed: [string, number, string | undefined][] = []
  let cursor: string | undefined
  do {
    const page = await bob.rest.operation('inbox:list', { limit: 100, ...(cursor && { cursor }) })
    listed.push(...page.data.map(it => [it.room.id, it.unread, it.lastMessage?.text] as (typeof listed)[0]))
    cursor = page.nextCursor
  } while (cursor)
  expect(inbox.rooms.map(it => [it.room.id, it.unread, it.lastMessage?.text])).toEqual(listed)
})

test("one exports what is one's own, and deletes oneself", async () => {
  const server = await startServer({ ...options, services: ['signalling', 'media'] })
  const [ann, bobsClient] = [await connect(server.url, 'ann'), await connect(server.url, 'bob')]
  const { id } = await ann.createRoom({ kind: 'group', title: 'Ward', members: ['bob'] })
  const room = await ann.openRoom(id)
  await room.send({ text: 'mine' })
  const job = await ann.jobs.export({ userId: 'ann' })
  const states: string[] = []
  const done = await ann.jobs.finished(job.id, ({ state }) => states.push(state))
  expect(done).toMatchObject({ state: 'done', kind: 'userExport' })
  expect(states.at(-1)).toBe('done')
  const lines = (await (await ann.jobs.download(job.id)).text()).trim().split('\n')
  expect(lines.map(line => JSON.parse(line)).length).toBeGreaterThan(1)
  expect(lines.some(line => line.includes('"mine"'))).toBe(true)

  const bob = await bobsClient.openRoom(id)
  const app = appOf(server.url)
  const deletion = await app.operation('user:delete', { userId: 'ann', messages: 'remove' })
  await vi.waitFor(
    async () => expect((await app.operation('job:get', { jobId: deletion.id })).state).toBe('done'),
    WAIT,
  )
  await vi.waitFor(
    () => expect(bob.messages).toMatchObject([{ parts: [], deletedAt: expect.any(String) }]),
    WAIT,
  )
  await vi.waitFor(() => expect(bob.members.map(({ user }) => user.id)).toEqual(['bob']), WAIT)
})
