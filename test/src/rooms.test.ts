import type { OperationInput, OperationName, RoomEvent } from '@trunkline/protocol'
import { beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'
import { API_KEY_ID, jwt } from './hostile-tokens.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { databaseText, tablesWith } from './support/database-text.ts'
import { perform } from './support/operations.ts'
import { mintToken, rest } from './support/rest.ts'
import { startServer, type TestServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let server: TestServer
let url: string
const tokens = new Map<string, string>()

beforeAll(async () => {
  server = await startServer({
    services: ['signalling'],
    env: { TRUNKLINE_SECRET: 'a-secret-for-rooms' },
    register,
  })
  url = server.url
  for (const name of ['olga', 'mona', 'pete', 'mary', 'sam', 'tess'])
    tokens.set(name, await mintToken(url, name))
})

/** An operation as a user, or as the app's server. */
const as = async <N extends OperationName>(user: string, name: N, data: OperationInput<N>) => {
  const token = user === 'server' ? undefined : tokens.get(user)
  return perform(url, name, data, { token })
}
const ok = async <N extends OperationName>(user: string, name: N, data: OperationInput<N>) => {
  const { status, body } = await as(user, name, data)
  expect([name, status < 300 ? 'ok' : body]).toEqual([name, 'ok'])
  return body
}
const refusal = async <N extends OperationName>(user: string, name: N, data: OperationInput<N>) => {
  const { body } = await as(user, name, data)
  return body.code as string
}

const eventsOf = async (roomId: string, user = 'server'): Promise<RoomEvent[]> => {
  const { body } = await rest(url, 'GET', `/v1/rooms/${roomId}/events?limit=200`, {
    token: user === 'server' ? undefined : tokens.get(user),
  })
  return body.data
}
const typesOf = async (roomId: string, user?: string) =>
  (await eventsOf(roomId, user)).map(event => event.type)
/** What `work` appends to the log. */
const appendedBy = async (roomId: string, work: () => Promise<unknown>) => {
  const before = (await eventsOf(roomId)).length
  await work()
  return (await eventsOf(roomId)).slice(before)
}
const roleOf = async (roomId: string, user: string) =>
  (await as(user, 'room:get', { roomId })).body.me?.role as string | undefined
const rolesOf = async (roomId: string) =>
  Object.fromEntries(
    (await ok('server', 'member:list', { roomId })).data.map(
      (member: { user: { id: string }; role: string }) => [member.user.id, member.role],
    ),
  )

let roomId: string
let rooms = 0

/** A group of olga (owner), mona (moderator), pete (publisher) and mary (member). */
const makeGroup = async () => {
  await ok('olga', 'room:create', { id: roomId, kind: 'group', members: ['mona', 'pete', 'mary'] })
  await ok('olga', 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  await ok('olga', 'member:update', { roomId, userId: 'mary', role: 'member' })
}
const makeChannel = (fields: Partial<OperationInput<'room:create'>> = {}) =>
  ok('olga', 'room:create', { id: roomId, kind: 'channel', ...fields })

beforeEach(() => {
  roomId = `room-${++rooms}`
})

describe('a room that is created', () => {
  it('has what was asked for, and what follows from its kind', async () => {
    const whole = {
      title: 'News',
      description: 'What there is',
      avatar: 'https://example.org/a.png',
      access: 'request' as const,
      defaultRole: 'publisher' as const,
      retentionDays: 7,
      metadata: { a: [1] },
      guests: true,
    }
    expect(await makeChannel(whole)).toMatchObject({ ...whole, kind: 'channel', memberCount: 1 })
    expect(await ok('olga', 'room:create', { kind: 'channel' })).toMatchObject({
      access: 'open',
      defaultRole: 'member',
    })
    expect(await ok('olga', 'room:create', { kind: 'group' })).toMatchObject({
      access: 'invite',
      defaultRole: 'publisher',
      description: '',
      avatar: null,
      retentionDays: null,
      archivedAt: null,
    })
  })

  it.each<[string, OperationInput<'room:create'>]>([
    ['an open group', { kind: 'group', access: 'open' }],
    ['a direct room on request', { kind: 'direct', members: ['mona'], access: 'request' }],
    [
      'a direct room in which one may not write',
      { kind: 'direct', members: ['mona'], defaultRole: 'member' },
    ],
    ['a direct room with guests', { kind: 'direct', members: ['mona'], guests: true }],
    ['a direct room with three', { kind: 'direct', members: ['mona', 'pete'] }],
  ])('is not %s', async (_, post) => {
    expect(await refusal('olga', 'room:create', post)).toBe('invalid_request')
  })

  it('is the same one for the same set of members, until the set changes', async () => {
    const post = { kind: 'group' as const, distinct: true, members: ['mona', 'pete'] }
    const first = await ok('olga', 'room:create', post)
    expect((await ok('mona', 'room:create', { ...post, members: ['olga', 'pete'] })).id).toBe(first.id)
    await ok('pete', 'room:leave', { roomId: first.id })
    const second = await ok('olga', 'room:create', post)
    expect(second.id).not.toBe(first.id)
    expect(await roleOf(second.id, 'pete')).toBe('publisher')
  })
})

it("an app server names new users in whoever's name it makes a room; a user does not", async () => {
  const made = await rest(url, 'POST', '/v1/rooms', {
    body: { kind: 'group', sender: 'olga', members: ['never-seen-before'] },
  })
  expect([made.status, made.body.memberCount]).toEqual([201, 2])
  expect(await refusal('olga', 'room:create', { kind: 'group', members: ['nor-this-one'] })).toBe(
    'invalid_request',
  )
})

it('where nothing keeps files an export says so at once', async () => {
  const { status, body } = await as('olga', 'export:create', { userId: 'olga' })
  expect([status, body.code]).toEqual([503, 'unavailable'])
  expect(body.detail).toContain('MEDIA_URL')
})

describe('the settings of a room', () => {
  it('change as they are said, and only what is different is an event', async () => {
    await makeChannel({ title: 'Old', metadata: { keep: true } })
    const appended = await appendedBy(roomId, async () => {
      const changed = await ok('olga', 'room:update', {
        roomId,
        title: 'New',
        access: 'request',
        metadata: { keep: true },
        retentionDays: 30,
      })
      expect(changed).toMatchObject({
        title: 'New',
        access: 'request',
        retentionDays: 30,
        me: { role: 'owner' },
      })
      await ok('olga', 'room:update', { roomId, title: 'New', retentionDays: 30 })
    })
    expect(appended.map(event => event.data)).toEqual([
      { changes: { title: 'New', access: 'request', retentionDays: 30 } },
    ])
    expect(await ok('olga', 'room:update', { roomId, retentionDays: null })).toMatchObject({
      retentionDays: null,
    })
  })

  it('say how long events are kept, which is for owners', async () => {
    await makeGroup()
    expect(await refusal('mona', 'room:update', { roomId, retentionDays: 1 })).toBe('forbidden')
    await ok('olga', 'room:update', { roomId, retentionDays: 30 })
    // What is as it was is no change.
    expect(await ok('mona', 'room:update', { roomId, title: 'Hers', retentionDays: 30 })).toMatchObject({
      title: 'Hers',
      retentionDays: 30,
    })
    for (const retentionDays of [1, null]) {
      expect(await refusal('mona', 'room:update', { roomId, title: 'Not hers', retentionDays })).toBe(
        'forbidden',
      )
    }
    expect(await ok('olga', 'room:get', { roomId })).toMatchObject({ title: 'Hers', retentionDays: 30 })
  })

  it('of a group never let it be followed', async () => {
    await makeGroup()
    expect(await refusal('olga', 'room:update', { roomId, access: 'open' })).toBe('invalid_request')
  })

  it('archive it, once, and restore it', async () => {
    await makeGroup()
    const appended = await appendedBy(roomId, async () => {
      const archived = await ok('olga', 'room:archive', { roomId })
      expect(archived.archivedAt).toEqual(expect.any(String))
      expect((await ok('olga', 'room:archive', { roomId })).archivedAt).toBe(archived.archivedAt)
      const sent = await rest(url, 'POST', `/v1/rooms/${roomId}/messages`, {
        token: tokens.get('pete'),
        body: { text: 'too late' },
      })
      expect([sent.status, sent.body.code]).toEqual([403, 'forbidden'])
      expect((await ok('olga', 'room:restore', { roomId })).archivedAt).toBeNull()
    })
    expect(appended.map(event => event.type)).toEqual(['room.archived', 'room.restored'])
  })
})

describe('a room that is deleted', () => {
  it('is gone for everybody, and its members hear so', async () => {
    await makeGroup()
    const sent = await rest(url, 'POST', `/v1/rooms/${roomId}/messages`, {
      token: tokens.get('olga') as string,
      body: { text: 'goes with the room' },
    })
    expect(sent.status).toBe(201)
    const [mary, sam] = await Promise.all([
      connectSocket(url, 'mary', onTestFinished),
      connectSocket(url, 'sam', onTestFinished),
    ])
    expect(await refusal('mona', 'room:delete', { roomId })).toBe('forbidden')
    await ok('olga', 'room:delete', { roomId })
    await mary.hear('room:closed', notice => notice.roomId === roomId && notice.reason === 'deleted')
    expect(sam.heard('room:closed')).toEqual([])
    for (const user of ['olga', 'mary', 'server']) {
      expect(await refusal(user, 'room:get', { roomId })).toBe('room_not_found')
    }
    // Who was away hears of it by sync, and who follows the logs of all rooms that it ended.
    const text = await databaseText(server)
    const left = tablesWith(text, roomId).filter(table => table.startsWith('public.'))
    expect(left.toSorted()).toEqual(['public.deleted_rooms', 'public.departures'])
    expect(tablesWith(text, 'goes with the room')).toEqual([])
  })
})

describe('following', () => {
  it('an open channel is being in it', async () => {
    await makeChannel()
    const sam = await connectSocket(url, 'sam', onTestFinished)
    const appended = await appendedBy(roomId, async () => {
      expect(await ok('sam', 'room:follow', { roomId })).toMatchObject({
        role: 'member',
        user: { id: 'sam' },
      })
      expect(await ok('sam', 'room:follow', { roomId })).toMatchObject({ role: 'member' })
    })
    expect(appended.map(event => event.type)).toEqual(['member.joined'])
    expect(await sam.hear('room:entered', notice => notice.roomId === roomId)).toEqual({
      roomId,
      role: 'member',
    })
  })

  it('a channel on request is asking, which only those see who moderate', async () => {
    await makeChannel({ access: 'request', members: ['mary'] })
    expect(await ok('sam', 'room:follow', { roomId, message: 'please' })).toMatchObject({
      role: 'pending',
      pending: 'requested',
    })
    await ok('sam', 'room:follow', { roomId })
    expect(await refusal('sam', 'room:get', { roomId })).toBe('room_not_found')
    expect((await typesOf(roomId, 'mary')).at(-1)).toBe('event.hidden')
    expect((await eventsOf(roomId, 'olga')).at(-1)).toMatchObject({
      type: 'member.requested',
      data: { message: 'please' },
    })
    expect(await refusal('mary', 'member:list', { roomId, roles: ['pending'] })).toBe('forbidden')
    const pending = await ok('olga', 'member:list', { roomId, roles: ['pending'] })
    expect(pending.data).toMatchObject([{ user: { id: 'sam' }, pending: 'requested' }])

    expect(await ok('olga', 'member:approve', { roomId, userId: 'sam' })).toMatchObject({ role: 'member' })
    expect(await ok('olga', 'member:approve', { roomId, userId: 'sam' })).toMatchObject({ role: 'member' })
    expect(await roleOf(roomId, 'sam')).toBe('member')
  })

  it('that was refused or withdrawn is nothing the others hear of', async () => {
    await makeChannel({ access: 'request', members: ['mary'] })
    await ok('sam', 'room:follow', { roomId })
    await ok('olga', 'member:kick', { roomId, userId: 'sam', reason: 'no' })
    await ok('sam', 'room:follow', { roomId })
    await ok('sam', 'room:leave', { roomId })
    expect((await typesOf(roomId, 'olga')).slice(-4)).toEqual([
      'member.requested',
      'member.removed',
      'member.requested',
      'member.left',
    ])
    expect((await typesOf(roomId, 'mary')).slice(-4)).toEqual(Array(4).fill('event.hidden'))
  })

  it('a room by invitation does not even tell that it is there', async () => {
    await makeGroup()
    const there = await as('sam', 'room:follow', { roomId })
    const nowhere = await as('sam', 'room:follow', { roomId: 'nowhere' })
    const { requestId: _a, ...a } = there.body
    const { requestId: _b, ...b } = nowhere.body
    expect([there.status, a]).toEqual([nowhere.status, b])
    expect(a.code).toBe('room_not_found')
  })

  it('is not for guests', async () => {
    await makeChannel()
    await ok('olga', 'room:create', { id: `${roomId}-g`, kind: 'group', guests: true })
    const guest = await rest(url, 'POST', '/v1/guest-tokens', {
      token: '',
      body: { roomId: `${roomId}-g`, name: 'Guy' },
    })
    const { token } = guest.body
    for (const [name, data] of [
      ['room:follow', { roomId }],
      ['channel:list', {}],
    ] as const) {
      expect((await perform(url, name, data as never, { token })).body.code).toBe('forbidden')
    }
  })
})

it('channels are listed, the most followed first, those one cannot follow left out', async () => {
  const word = `w${rooms}x`
  const make = (n: number, fields: Partial<OperationInput<'room:create'>>) =>
    ok('olga', 'room:create', { id: `${roomId}-${n}`, kind: 'channel', title: `${word} ${n}`, ...fields })
  await make(1, {})
  await make(2, { members: ['mary', 'pete'], access: 'request' })
  await make(3, { members: ['mary'], description: `100%_${word}` })
  await make(4, { access: 'invite' })
  await make(5, {})
  await ok('olga', 'member:ban', { roomId: `${roomId}-5`, userId: 'sam' })
  await make(6, {})
  await ok('olga', 'room:archive', { roomId: `${roomId}-6` })
  const first = await ok('sam', 'channel:list', { query: word.toUpperCase(), limit: 2 })
  expect(first.data.map((room: { id: string }) => room.id)).toEqual([`${roomId}-2`, `${roomId}-3`])
  const second = await ok('sam', 'channel:list', { query: word, limit: 2, cursor: first.nextCursor })
  expect(second.data.map((room: { id: string }) => room.id)).toEqual([`${roomId}-1`])
  expect(second.nextCursor).toBeUndefined()
  const percent = await ok('sam', 'channel:list', { query: `%_${word}` })
  expect(percent.data).toHaveLength(1)
})

describe('bringing people in', () => {
  it('adds them with the role of the room or the one named', async () => {
    await makeGroup()
    const { data } = await ok('mona', 'member:add', { roomId, userIds: ['sam', 'mary'] })
    expect(data).toMatchObject([
      { user: { id: 'sam' }, role: 'publisher' },
      { user: { id: 'mary' }, role: 'member' },
    ])
    const again = await appendedBy(roomId, () => ok('mona', 'member:add', { roomId, userIds: ['sam'] }))
    expect(again).toEqual([])
    expect(await refusal('mona', 'member:add', { roomId, userIds: ['tess'], role: 'moderator' })).toBe(
      'forbidden',
    )
    expect(await refusal('mona', 'member:add', { roomId, userIds: ['nobody-there'] })).toBe('invalid_request')
    await ok('server', 'member:add', { roomId, userIds: [`new-${roomId}`], role: 'owner' })
    expect(await rolesOf(roomId)).toMatchObject({ [`new-${roomId}`]: 'owner', sam: 'publisher' })
  })

  it('invites them; who accepts has the role that was held out', async () => {
    await makeGroup()
    const sam = await connectSocket(url, 'sam', onTestFinished)
    const appended = await appendedBy(roomId, async () => {
      const { data } = await ok('olga', 'member:invite', { roomId, userIds: ['sam'], role: 'moderator' })
      expect(data).toMatchObject([{ role: 'pending', pending: 'invited' }])
      await ok('olga', 'member:invite', { roomId, userIds: ['sam'], role: 'moderator' })
    })
    expect(appended).toHaveLength(1)
    await sam.hear('room:entered', notice => notice.roomId === roomId && notice.role === 'pending')
    expect(await refusal('sam', 'room:get', { roomId })).toBe('room_not_found')
    expect(await refusal('olga', 'member:approve', { roomId, userId: 'sam' })).toBe('conflict')
    expect(await ok('sam', 'room:accept', { roomId })).toMatchObject({ role: 'moderator' })
    expect(await ok('sam', 'room:accept', { roomId })).toMatchObject({ role: 'moderator' })
    expect(await refusal('tess', 'room:accept', { roomId })).toBe('room_not_found')
  })

  it('lets in at once who had asked, and forgets who declined', async () => {
    await makeChannel({ access: 'request' })
    await ok('sam', 'room:follow', { roomId })
    expect((await ok('olga', 'member:invite', { roomId, userIds: ['sam'] })).data).toMatchObject([
      { role: 'member' },
    ])
    await ok('olga', 'member:invite', { roomId, userIds: ['tess'] })
    await ok('tess', 'room:leave', { roomId })
    await ok('tess', 'room:leave', { roomId })
    expect(await refusal('tess', 'room:accept', { roomId })).toBe('room_not_found')
  })
})

describe('roles', () => {
  it('are given by those above them only', async () => {
    await makeGroup()
    const change = (user: string, userId: string, role: 'owner' | 'moderator' | 'publisher' | 'member') =>
      as(user, 'member:update', { roomId, userId, role }).then(({ body }) => body.code ?? body.role)
    expect(await change('mona', 'mary', 'publisher')).toBe('publisher')
    expect(await change('mona', 'mary', 'moderator')).toBe('forbidden')
    expect(await change('mona', 'olga', 'member')).toBe('forbidden')
    expect(await change('mona', 'mona', 'owner')).toBe('forbidden')
    expect(await change('pete', 'mary', 'member')).toBe('forbidden')
    expect(await change('olga', 'mary', 'owner')).toBe('owner')
    expect(await change('olga', 'mary', 'member')).toBe('forbidden')
    expect(await change('olga', 'sam', 'member')).toBe('not_found')
    expect(await change('server', 'mary', 'member')).toBe('member')
    expect(await appendedBy(roomId, () => change('olga', 'pete', 'publisher'))).toEqual([])
  })

  it('change hands with the room', async () => {
    await makeGroup()
    expect(await ok('olga', 'room:transfer', { roomId, userId: 'pete' })).toMatchObject({ role: 'owner' })
    expect(await rolesOf(roomId)).toEqual({
      olga: 'moderator',
      mona: 'moderator',
      pete: 'owner',
      mary: 'member',
    })
    expect(await refusal('pete', 'room:transfer', { roomId, userId: 'sam' })).toBe('not_found')
    await ok('server', 'room:transfer', { roomId, userId: 'mary' })
    expect(await rolesOf(roomId)).toMatchObject({ mary: 'owner', pete: 'moderator' })
  })

  it('pass on when the last owner leaves: to a moderator, else a publisher, else a member', async () => {
    await makeGroup()
    const heirs = []
    for (const user of ['olga', 'mona', 'pete', 'mary']) {
      await ok(user, 'room:leave', { roomId })
      heirs.push(Object.entries(await rolesOf(roomId)).find(([, role]) => role === 'owner')?.[0])
    }
    expect(heirs).toEqual(['mona', 'pete', 'mary', undefined])
    expect((await ok('server', 'room:get', { roomId })).memberCount).toBe(0)
  })
})

describe('sending away', () => {
  it('takes those below one, and can be said twice', async () => {
    await makeGroup()
    expect(await refusal('mona', 'member:kick', { roomId, userId: 'olga' })).toBe('forbidden')
    expect(await refusal('mona', 'member:kick', { roomId, userId: 'mona' })).toBe('forbidden')
    const mary = await connectSocket(url, 'mary', onTestFinished)
    await mary.request('room:open', { roomId })
    const appended = await appendedBy(roomId, async () => {
      await ok('mona', 'member:kick', { roomId, userId: 'mary', reason: 'loud' })
      await ok('mona', 'member:kick', { roomId, userId: 'mary' })
    })
    expect(appended).toMatchObject([{ type: 'member.removed', sender: 'mona', data: { reason: 'loud' } }])
    await mary.hear('room:closed', notice => notice.roomId === roomId && notice.reason === 'removed')
    await expect(mary.request('room:sync', { roomId })).rejects.toThrow('room_not_found')
    expect(await refusal('mona', 'member:kick', { roomId, userId: 'sam' })).toBe('not_found')
  })
})

describe('a ban', () => {
  it('keeps out who is in and who never was, and only those who moderate see it', async () => {
    await makeGroup()
    const appended = await appendedBy(roomId, async () => {
      const ban = await ok('mona', 'member:ban', { roomId, userId: 'mary', reason: 'loud' })
      expect(ban).toMatchObject({ user: { id: 'mary' }, reason: 'loud', by: 'mona' })
      expect(await ok('mona', 'member:ban', { roomId, userId: 'mary', reason: 'loud' })).toEqual(ban)
      await ok('mona', 'member:ban', { roomId, userId: 'sam' })
    })
    expect(appended).toHaveLength(2)
    expect(await refusal('mary', 'room:get', { roomId })).toBe('room_not_found')
    expect(await refusal('mary', 'room:follow', { roomId })).toBe('forbidden')
    expect(await refusal('mona', 'member:ban', { roomId, userId: 'olga' })).toBe('forbidden')
    expect(await refusal('mona', 'member:add', { roomId, userIds: ['mary'] })).toBe('conflict')
    expect(await refusal('pete', 'ban:list', { roomId })).toBe('forbidden')
    const { data } = await ok('mona', 'ban:list', { roomId })
    expect(data.map((ban: { user: { id: string } }) => ban.user.id)).toEqual(['mary', 'sam'])
    expect((await eventsOf(roomId, 'mona')).at(-1)).toMatchObject({ type: 'member.banned' })
    const seen = (await eventsOf(roomId, 'pete')).slice(-2)
    // That somebody was banned whom nobody here knew tells nothing.
    expect(seen).toMatchObject([{ type: 'member.removed' }, { type: 'event.hidden', data: {} }])
    expect(JSON.stringify(seen)).not.toContain('loud')
    expect((await rolesOf(roomId)).mary).toBeUndefined()

    await ok('mona', 'member:unban', { roomId, userId: 'mary' })
    await ok('mona', 'member:unban', { roomId, userId: 'mary' })
    expect(await roleOf(roomId, 'mary')).toBeUndefined()
    await ok('mona', 'member:add', { roomId, userIds: ['mary'] })
  })

  it('of a stranger is not told to the stranger', async () => {
    await makeGroup()
    const [sam, mary] = await Promise.all([
      connectSocket(url, 'sam', onTestFinished),
      connectSocket(url, 'mary', onTestFinished),
    ])
    await ok('olga', 'member:ban', { roomId, userId: 'sam' })
    await ok('olga', 'member:ban', { roomId, userId: 'mary' })
    await mary.hear('room:closed', notice => notice.roomId === roomId && notice.reason === 'banned')
    expect(sam.heard('room:closed')).toEqual([])
  })

  it('ends by itself', async () => {
    await makeChannel()
    expect(
      await refusal('olga', 'member:ban', {
        roomId,
        userId: 'sam',
        until: new Date(Date.now() - 1).toISOString(),
      }),
    ).toBe('invalid_request')
    const until_ = new Date(Date.now() + 700).toISOString()
    expect(await ok('olga', 'member:ban', { roomId, userId: 'sam', until: until_ })).toMatchObject({
      until: until_,
    })
    expect(await refusal('sam', 'room:follow', { roomId })).toBe('forbidden')
    const follows = async () => (await as('sam', 'room:follow', { roomId })).status === 200
    await until('the ban has ended', follows, 3_000)
    expect((await ok('olga', 'ban:list', { roomId })).data).toEqual([])
  })

  it('holds against a token that grants the room, and against a guest who comes again', async () => {
    await ok('olga', 'room:create', { id: roomId, kind: 'group', guests: true })
    await ok('olga', 'member:ban', { roomId, userId: 'sam' })
    const granted = await mintToken(url, 'sam', { rooms: [{ roomId, role: 'owner' }] })
    expect((await rest(url, 'GET', `/v1/rooms/${roomId}`, { token: granted })).status).toBe(404)
    const come = (token = '') =>
      rest(url, 'POST', '/v1/guest-tokens', { token, body: { roomId, name: 'Guy' } })
    const guest = (await come()).body
    await rest(url, 'GET', `/v1/rooms/${roomId}`, { token: guest.token })
    expect((await rolesOf(roomId))[guest.user.id]).toBe('publisher')
    await ok('olga', 'member:ban', { roomId, userId: guest.user.id })
    expect((await come(guest.token)).body.code).toBe('room_not_found')
  })
})

describe('a direct room', () => {
  it('is its two members, whoever asks', async () => {
    const direct = await ok('olga', 'room:create', { kind: 'direct', members: ['mona'] })
    const id = { roomId: direct.id }
    for (const [name, data] of [
      ['member:add', { ...id, userIds: ['sam'] }],
      ['member:invite', { ...id, userIds: ['sam'] }],
      ['member:kick', { ...id, userId: 'mona' }],
      ['member:ban', { ...id, userId: 'mona' }],
      ['member:update', { ...id, userId: 'mona', role: 'owner' }],
      ['room:transfer', { ...id, userId: 'mona' }],
    ] as const) {
      const { body } = await as('server', name, data as never)
      expect([name, body.code]).toEqual([name, 'conflict'])
    }
    expect(await refusal('mona', 'room:leave', id)).toBe('conflict')
    expect(await refusal('sam', 'room:follow', id)).toBe('room_not_found')
    expect(await ok('mona', 'room:follow', id)).toMatchObject({ role: 'publisher' })
  })
})

it('a socket ends with its token', async () => {
  await makeGroup()
  // Expired already, but for the ten seconds by which clocks may differ.
  const exp = Math.floor(Date.now() / 1_000) - 8
  const token = jwt({ alg: 'HS256', kid: API_KEY_ID }, { sub: 'mary', exp })
  const mary = await connectSocket(url, 'mary', onTestFinished, token)
  await mary.request('room:open', { roomId })
  await until('the socket was ended', () => !mary.connected(), 5_000)
  expect((await rest(url, 'GET', `/v1/rooms/${roomId}`, { token })).body.code).toBe('token_expired')
})
