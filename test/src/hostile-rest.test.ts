import { gzipSync } from 'node:zlib'
import { LIMITS, PROTOCOL_VERSION, ROUTES, type RouteName } from '@trunkline/protocol'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectTyped } from './hostile-server.ts'
import { fixtureOf, type Stage, startStage } from './hostile-stage.ts'
import { badTokens } from './hostile-tokens.ts'
import { deepList, deepObject, hostileValue, spoil } from './hostile-values.ts'
import { Wire } from './hostile-wire.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { type Answer, rest } from './support/rest.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'
import { API_KEY } from './support/server.ts'

const NAMES = Object.keys(ROUTES) as RouteName[]
const CLOSED = NAMES.filter(name => !(ROUTES[name].callers as readonly string[]).includes('anyone'))
const WITH_BODY = NAMES.filter(name => 'body' in ROUTES[name] && ROUTES[name].body !== 'bytes')

let stage: Stage
const register = cleanUpAfterAll()

beforeAll(async () => {
  stage = await startStage(register)
})
afterEach(() => stage.check())

const pathOf = (name: RouteName, id = 'room-1'): string => {
  const path = ROUTES[name].path.replace('{id}', id)
  return name === 'createFile' ? `${path}?name=a.txt` : path
}

const call = (
  name: RouteName,
  options: { token?: string; body?: string; path?: string; headers?: Record<string, string> } = {},
): Promise<Answer> => {
  const { method } = ROUTES[name]
  const body = 'body' in ROUTES[name] ? (options.body ?? '{}') : undefined
  const token = options.token ?? API_KEY
  return rest(stage.url, method.toUpperCase(), options.path ?? pathOf(name), {
    token,
    ...(options.headers ? { headers: options.headers } : {}),
    ...(body === undefined ? {} : { body }),
  })
}

const expectProblem = (answer: Answer, context: string, code?: string) => {
  expect(answer.headers.get('content-type'), `${context}: ${answer.status}`).toContain(
    'application/problem+json',
  )
  expectTyped(answer.body, context, code)
  expect(answer.status, context).toBe(answer.body.status)
  expect(answer.body.requestId, context).toMatch(/^req_/)
}

describe('tokens', () => {
  it.each(CLOSED)('%s takes no bad one, and none is missing', async name => {
    expectProblem(await call(name, { token: '' }), name, 'token_missing')
    for (const [what, token, code] of badTokens()) {
      expectProblem(await call(name, { token }), `${name} with a token ${what}`, code)
    }
  })

  it.each([
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['no scheme', API_KEY],
    ['two tokens', 'Bearer a b'],
    ['nothing after the scheme', 'Bearer '],
  ])('%s is as none', async (_, authorization) => {
    const answer = await call('getRoom', { token: '', headers: { authorization } })
    expectProblem(answer, authorization, 'token_missing')
  })

  it('open no socket either', async () => {
    const greet = async (auth: unknown) => {
      const wire = await Wire.dial(stage.url)
      const greeting = await wire.connect(auth)
      wire.close()
      expect(greeting.slice(0, 2)).toBe('44')
      return JSON.parse(greeting.slice(2)).data
    }
    const version = PROTOCOL_VERSION
    for (const [what, token, code] of badTokens()) {
      expectTyped(await greet({ token, version }), `a token ${what}`, code)
    }
    expectTyped(await greet({ token: API_KEY, version }), 'the API key', 'forbidden')
    expectTyped(await greet({}), 'nothing', 'token_missing')
    expectTyped(await greet({ version }), 'no token', 'token_missing')
    expectTyped(await greet({ token: '', version }), 'an empty token', 'token_missing')
    for (const token of [7, ['a'], { a: 1 }, true, 'x'.repeat(8_193)]) {
      expectTyped(await greet({ token, version }), `the token ${JSON.stringify(token)}`, 'invalid_request')
    }
    const { ada: token } = stage.tokens
    for (const wrong of [0, 2, -1, 1e308, '1', null, [1], { valueOf: 1 }]) {
      expectTyped(await greet({ token, version: wrong }), `version ${wrong}`, 'unsupported_version')
    }
    expectTyped(await greet({ token }), 'no version', 'invalid_request')
    expectTyped(await greet({ token, version, more: 1 }), 'more', 'invalid_request')
  })
})

describe('bodies', () => {
  it.each(WITH_BODY)('%s is refused with one typed error', async name => {
    for (const [what, value] of Object.entries(fixtureOf(`rest/${name}.body`).invalid)) {
      expectProblem(await call(name, { body: JSON.stringify(value) }), `${name} ${what}`, 'invalid_request')
    }
    const example = JSON.stringify(Object.values(fixtureOf(`rest/${name}.body`).valid)[0]).slice(0, -1)
    const written: [string, string, string?][] = [
      ['no JSON', '{"a":'],
      ['half a string', '"abc'],
      ['a word', 'undefined'],
      ['two values', '{}{}'],
      ['a prototype', `${example},"__proto__":{"admin":true}}`],
      ['a list 10,000 deep', deepList(10_000)],
      ['a key 10,000 deep', `${example},"metadata":${deepObject(10_000)}}`],
      ['too much', `${example},"extra":"${'x'.repeat(LIMITS.requestBytes)}"}`, 'too_large'],
      ['a megabyte', `"${'x'.repeat(1_000_000)}"`, 'too_large'],
    ]
    for (const [what, body, code = 'invalid_request'] of written) {
      expectProblem(await call(name, { body }), `${name} with ${what}`, code)
    }
  })

  it.each([
    ['as text', { 'content-type': 'text/plain' }, 'unsupported_media_type'],
    ['as a form', { 'content-type': 'application/x-www-form-urlencoded' }, 'unsupported_media_type'],
    ['in another alphabet', { 'content-type': 'application/json; charset=utf-99' }, 'unsupported_media_type'],
    ['in another encoding', { 'content-encoding': 'zip' }, 'unsupported_media_type'],
    ['not as compressed as said', { 'content-encoding': 'gzip' }, 'invalid_request'],
    ['with an empty key for retries', { 'idempotency-key': '' }, 'invalid_request'],
    ['with a long key for retries', { 'idempotency-key': 'k'.repeat(256) }, 'invalid_request'],
  ])('%s', async (what, headers, code) => {
    const body = JSON.stringify({ kind: 'group' })
    expectProblem(await call('createRoom', { body, headers }), what, code)
  })

  it('that swell when unpacked', async () => {
    const response = await fetch(`${stage.url}/v1/rooms`, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${API_KEY}`,
        'content-type': 'application/json',
        'content-encoding': 'gzip',
      },
      body: gzipSync(Buffer.alloc(50_000_000, ' ')),
    })
    expect([response.status, (await response.json()).code]).toEqual([413, 'too_large'])
  })
})

describe('paths and queries', () => {
  const routes = NAMES.filter(name => 'params' in ROUTES[name])
  it.each(routes)('%s', async name => {
    const token = stage.tokens.ada
    const hostile = [
      '%00',
      '__proto__',
      '..%2f..%2fetc',
      '%E0%A4%A',
      'a'.repeat(1_000),
      '%20',
      '%ud800',
      "'--",
    ]
    for (const id of hostile) {
      expectProblem(await call(name, { token, path: pathOf(name, id) }), `${name} ${id}`)
    }
  })

  it.each([
    'limit=0',
    'limit=201',
    'limit=-1',
    'limit=1.5',
    'limit=ten',
    'limit=',
    'limit=1&limit=2',
    'limit=9007199254740993',
    'limit=Infinity',
    'limit[]=1',
    'extra=1',
    'cursor=abc',
    'cursor=czk5OTk5OTk5OTk5OTk5OTk5OTk',
    `cursor=${'x'.repeat(257)}`,
    'cursor=a&cursor=b',
    '__proto__=1',
    'constructor=1',
  ])('a page with ?%s', async query => {
    for (const list of ['messages', 'events']) {
      const answer = await rest(stage.url, 'GET', `/v1/rooms/room-1/${list}?${query}`)
      expectProblem(answer, query, 'invalid_request')
    }
  })

  it.each(['after=-1', 'after=x', 'after=1.5', 'after=9007199254740993', 'after=1&after=2'])(
    'the log with ?%s',
    async query => {
      const answer = await rest(stage.url, 'GET', `/v1/rooms/room-1/events?${query}`)
      expectProblem(answer, query, 'invalid_request')
    },
  )

  it('other methods and other paths', async () => {
    for (const name of NAMES) {
      const answer = await rest(stage.url, 'DELETE', pathOf(name))
      expectProblem(answer, name, 'method_not_allowed')
      expect(answer.headers.get('allow')).toContain(ROUTES[name].method.toUpperCase())
    }
    for (const path of ['/v1', '/v1/', '/v1/roomz', '/v1/rooms/room-1/', '/v1/__proto__', '/%', '/a%00b']) {
      expectProblem(await rest(stage.url, 'PUT', path), path)
    }
  })
})

describe('what belongs to others', () => {
  const inRooms = NAMES.filter(name => ROUTES[name].path.startsWith('/v1/rooms/{id}'))
  const bodies: Partial<Record<RouteName, string>> = { createMessage: '{"text":"a"}', createFile: 'bytes' }

  it.each(inRooms)('%s of a room one is not in is as if there were no such room', async name => {
    const ask = async (id: string) => {
      const body = bodies[name]
      const path = pathOf(name, id)
      const answer = await call(name, { token: stage.tokens.ada, path, ...(body ? { body } : {}) })
      expectProblem(answer, name, 'room_not_found')
      return { ...answer.body, requestId: '' }
    }
    expect(await ask('room-2')).toEqual(await ask('no-such-room'))
  })

  it('a file of a room one is not in is as if there were no such file', async () => {
    const body = 'the notes of room 2'
    const stored = await call('createFile', {
      token: stage.tokens.grace,
      path: pathOf('createFile', 'room-2'),
      body,
    })
    expect(stored.status).toBe(201)
    for (const name of ['getFile', 'getThumbnail'] as const) {
      const ask = async (id: string) => {
        const answer = await call(name, { token: stage.tokens.ada, path: pathOf(name, id) })
        expectProblem(answer, name, 'not_found')
        return { ...answer.body, requestId: '' }
      }
      expect(await ask(stored.body.id)).toEqual(await ask('no-such-file'))
      expectProblem(await call(name, { path: pathOf(name, stored.body.id) }), `${name} with the API key`)
    }
    const own = await call('getFile', { token: stage.tokens.grace, path: pathOf('getFile', stored.body.id) })
    expect(own.body).toBe(body)
  })

  it('nobody sends in another name', async () => {
    const body = '{"text":"a","sender":"grace"}'
    expectProblem(await call('createMessage', { token: stage.tokens.ada, body }), 'sender', 'forbidden')
    expectProblem(await call('createToken', { token: stage.tokens.ada }), 'createToken', 'forbidden')
  })
})

it('spoiled bodies and queries, at random', { timeout: 240_000 }, async () => {
  const random = randomFrom(seed())
  const outcomes = new Map<string, number>()
  const turns = rounds(1_500)
  let sent = 0
  const work = async () => {
    while (sent++ < turns) {
      const name = WITH_BODY[Math.floor(random() * WITH_BODY.length)] as RouteName
      // Guests are counted by the minute, which would make this a test of patience.
      if (name === 'createGuestToken' && random() > 0.05) continue
      const examples = Object.values(fixtureOf(`rest/${name}.body`).valid)
      const body = spoil(random, examples[Math.floor(random() * examples.length)])
      const path =
        random() < 0.1
          ? `${pathOf(name)}?a=${encodeURIComponent(hostileValue(random).slice(0, 2_000).toWellFormed())}`
          : pathOf(name)
      const answer = await call(name, { body, path })
      const context = `${name} ${path} ${body.slice(0, 500)}`
      if (answer.status >= 400) expectProblem(answer, context)
      else expect(answer.status, context).toBe(ROUTES[name].status)
      const outcome = answer.body.code ?? String(answer.status)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  console.log(`${turns} bodies: ${[...outcomes].map(([code, times]) => `${code} ${times}`).join(', ')}`)
  expect(outcomes.get('invalid_request')).toBeGreaterThan(turns / 4)
})

it('the OpenAPI document is served to anybody', async () => {
  const { status, body } = await rest(stage.url, 'GET', '/v1/openapi.json', { token: '' })
  expect([status, body.openapi]).toEqual([200, '3.1.1'])
  expect(Object.keys(body.paths)).toContain('/v1/rooms/{id}/messages')
})
