import { setTimeout as delay } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { LIMITS, PROTOCOL_VERSION } from '@trunkline/protocol'
import { afterEach, beforeAll, describe, expect, it } from 'vitest'
import { expectTyped } from './hostile-server.ts'
import { type Stage, startStage } from './hostile-stage.ts'
import { TARGETS, type Target, targetOf } from './hostile-targets.ts'
import { badTokens } from './hostile-tokens.ts'
import { deepList, deepObject, hostileValue, spoil } from './hostile-values.ts'
import { Wire } from './hostile-wire.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { type Answer, rest } from './support/rest.ts'
import { randomFrom, rounds, seed } from './support/rounds.ts'
import { API_KEY } from './support/server.ts'

const CLOSED = TARGETS.filter(target => !target.isForAnyone)
const WITH_BODY = TARGETS.filter(target => target.bodies)

let stage: Stage
const register = cleanUpAfterAll()

beforeAll(async () => {
  stage = await startStage(register)
})
afterEach(() => stage.check())

/** Asks, and again when it was too fast: a test is faster than people. */
const call = async (
  target: Target,
  options: { token?: string; body?: string; path?: string; headers?: Record<string, string> } = {},
): Promise<Answer> => {
  const { token = API_KEY, path = target.pathOf(), headers } = options
  const body = options.body ?? (target.bodies ? '{}' : undefined)
  for (;;) {
    const answer = await rest(stage.url, target.method, path, {
      token,
      ...(headers ? { headers } : {}),
      ...(body === undefined ? {} : { body }),
    })
    const waitMs = /Try again in (\d+) ms/.exec(answer.body?.detail)?.[1]
    if (answer.status !== 429 || waitMs === undefined) return answer
    await delay(Number(waitMs))
  }
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
  it.each(CLOSED)('$name takes no bad one, and none is missing', async target => {
    expectProblem(await call(target, { token: '' }), target.name, 'token_missing')
    for (const [what, token, code] of badTokens()) {
      expectProblem(await call(target, { token }), `${target.name} with a token ${what}`, code)
    }
  })

  it.each([
    ['another scheme', 'Basic dXNlcjpwYXNz'],
    ['no scheme', API_KEY],
    ['two tokens', 'Bearer a b'],
    ['nothing after the scheme', 'Bearer '],
  ])('%s is as none', async (_, authorization) => {
    const answer = await call(targetOf('room:get'), { token: '', headers: { authorization } })
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
  it.each(WITH_BODY)('$name is refused with one typed error', async target => {
    const { name, bodies } = target
    for (const [what, value] of bodies?.invalid ?? []) {
      expectProblem(await call(target, { body: JSON.stringify(value) }), `${name} ${what}`, 'invalid_request')
    }
    const fields = JSON.stringify(bodies?.valid[0]).slice(0, -1)
    const example = fields === '{' ? '{"a":1' : fields
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
      expectProblem(await call(target, { body }), `${name} with ${what}`, code)
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
    expectProblem(await call(targetOf('room:create'), { body, headers }), what, code)
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
  it.each(TARGETS.filter(target => target.hasParams))('$name', async target => {
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
      expectProblem(await call(target, { token, path: target.pathOf(id) }), `${target.name} ${id}`)
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
    for (const target of TARGETS) {
      const answer = await rest(stage.url, 'PROPFIND', target.pathOf())
      expectProblem(answer, target.name, 'method_not_allowed')
      expect(answer.headers.get('allow')).toContain(target.method)
    }
    for (const path of ['/v1', '/v1/', '/v1/roomz', '/v1/rooms/room-1/', '/v1/__proto__', '/%', '/a%00b']) {
      expectProblem(await rest(stage.url, 'PUT', path), path)
    }
  })
})

describe('what belongs to others', () => {
  const inRooms = TARGETS.filter(target => target.pathOf('x').startsWith('/v1/rooms/x'))

  it.each(inRooms)('$name of a room one is not in is as if there were no such room', async target => {
    const ask = async (id: string) => {
      const [example] = target.bodies?.valid ?? []
      const { sender: _, ...own } = example ?? {}
      const body = target.name === 'createFile' ? 'bytes' : example && JSON.stringify(own)
      const path = target.pathOf(id)
      const answer = await call(target, { token: stage.tokens.ada, path, ...(body ? { body } : {}) })
      expectProblem(answer, target.name, 'room_not_found')
      return { ...answer.body, requestId: '' }
    }
    expect(await ask('room-2')).toEqual(await ask('no-such-room'))
  })

  it('a file of a room one is not in is as if there were no such file', async () => {
    const body = 'the notes of room 2'
    const createFile = targetOf('createFile')
    const stored = await call(createFile, {
      token: stage.tokens.grace,
      path: createFile.pathOf('room-2'),
      body,
    })
    expect(stored.status).toBe(201)
    for (const target of [targetOf('getFile'), targetOf('getFileVariant')]) {
      const ask = async (id: string) => {
        const answer = await call(target, { token: stage.tokens.ada, path: target.pathOf(id) })
        expectProblem(answer, target.name, 'not_found')
        return { ...answer.body, requestId: '' }
      }
      expect(await ask(stored.body.id)).toEqual(await ask('no-such-file'))
      const byKey = await call(target, { path: target.pathOf(stored.body.id) })
      expectProblem(byKey, `${target.name} with the API key`)
    }
    const getFile = targetOf('getFile')
    // A file is given out once it has been looked at.
    await expect
      .poll(async () => {
        const own = await call(getFile, {
          token: stage.tokens.grace,
          path: getFile.pathOf(stored.body.id),
        })
        return own.body
      })
      .toBe(body)
  })

  it('nobody sends in another name', async () => {
    const body = '{"text":"a","sender":"grace"}'
    expectProblem(
      await call(targetOf('createMessage'), { token: stage.tokens.ada, body }),
      'sender',
      'forbidden',
    )
    expectProblem(
      await call(targetOf('createToken'), { token: stage.tokens.ada }),
      'createToken',
      'forbidden',
    )
  })
})

it('spoiled bodies and queries, at random', { timeout: 240_000 }, async () => {
  const random = randomFrom(seed())
  const outcomes = new Map<string, number>()
  const turns = rounds(1_500)
  let sent = 0
  const work = async () => {
    while (sent++ < turns) {
      const target = WITH_BODY[Math.floor(random() * WITH_BODY.length)] as Target
      const { name } = target
      // Guests are counted by the minute, which would make this a test of patience.
      if (name === 'createGuestToken' && random() > 0.05) continue
      const examples = target.bodies?.valid ?? []
      const body = spoil(random, examples[Math.floor(random() * examples.length)])
      const path =
        random() < 0.1
          ? `${target.pathOf()}?a=${encodeURIComponent(hostileValue(random).slice(0, 2_000).toWellFormed())}`
          : target.pathOf()
      const answer = await call(target, { body, path })
      const context = `${name} ${path} ${body.slice(0, 500)}`
      if (answer.status >= 400) expectProblem(answer, context)
      else expect(answer.status, context).toBe(target.status)
      const outcome = answer.body.code ?? String(answer.status)
      outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 8 }, work))
  console.log(`${turns} bodies: ${[...outcomes].map(([code, times]) => `${code} ${times}`).join(', ')}`)
  expect(outcomes.get('invalid_request')).toBeGreaterThan(turns / 4)
})

it('the documents of the contract are served to anybody', async () => {
  const { status, body } = await rest(stage.url, 'GET', '/v1/openapi.json', { token: '' })
  expect([status, body.openapi]).toEqual([200, '3.1.1'])
  expect(Object.keys(body.paths)).toContain('/v1/rooms/{roomId}/messages')
  const events = await rest(stage.url, 'GET', '/v1/asyncapi.json', { token: '' })
  expect([events.status, events.body.asyncapi]).toEqual([200, '3.0.0'])
})
