import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import type { RoomPost } from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { mintToken, rest } from './support/rest.ts'
import { API_KEY, startServer } from './support/server.ts'

let url: string
let ada: string
let guest: string
let guestId: string

const register = cleanUpAfterAll()

beforeAll(async () => {
  const env = { TRUNKLINE_SECRET: 'a-secret-for-the-rest-rules' }
  url = (await startServer({ services: ['signalling'], env, register })).url
  await post({ id: 'lobby', kind: 'group', members: ['ada', 'grace'], guests: true })
  ada = await mintToken(url, 'ada', { name: 'Ada' })
  const issued = await rest(url, 'POST', '/v1/guest-tokens', {
    token: '',
    body: { roomId: 'lobby', name: 'Guy' },
  })
  guest = issued.body.token
  guestId = issued.body.user.id
})

const post = (body: unknown, options: { token?: string; key?: string } = {}) =>
  rest(url, 'POST', '/v1/rooms', {
    token: options.token ?? API_KEY,
    body,
    ...(options.key ? { headers: { 'idempotency-key': options.key } } : {}),
  })

describe('a room asked for again with the same Idempotency-Key', () => {
  it.each<[string, RoomPost]>([
    ['an id of its own', { id: 'chosen', kind: 'group', title: 'Ward', members: ['ada', 'grace'] }],
    ['an id of ours', { kind: 'channel', metadata: { floor: 2, wing: 'b' } }],
    ['members it is known by', { kind: 'group', members: ['ada', 'grace'], distinct: true }],
    ['two members', { kind: 'direct', members: ['ada', 'grace'] }],
  ])('and %s is the first one', async (what, body) => {
    const key = what.replaceAll(' ', '-')
    const [first, second] = await Promise.all([post(body, { key }), post(body, { key })])
    const third = await post({ ...body, members: body.members?.toReversed() }, { key })
    expect([first.status, second.status, third.status]).toEqual([201, 201, 201])
    expect([second.body.id, third.body.id]).toEqual([first.body.id, first.body.id])
  })

  it.each([
    ['title', { title: 'Other' }],
    ['kind', { kind: 'channel' }],
    ['member', { members: ['ada', 'cara'] }],
    ['id', { id: 'another' }],
  ])('but another %s is a conflict', async (what, change) => {
    const body = { kind: 'group', title: 'Ward', members: ['ada'] }
    const key = `other-${what}`
    expect((await post(body, { key })).status).toBe(201)
    const answer = await post({ ...body, ...change }, { key })
    expect([answer.status, answer.body.code]).toEqual([409, 'conflict'])
    expect(answer.body.detail).toContain('Idempotency-Key')
    if ('id' in change) expect((await rest(url, 'GET', '/v1/rooms/another')).status).toBe(404)
  })

  it('by somebody else is another room', async () => {
    const body = { kind: 'group' }
    const byKey = await post(body, { key: 'shared' })
    const byUser = await post(body, { key: 'shared', token: ada })
    expect([byKey.status, byUser.status]).toEqual([201, 201])
    expect(byUser.body.id).not.toBe(byKey.body.id)
  })

  it('does not open a room whose id is taken', async () => {
    const answer = await post({ id: 'lobby', kind: 'group' }, { key: 'taken' })
    expect([answer.status, answer.body.code]).toEqual([409, 'conflict'])
    expect(answer.body.detail).toContain('"lobby"')
  })
})

describe('who creates what', () => {
  it.each([
    ['a group', { kind: 'group' }],
    ['a group with others', { kind: 'group', members: ['invented-1'] }],
    ['a direct room', { kind: 'direct', members: ['ada'] }],
  ])('a guest does not create %s', async (_, body) => {
    const answer = await post(body, { token: guest })
    expect([answer.status, answer.body.code]).toEqual([403, 'forbidden'])
  })

  it("a user's token names users that exist", async () => {
    const invented = await post({ kind: 'group', members: ['grace', 'invented-2'] }, { token: ada })
    expect([invented.status, invented.body.code]).toEqual([400, 'invalid_request'])
    expect(invented.body.detail).toContain('"invented-2"')
    // Nor did the refusal create it.
    expect((await post({ kind: 'group', members: ['invented-2'] }, { token: ada })).status).toBe(400)
    const direct = await post({ kind: 'direct', members: ['grace'] }, { token: ada })
    expect([direct.status, direct.body.me]).toEqual([201, { userId: 'ada', role: 'publisher' }])
  })

  it('an API key creates users by naming them', async () => {
    expect((await post({ kind: 'group', members: ['named-by-key'] })).status).toBe(201)
    expect((await post({ kind: 'group', members: ['named-by-key'] }, { token: ada })).status).toBe(201)
  })

  it('no token changes what kind of user somebody is', async () => {
    for (let n = 0; n < 2; n++) {
      const { body } = await rest(url, 'POST', '/v1/tokens', { body: { userId: guestId } })
      expect(body.user).toEqual({ id: guestId, name: 'Guy', kind: 'guest' })
      expect((await post({ kind: 'group' }, { token: body.token })).body.code).toBe('forbidden')
    }
  })
})

describe('a body that is not there', () => {
  /** As written: fetch and node:http would add the length. */
  const send = async (headers: string): Promise<{ status: number; code: string; detail: string }> => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    const head = [
      'POST /v1/rooms HTTP/1.1',
      'Host: test',
      `Authorization: Bearer ${API_KEY}`,
      'Connection: close',
    ]
    socket.write(`${head.join('\r\n')}\r\n${headers}\r\n`)
    const answer = await text(socket)
    return JSON.parse(answer.slice(answer.indexOf('{'), answer.lastIndexOf('}') + 1))
  }

  it.each([
    [
      'called JSON is empty',
      'Content-Type: application/json; charset=utf-8\r\n',
      'invalid_request',
      'is empty',
    ],
    ['called nothing is to be called JSON', '', 'unsupported_media_type', 'Content-Type'],
    [
      'called JSON Lines is to be called JSON',
      'Content-Type: application/jsonl\r\n',
      'unsupported_media_type',
      'Content-Type',
    ],
    // Read as an empty object, the way express does; what is missing in it is told.
    [
      'of no length lacks fields',
      'Content-Type: application/json\r\nContent-Length: 0\r\n',
      'invalid_request',
      'kind',
    ],
  ])('%s', async (_, headers, code, words) => {
    const problem = await send(headers)
    expect(problem.code).toBe(code)
    expect(problem.detail).toContain(words)
  })
})

it.each([' ', 'two words', 'k'.repeat(256)])('%j is no Idempotency-Key', async key => {
  // A client drops the spaces around a header's value: of the first nothing is left.
  const answer = await post({ kind: 'group' }, { key })
  expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request'])
  expect(answer.body.detail).toContain('Idempotency-Key')
})
