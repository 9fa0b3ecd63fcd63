import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { API_KEY_ID, jwt } from './hostile-tokens.ts'
import { CallPerson, codeOf } from './support/call-people.ts'
import { perform } from './support/operations.ts'
import { startProcesses } from './support/processes.ts'
import { rest } from './support/rest.ts'
import { startServer } from './support/server.ts'
import { connectSocket } from './support/socket.ts'
import { until } from './support/until.ts'

const roomId = 'ward'
const SAID = 'the diagnosis of somebody else'

const guestToken = async (url: string, name: string, token = ''): Promise<string> => {
  const { status, body } = await rest(url, 'POST', '/v1/guest-tokens', { token, body: { roomId, name } })
  expect(status, JSON.stringify(body)).toBe(201)
  return body.token
}

const guest = async (url: string, name: string, token?: string): Promise<CallPerson> =>
  new CallPerson(
    await connectSocket(url, name, onTestFinished, token ?? (await guestToken(url, name))),
    roomId,
  )

/** A room with a lobby for guests, its host in the call, and something said in it that is nobody else's business. */
const consult = async (url: string): Promise<CallPerson> => {
  await perform(url, 'room:create', {
    id: roomId,
    kind: 'group',
    guests: true,
    lobby: true,
    members: ['mona'],
  })
  await perform(url, 'member:update', { roomId, userId: 'mona', role: 'moderator' })
  await rest(url, 'POST', `/v1/rooms/${roomId}/messages`, { body: { sender: 'mona', text: SAID } })
  return (await CallPerson.connect({ url, userId: 'mona', roomId }, onTestFinished)).join()
}

/** Whatever there is to read of a room, asked for with a token. */
const readings = async (url: string, token: string) => {
  const paths = [
    `/v1/rooms/${roomId}`,
    `/v1/rooms/${roomId}/events`,
    `/v1/rooms/${roomId}/messages`,
    `/v1/rooms/${roomId}/members`,
    `/v1/rooms/${roomId}/files`,
    `/v1/rooms/${roomId}/call`,
    `/v1/rooms/${roomId}/call/quality`,
    `/v1/rooms/${roomId}/call/waiting`,
    '/v1/calls',
    `/v1/calls?roomId=${roomId}`,
    '/v1/inbox',
    '/v1/sync',
    '/v1/search?query=diagnosis',
    '/v1/rings',
  ]
  return Promise.all(
    paths.map(async path => {
      const { status, body } = await rest(url, 'GET', path, { token })
      return { path, status, body, text: JSON.stringify(body) }
    }),
  )
}

const expectNothingRead = async (url: string, person: CallPerson): Promise<void> => {
  for (const { path, status, text, body } of await readings(url, person.socket.token)) {
    expect(text, path).not.toMatch(/diagnosis of|mona/)
    if (path.startsWith(`/v1/rooms/${roomId}`)) {
      expect([path, status, body.code]).toEqual([path, 403, 'knock_first'])
    }
  }
  for (const [name, data] of [
    ['room:open', { roomId }],
    ['room:sync', { roomId, after: 0, limit: 10 }],
    ['typing:set', { roomId, typing: true }],
    ['message:send', { roomId, clientId: 'c', text: 'let me in' }],
  ] as const) {
    const code = await codeOf(person.socket.request(name, data as never))
    expect([name, ['knock_first', 'room_not_found'].includes(code) ? 'refused' : code]).toEqual([
      name,
      'refused',
    ])
  }
  expect([...person.socket.heard('event:appended'), ...person.socket.heard('call:changed')]).toEqual([])
}

const membersOf = async (url: string): Promise<{ id: string; name: string }[]> => {
  const { body } = await rest(url, 'GET', `/v1/rooms/${roomId}/members`)
  return body.data.map(({ user }: { user: { id: string; name: string } }) => user)
}

test('a guest who waits at the door reads nothing of the room, at whatever node; once let in it is in the room', async () => {
  const { nodes } = await startProcesses(onTestFinished)
  const [a, b] = nodes
  const mona = await consult(a.url)
  const paul = await guest(b.url, 'paul')
  const rtpCapabilities = {}
  await expectNothingRead(b.url, paul)
  expect(await codeOf(paul.socket.request('call:join', { roomId, rtpCapabilities }))).toBe('knock_first')
  expect(await codeOf(paul.socket.request('call:prepare', { roomId, rtpCapabilities }))).toBe('knock_first')

  const knockId = await paul.knock()
  const { waiting } = await mona.socket.hear('waiting:changed', it => it.waiting.length === 1)
  expect(waiting).toMatchObject([{ knockId, name: 'paul' }])
  // What is said now is not for who waits either; nor is there a trace of the one who waits in the room.
  await mona.socket.request('message:send', { roomId, clientId: 'now', text: SAID })
  await expectNothingRead(b.url, paul)
  expect(await membersOf(a.url)).toMatchObject([{ id: 'mona' }])

  await mona.socket.request('call:deny', { roomId, knockId, reason: 'Not yet' })
  await paul.socket.hear('call:denied', ({ reason }) => reason === 'Not yet')
  await expectNothingRead(b.url, paul)
  expect(await codeOf(paul.socket.request('call:join', { roomId, rtpCapabilities }))).toBe('knock_first')

  const again = await paul.knock()
  await mona.socket.request('call:admit', { roomId, knockIds: [again] })
  await paul.socket.hear('call:admitted', it => it.knockId === again)
  // At once: nothing need be waited for.
  await paul.join()
  await until('both see both', () => paul.sees(mona) && mona.sees(paul))
  expect(await membersOf(a.url)).toMatchObject([{ id: 'mona' }, { name: 'paul' }])
  const { events, me } = await paul.socket.request('room:open', { roomId })
  expect([JSON.stringify(events).includes(SAID), me.role]).toEqual([true, 'publisher'])
  await paul.socket.hear('room:entered', it => it.roomId === roomId && it.role === 'publisher')

  // Sent out of the call, and back as somebody else by the same open link: outside again.
  await mona.socket.request('call:remove', { roomId, participantId: paul.participantId })
  await paul.socket.hear('call:closed', it => it.reason === 'removed')
  const other = await guest(a.url, 'paula')
  await expectNothingRead(a.url, other)
  expect(await codeOf(other.socket.request('call:join', { roomId, rtpCapabilities }))).toBe('knock_first')
}, 120_000)

test('a guest who was let in stays one of the room, until it is sent out of that', async () => {
  const { url } = await startServer()
  const mona = await consult(url)
  const first = await guestToken(url, 'paul')
  const later = await guestToken(url, 'paul', first)
  const paul = await guest(url, 'paul', later)
  const knockId = await paul.knock()
  await mona.socket.request('call:admit', { roomId })
  await paul.socket.hear('call:admitted', it => it.knockId === knockId)
  await paul.join()
  for (const token of [first, later, await guestToken(url, 'paul', later)]) {
    expect((await rest(url, 'GET', `/v1/rooms/${roomId}/messages`, { token })).status).toBe(200)
  }
  const { id: userId = '' } = (await membersOf(url)).find(({ name }) => name === 'paul') ?? {}
  // Tokens tell seconds: one made in the same second as a kick may have been made after it.
  await sleep(1_000)
  await perform(url, 'member:kick', { roomId, userId })
  // Its tokens are of no use any more, not even for knocking.
  expect(await codeOf(paul.knock())).toBe('room_not_found')
  for (const { path, text } of await readings(url, later)) expect(text, path).not.toMatch(/diagnosis of|mona/)
}, 120_000)

test('without a lobby guests are in the room at once; a lock keeps them out of the call only', async () => {
  const { url } = await startServer()
  const mona = await consult(url)
  const nina = await guest(url, 'nina')
  expect(await codeOf(nina.socket.request('room:open', { roomId }))).toBe('knock_first')
  await nina.knock()
  // Once nobody has to be let in who waits is in, and who comes is.
  await perform(url, 'room:update', { roomId, lobby: false })
  await nina.socket.hear('call:admitted', it => it.roomId === roomId)
  await nina.join()
  const omar = await guest(url, 'omar')
  await mona.socket.request('call:lock', { roomId, locked: true })
  const { events } = await omar.socket.request('room:open', { roomId })
  expect(JSON.stringify(events)).toContain(SAID)
  expect(await codeOf(omar.join())).toBe('locked')
}, 120_000)

test('an app that signs tokens makes guests of its visitors: outside until let in, then what the token says', async () => {
  const { url } = await startServer()
  const mona = await consult(url)
  const signed = (sub: string, extra: object) => {
    const exp = Math.floor(Date.now() / 1_000) + 600
    return jwt({ alg: 'HS256', kid: API_KEY_ID }, { sub, name: sub, exp, ...extra })
  }
  const visitor = await guest(url, 'vera', signed('vera', { kind: 'guest', rooms: { [roomId]: 'member' } }))
  await expectNothingRead(url, visitor)
  const knockId = await visitor.knock()
  await mona.socket.request('call:admit', { roomId, knockIds: [knockId] })
  await visitor.socket.hear('call:admitted', it => it.knockId === knockId)
  expect((await visitor.socket.request('room:open', { roomId })).me.role).toBe('member')
  await visitor.join()
  // A grant for a room without a word on guests is the app's own decision: a user is in the room with it.
  const user = await guest(url, 'ursa', signed('ursa', { rooms: { [roomId]: 'publisher' } }))
  expect((await user.socket.request('room:open', { roomId })).me.role).toBe('publisher')
  expect(await codeOf(user.join())).toBe('knock_first')
  // Who is to moderate is no visitor, whoever signed it.
  const host = await guest(url, 'hera', signed('hera', { kind: 'guest', rooms: { [roomId]: 'moderator' } }))
  await host.join()
}, 120_000)
