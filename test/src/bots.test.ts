import { randomUUID } from 'node:crypto'
import {
  Bot,
  type Control,
  CreatedBot,
  LIMITS,
  type OperationInput,
  type OperationName,
} from '@trunkline/protocol'
import { Trunkline } from '@trunkline/sdk'
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { type Asked, startBot, type TestBot } from './support/bot.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { inDatabaseOf } from './support/database.ts'
import { perform } from './support/operations.ts'
import { rest } from './support/rest.ts'
import { connectSocket } from './support/socket.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const WAIT = { timeout: 60_000, interval: 50 }
const register = cleanUpAfterAll()
let stage: Stage
let weather: TestBot
let roomId: string

const api = (method: string, path: string, body?: unknown, token?: string) =>
  rest(stage.url(), method, path, { ...(body !== undefined && { body }), ...(token && { token }) })
const asBot = async <N extends OperationName>(bot: TestBot, name: N, data: OperationInput<N>) => {
  const { status, body } = await perform(stage.url(), name, data, { token: bot.token })
  if (status >= 300) throw new Error(`${body.code}: ${body.detail}`)
  return body
}
const problemOf = async (id: string) => (await api('GET', `/v1/bots/${id}`)).body.problem?.reason
/** What a bot was asked since, of one type. */
const ofType = <T extends Asked['type']>(bot: TestBot, type: T) =>
  bot.asked.filter((asked): asked is Extract<Asked, { type: T }> => asked.type === type)

const COMMANDS = [
  {
    name: 'weather',
    description: 'How the weather will be',
    arguments: [
      { kind: 'text', name: 'place', required: true, completes: true, maxChars: 40 },
      { kind: 'number', name: 'days', whole: true, min: 1, max: 7 },
      { kind: 'choice', name: 'units', choices: [{ value: 'metric' }, { value: 'imperial', label: 'US' }] },
      { kind: 'user', name: 'whom' },
    ],
  },
  { name: 'ping', description: 'Says pong' },
]

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'eve'])
  weather = await startBot(stage.url(), { id: 'weather', name: 'Weather' }, register)
  roomId = await stage.room('ann', { members: ['bob'] })
  await stage.overRest('ann', 'member:add', { roomId, userIds: ['weather'] })
  const set = await api('PUT', '/v1/bots/weather/commands', { commands: COMMANDS }, weather.token)
  expect(set.status).toBe(200)
})

describe('a bot', () => {
  it('is made, changed and ended by an API key', async () => {
    const made = await api('POST', '/v1/bots', { id: 'clerk', name: 'Clerk', hears: 'nothing' })
    expect(made.status).toBe(201)
    const { token, secret, ...bot } = CreatedBot.parse(made.body)
    expect(bot).toEqual({
      user: { id: 'clerk', name: 'Clerk', kind: 'bot' },
      hears: 'nothing',
      commands: [],
      createdAt: expect.any(String),
    })
    expect((await api('GET', '/v1/bots/clerk')).body).toEqual(Bot.parse(bot))
    expect((await api('GET', '/v1/bots/clerk', undefined, token)).body).toEqual(bot)
    expect((await api('GET', '/v1/bots')).body.data).toContainEqual(bot)
    const changes = { name: 'Registrar', url: 'http://127.0.0.1:9/', hears: 'all' }
    expect((await api('PATCH', '/v1/bots/clerk', changes)).body).toMatchObject({
      user: { name: 'Registrar' },
      hears: 'all',
    })
    expect((await api('PATCH', '/v1/bots/clerk', { url: null })).body).not.toHaveProperty('url')
    expect((await api('POST', '/v1/bots/clerk/secret')).body.secret).not.toBe(secret)

    const own = await connectSocket(stage.url(), 'clerk', register, token)
    const other = (await api('POST', '/v1/bots/clerk/token')).body.token
    // Its sockets end with its token.
    await vi.waitFor(() => expect(own.connected()).toBe(false), WAIT)
    expect((await api('GET', '/v1/rings', undefined, token)).body.code).toBe('token_signature')
    expect((await api('GET', '/v1/rings', undefined, other)).body.userId).toBe('clerk')
    expect((await api('DELETE', '/v1/bots/clerk')).status).toBe(200)
    expect((await api('GET', '/v1/rings', undefined, other)).status).toBe(401)
    expect((await api('GET', '/v1/bots/clerk')).status).toBe(404)
    // What it was stays somebody; one that is made of it anew has another token.
    const again = await api('POST', '/v1/bots', { id: 'clerk', name: 'Clerk' })
    expect(again.status).toBe(201)
    expect([token, other]).not.toContain(again.body.token)
  })

  it('is nobody else: ids of people are theirs, and a retry is told the same', async () => {
    expect((await api('POST', '/v1/bots', { id: 'ann', name: 'Ann' })).body.code).toBe('conflict')
    expect((await api('POST', '/v1/bots', { id: 'weather', name: 'Rain' })).body.code).toBe('conflict')
    const options = { body: { name: 'Once' }, headers: { 'idempotency-key': 'bot-once' } }
    const first = await rest(stage.url(), 'POST', '/v1/bots', options)
    expect((await rest(stage.url(), 'POST', '/v1/bots', options)).body).toEqual(first.body)
  })

  it('is no hook, and of many that want one id at once one is made', async () => {
    const hook = await stage.overRest('ann', 'hook:create', { roomId, name: 'Alerts' })
    expect((await api('POST', '/v1/bots', { id: hook.user.id, name: 'Mine' })).body.code).toBe('conflict')
    const made = await Promise.all(
      Array.from({ length: 8 }, () => api('POST', '/v1/bots', { id: 'wanted', name: 'Wanted' })),
    )
    expect(made.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 409)])
    await stage.overRest('ann', 'hook:delete', { roomId, hookId: hook.id })
  })

  it('that is deleted while it is asked says nothing more', async () => {
    const brief = await startBot(stage.url(), { id: 'brief', hears: 'nothing' }, register)
    const own = await stage.room('ann', {})
    await stage.overRest('ann', 'member:add', { roomId: own, userIds: ['brief'] })
    const controls = [{ type: 'button', id: 'go', label: 'Go' }]
    const body = { text: 'Press', controls }
    const { body: message } = await api('POST', `/v1/rooms/${own}/messages`, body, brief.token)
    const { seq } = message
    brief.answer = async () => {
      await api('DELETE', '/v1/bots/brief')
      return { text: 'Too late', update: { text: 'Changed' } }
    }
    const press = { roomId: own, seq, buttonId: 'go' }
    expect(await refusalOf(stage.overRest('ann', 'button:press', press))).toBe('bot_failed')
    const { data } = await stage.overRest('ann', 'message:list', { roomId: own })
    expect(data.map(({ text }) => text)).toEqual(['Press'])
  })

  it('looks after itself alone, and no user after any', async () => {
    const clerk = await startBot(stage.url(), { id: 'other-clerk', hears: 'nothing' }, register)
    for (const token of [stage.token('ann'), clerk.token]) {
      for (const [method, path, body] of [
        ['GET', '/v1/bots', undefined],
        ['GET', '/v1/bots/weather', undefined],
        ['POST', '/v1/bots', { name: 'Mine' }],
        ['PATCH', '/v1/bots/weather', { name: 'Mine' }],
        ['PUT', '/v1/bots/weather/commands', { commands: [] }],
        ['POST', '/v1/bots/weather/token', undefined],
        ['POST', '/v1/bots/weather/secret', undefined],
        ['DELETE', '/v1/bots/weather', undefined],
      ] as const) {
        expect([path, (await api(method, path, body, token)).status]).toEqual([path, 403])
      }
    }
  })

  it('acts in its rooms only, with its role', async () => {
    const closed = await stage.room('ann', {})
    const words = { text: 'Let me in' }
    const outside = await api('POST', `/v1/rooms/${closed}/messages`, words, weather.token)
    expect(outside.body.code).toBe('room_not_found')
    await stage.overRest('ann', 'member:add', { roomId: closed, userIds: ['weather'], role: 'member' })
    const reading = await api('POST', `/v1/rooms/${closed}/messages`, words, weather.token)
    expect(reading.body.code).toBe('forbidden')
    const said = await api('POST', `/v1/rooms/${roomId}/messages`, words, weather.token)
    expect(said.body).toMatchObject({ sender: 'weather', text: 'Let me in' })
    const asAnn = await api(
      'POST',
      `/v1/rooms/${roomId}/messages`,
      { ...words, sender: 'ann' },
      weather.token,
    )
    expect(asAnn.body.code).toBe('forbidden')
  })
})

describe('messages', () => {
  it('that mention a bot are sent to it in their order, and what it answers is said', async () => {
    const heard = weather.asked.length
    weather.answer = asked => {
      if (asked.type !== 'message.created') return {}
      const [part] = asked.data.type === 'message.created' ? asked.data.data.parts : []
      return { text: `You said: ${part && 'text' in part ? part.text : ''}` }
    }
    await stage.say('ann', roomId, 'Not for it')
    const words = ['one', 'two', 'three']
    for (const word of words) await stage.say('ann', roomId, word, { mentions: ['weather'] })
    await vi.waitFor(async () => {
      const { data } = await stage.overRest('bob', 'message:list', { roomId })
      const answers = data.filter(({ sender, text }) => sender === 'weather' && text?.startsWith('You said'))
      expect(answers.map(({ text }) => text)).toEqual(words.map(word => `You said: ${word}`))
    }, WAIT)
    const sent = weather.asked.slice(heard)
    expect(sent).toHaveLength(3)
    expect(sent[0]).toMatchObject({
      botId: 'weather',
      room: { id: roomId, kind: 'group' },
      data: { sender: 'ann' },
    })
    expect(weather.forged).toEqual([])
  })

  it('of direct rooms are, all of them; answers to threads go there', async () => {
    weather.answer = asked => (asked.type === 'message.created' ? { text: 'Sunny' } : {})
    const direct = await stage.room('bob', { kind: 'direct', members: ['weather'] })
    await stage.say('bob', direct, 'How is it?')
    await vi.waitFor(async () => {
      const { data } = await stage.overRest('bob', 'message:list', { roomId: direct })
      expect(data.map(({ sender, text }) => [sender, text])).toEqual([
        ['bob', 'How is it?'],
        ['weather', 'Sunny'],
      ])
    }, WAIT)
    const root = await stage.say('ann', roomId, 'A thread')
    await stage.say('ann', roomId, 'In it', { threadOf: root, mentions: ['weather'] })
    await vi.waitFor(async () => {
      const { data } = await stage.overRest('bob', 'message:thread', { roomId, seq: root })
      expect(data.map(({ text }) => text)).toEqual(['In it', 'Sunny'])
    }, WAIT)
  })

  it('of two bots that mention who spoke end, and begin anew with the next words of people', async () => {
    const own = await stage.room('ann', {})
    const names = ['echo-one', 'echo-two']
    for (const id of names) {
      const echo = await startBot(stage.url(), { id, hears: 'mentions' }, register)
      echo.answer = asked =>
        asked.type === 'message.created' && asked.data.type === 'message.created'
          ? { text: 'And you?', mentions: [asked.data.sender ?? ''] }
          : {}
      await stage.overRest('ann', 'member:add', { roomId: own, userIds: [id] })
    }
    const said = async () => {
      const { data } = await stage.overRest('ann', 'message:list', { roomId: own })
      return data.filter(({ sender }) => names.includes(sender ?? '')).length
    }
    for (const times of [1, 2]) {
      // One is told of the other by a person: what it answers mentions her, who is no bot.
      await stage.say('ann', own, 'Go', { mentions: ['echo-one'] })
      await vi.waitFor(async () => expect(await said()).toBe(times), WAIT)
    }
    const { token } = (await api('POST', '/v1/bots/echo-one/token')).body
    await api('POST', `/v1/rooms/${own}/messages`, { text: 'Hi', mentions: ['echo-two'] }, token)
    const most = 2 + 1 + LIMITS.botTurns
    await vi.waitFor(async () => expect(await said()).toBe(most), WAIT)
    await new Promise(resolve => setTimeout(resolve, 1_500))
    expect(await said()).toBe(most)
  })

  it('all of them are, by choice; but what bots say only where it mentions the other', async () => {
    const [one, two] = [
      await startBot(stage.url(), { id: 'all-one', hears: 'all' }, register),
      await startBot(stage.url(), { id: 'all-two', hears: 'all' }, register),
    ]
    const own = await stage.room('ann', {})
    await stage.asServer('member:add', { roomId: own, userIds: ['all-one', 'all-two'], role: 'publisher' })
    one.answer = () => ({ text: 'I am one' })
    two.answer = asked => (JSON.stringify(asked).includes('I am one') ? { text: 'No' } : {})
    await stage.say('ann', own, 'Hello')
    await vi.waitFor(() => expect([one.asked.length, two.asked.length]).toEqual([1, 1]), WAIT)
    await asBot(two, 'typing:set', { roomId: own, typing: false })
    await api('POST', `/v1/rooms/${own}/messages`, { text: 'Hi', mentions: ['all-one'] }, two.token)
    await vi.waitFor(() => expect(one.asked).toHaveLength(2), WAIT)
    expect(two.asked).toHaveLength(1)
  })

  it('wait for a bot that fails, in their order, and nobody waits with it', async () => {
    const ill = await startBot(stage.url(), { id: 'ill', hears: 'all' }, register)
    const own = await stage.room('ann', {})
    await stage.asServer('member:add', { roomId: own, userIds: ['ill', 'weather'], role: 'publisher' })
    ill.answer = () => ({ status: 500, body: 'not now' })
    weather.answer = asked => (asked.type === 'message.created' ? { text: 'I am well' } : {})
    await stage.say('ann', own, 'first')
    await stage.say('ann', own, 'second', { mentions: ['weather'] })
    await vi.waitFor(async () => {
      const { data } = await stage.overRest('ann', 'message:list', { roomId: own })
      expect(data.map(({ text }) => text)).toContain('I am well')
    }, WAIT)
    await vi.waitFor(async () => expect(await problemOf('ill')).toMatch(/^It answered 500/), WAIT)
    expect(new Set(ill.asked.map(({ id }) => id)).size).toBe(1)
    ill.answer = () => ({})
    await vi.waitFor(() => {
      const texts = ill.asked.map(asked => JSON.stringify(asked.data))
      expect(texts.at(-1)).toContain('second')
    }, WAIT)
    await vi.waitFor(async () => expect(await problemOf('ill')).toBeUndefined(), WAIT)
  })

  it('are not told later to who did not want them any more', async () => {
    const shy = await startBot(stage.url(), { id: 'shy', hears: 'all' }, register)
    const own = await stage.room('ann', {})
    await stage.asServer('member:add', { roomId: own, userIds: ['shy'] })
    shy.answer = () => ({ status: 500, body: 'not now' })
    await stage.say('ann', own, 'kept from it')
    await vi.waitFor(async () => expect(await problemOf('shy')).toMatch(/^It answered 500/), WAIT)
    expect((await api('PATCH', '/v1/bots/shy', { hears: 'nothing' })).status).toBe(200)
    shy.answer = () => ({})
    shy.asked.length = 0
    expect((await api('PATCH', '/v1/bots/shy', { hears: 'all' })).status).toBe(200)
    await stage.say('ann', own, 'told')
    await vi.waitFor(() => expect(shy.asked).toHaveLength(1), WAIT)
    expect(JSON.stringify(shy.asked)).toContain('told')
  })

  it('are not sent to who was sent away', async () => {
    const gone = await startBot(stage.url(), { id: 'gone', hears: 'all' }, register)
    const own = await stage.room('ann', {})
    await stage.asServer('member:add', { roomId: own, userIds: ['gone'] })
    await stage.say('ann', own, 'while it was here')
    await vi.waitFor(() => expect(gone.asked).toHaveLength(1), WAIT)
    await stage.overRest('ann', 'member:ban', { roomId: own, userId: 'gone' })
    await stage.say('ann', own, 'afterwards', { mentions: ['gone', 'weather'] })
    await stage.overRest('ann', 'member:unban', { roomId: own, userId: 'gone' })
    await stage.asServer('member:add', { roomId: own, userIds: ['gone'] })
    await stage.say('ann', own, 'back again')
    await vi.waitFor(() => expect(gone.asked).toHaveLength(2), WAIT)
    expect(JSON.stringify(gone.asked)).not.toContain('afterwards')
  })

  it('may be answered with what cannot be said: it is noted, and not asked for again', async () => {
    const odd = await startBot(stage.url(), { id: 'odd', hears: 'all' }, register)
    const own = await stage.room('ann', {})
    await stage.asServer('member:add', { roomId: own, userIds: ['odd'], role: 'member' })
    const answers: [unknown, RegExp][] = [
      ['thanks', /not JSON/],
      [{ words: 'no such field' }, /not valid/],
      [{ text: 'I only read here' }, /not write in it/],
      [{ text: 'psst', ephemeral: true }, /Nobody waits/],
      [{ update: { text: 'x' } }, /nothing of one was pressed/],
      ['x'.repeat(LIMITS.postAnswerBytes + 1), /more than/],
    ]
    for (const [n, [answer, reason]] of answers.entries()) {
      odd.answer = () => answer as object
      await stage.say('ann', own, `message ${n}`)
      await vi.waitFor(async () => expect(await problemOf('odd')).toMatch(reason), WAIT)
    }
    const { data } = await stage.overRest('ann', 'message:list', { roomId: own })
    expect(data.filter(({ sender }) => sender === 'odd')).toEqual([])
  })
})

describe.each(['overRest', 'overSocket'] as const)('commands %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('are listed for the room, and run: what the bot answers is said for everybody', async () => {
    const { data } = await ask('bob', 'command:list', { roomId })
    expect(data.map(({ name, bot }) => [name, bot.id])).toEqual([
      ['ping', 'weather'],
      ['weather', 'weather'],
    ])
    weather.answer = () => ({ text: 'pong' })
    const reply = await ask('bob', 'command:run', { roomId, name: 'ping' })
    expect(reply).toMatchObject({ event: { sender: 'weather', data: { parts: [{ text: 'pong' }] } } })
    expect(weather.asked.at(-1)).toMatchObject({
      type: 'command.run',
      botId: 'weather',
      user: { id: 'bob' },
      room: { id: roomId },
      data: { name: 'ping', arguments: {} },
    })
  })

  it.each([
    ['"New York" 3 units:metric', { place: 'New York', days: 3, units: 'metric' }],
    ['place:Oslo whom:@ann', { place: 'Oslo', whom: 'ann' }],
  ])('have their arguments read: %s', async (text, values) => {
    weather.answer = () => ({})
    expect(await ask('ann', 'command:run', { roomId, name: 'weather', text })).toEqual({})
    expect(weather.asked.at(-1)?.data).toEqual({ name: 'weather', arguments: values })
  })

  it.each([
    ['', 'place is missing'],
    ['Oslo 9', 'days must be a whole number from 1 to 7'],
    ['Oslo 1 kelvin', 'units must be one of metric, imperial'],
    ['Oslo whom:eve', 'whom must be the id of somebody in the room'],
    ['Oslo 1 metric ann more', 'argument5 is not asked for'],
  ])('are refused before the bot hears of them: %s', async (text, words) => {
    const heard = weather.asked.length
    const asked = ask('ann', 'command:run', { roomId, name: 'weather', text })
    await expect(asked).rejects.toThrow(`invalid_request: /weather was not filled in as it wants: ${words}`)
    expect(weather.asked).toHaveLength(heard)
  })

  it('are completed by the bot, and choices without it', async () => {
    weather.answer = asked =>
      asked.type === 'command.complete' ? { choices: [{ value: `${asked.data.text}lo`, label: 'Oslo' }] } : {}
    const line = { roomId, name: 'weather', text: 'Os' }
    const place = await ask('ann', 'command:complete', { ...line, argument: 'place', arguments: { days: 2 } })
    expect(place.data).toEqual([{ value: 'Oslo', label: 'Oslo' }])
    expect(weather.asked.at(-1)?.data).toEqual({
      name: 'weather',
      argument: 'place',
      text: 'Os',
      arguments: { days: 2 },
    })
    const units = await ask('ann', 'command:complete', { ...line, argument: 'units', text: 'u' })
    expect(units.data).toEqual([{ value: 'imperial', label: 'US' }])
    expect((await ask('ann', 'command:complete', { ...line, argument: 'days' })).data).toEqual([])
    expect(await refusalOf(ask('ann', 'command:complete', { ...line, argument: 'none' }))).toBe('not_found')
  })

  it('may be answered to who asked alone: it is in nobody’s log', async () => {
    weather.answer = () => ({ text: 'Only you', ephemeral: true })
    const { lastSeq } = await stage.overRest('ann', 'room:get', { roomId })
    const reply = await ask('bob', 'command:run', { roomId, name: 'ping' })
    expect(reply).toEqual({
      ephemeral: {
        id: expect.any(String),
        roomId,
        sender: 'weather',
        text: 'Only you',
        parts: [{ mime: 'text/plain', text: 'Only you' }],
        at: expect.any(String),
      },
    })
    expect((await stage.overRest('ann', 'room:get', { roomId })).lastSeq).toBe(lastSeq)
  })

  it('say once what is asked again under one clientId', async () => {
    let asked = 0
    weather.answer = () => ({ text: `time ${++asked}` })
    const run = { roomId, name: 'ping', clientId: randomUUID() }
    const first = await ask('bob', 'command:run', run)
    expect(await ask('bob', 'command:run', run)).toEqual(first)
    const [a, b] = ofType(weather, 'command.run').slice(-2)
    expect(a?.id).toBe(b?.id)
  })

  it.each([
    ['answers something else', { status: 200, body: '{"words":1}' }, 'is not valid', false],
    ['answers with an error', { status: 503, body: '' }, 'It answered 503', true],
    ['has too much to do', { status: 429, body: '' }, 'It answered 429', true],
    ['knows nothing of it', { status: 404, body: '' }, 'It answered 404', false],
    ['leads elsewhere', { status: 302, body: '' }, 'It answered 302', false],
  ])('fail with a sentence when the bot %s', async (_, answer, words, mayPass) => {
    weather.answer = () => answer
    await expect(ask('bob', 'command:run', { roomId, name: 'ping' })).rejects.toThrow(
      new RegExp(`^bot_${mayPass ? 'unavailable' : 'failed'}: Weather gave no answer. .*${words}`),
    )
    expect(await problemOf('weather')).toContain(words)
  })

  it('are for those who may write in the room', async () => {
    expect(await refusalOf(ask('eve', 'command:list', { roomId }))).toBe('room_not_found')
    expect(await refusalOf(ask('eve', 'command:run', { roomId, name: 'ping' }))).toBe('room_not_found')
    expect(await refusalOf(ask('ann', 'command:run', { roomId, name: 'none' }))).toBe('not_found')
  })
})

it('a bot that hangs is waited for some seconds', async () => {
  const slow = await startBot(stage.url(), { id: 'slow', hears: 'nothing' }, register)
  const wait = { name: 'wait', description: 'Waits' }
  const args = [{ kind: 'text', name: 'what', completes: true }]
  await api('PUT', '/v1/bots/slow/commands', { commands: [{ ...wait, arguments: args }] })
  await stage.asServer('member:add', { roomId, userIds: ['slow'] })
  slow.answer = () => 'silence'
  await expect(stage.overSocket('bob', 'command:run', { roomId, name: 'wait' })).rejects.toThrow(
    `bot_unavailable: slow gave no answer. It did not answer within ${LIMITS.botAnswerMs / 1_000} seconds.`,
  )
  const typed = { roomId, name: 'wait', argument: 'what', text: 'a' }
  await expect(stage.overSocket('bob', 'command:complete', typed)).rejects.toThrow(
    `It did not answer within ${LIMITS.botCompletionMs / 1_000} seconds.`,
  )
})

it('a bot that has so many questions to answer is asked no more', async () => {
  const busy = await startBot(stage.url(), { id: 'busy', hears: 'nothing' }, register)
  await api('PUT', '/v1/bots/busy/commands', { commands: [{ name: 'ask', description: 'Asks' }] })
  const people = Array.from(
    { length: Math.ceil(LIMITS.botQuestionsAtOnce / LIMITS.requestsAtOnce) },
    (_, n) => `asker-${n}`,
  )
  const members = ['ann', 'busy', ...people]
  const { id: room } = await stage.asServer('room:create', { kind: 'group', members }, 'ann')
  const answered: (() => void)[] = []
  busy.answer = () => new Promise(resolve => answered.push(() => resolve({})))
  const run = (sender: string) => stage.asServer('command:run', { roomId: room, name: 'ask' }, sender)
  const questions = people.flatMap(who => Array.from({ length: LIMITS.requestsAtOnce }, () => run(who)))
  await vi.waitFor(() => expect(answered).toHaveLength(LIMITS.botQuestionsAtOnce), WAIT)
  const refused = run('ann')
  await expect(refused).rejects.toThrow(
    `bot_unavailable: busy has ${LIMITS.botQuestionsAtOnce} questions to answer already; try again`,
  )
  for (const answer of answered) answer()
  await Promise.all(questions)
})

it('there are so many bots at most', async () => {
  await inDatabaseOf(stage.server(), async pool => {
    await pool.query(
      `with made as (
         insert into users (id, name, kind) select 'many-' || n, 'One of many', 'bot' from generate_series(1, $1) n returning id
       )
       insert into bots (user_id, token_hash, token_number, secret_number, hears)
       select id, sha256(convert_to(id, 'utf8')), 1, 1, 'nothing' from made`,
      [LIMITS.bots],
    )
    const { status, body } = await api('POST', '/v1/bots', { name: 'One too many' })
    await pool.query("delete from users where id like 'many-%'")
    expect([status, body.code]).toEqual([422, 'limit_reached'])
    expect(body.detail).toMatch(new RegExp(`${LIMITS.bots} bots; delete one`))
  })
})

it('two bots with a command of one name are told apart', async () => {
  const other = await startBot(stage.url(), { id: 'rival', hears: 'nothing' }, register)
  await api('PUT', '/v1/bots/rival/commands', { commands: [{ name: 'ping', description: 'Mine' }] })
  await stage.asServer('member:add', { roomId, userIds: ['rival'], role: 'publisher' })
  other.answer = () => ({ text: 'rival' })
  expect(await refusalOf(stage.overRest('bob', 'command:run', { roomId, name: 'ping' }))).toBe('conflict')
  const reply = await stage.overRest('bob', 'command:run', { roomId, name: 'ping', botId: 'rival' })
  expect(reply.event?.sender).toBe('rival')
  await stage.asServer('member:kick', { roomId, userId: 'rival' })
  expect(
    (await stage.overRest('bob', 'command:list', { roomId })).data.map(({ bot }) => bot.id),
  ).not.toContain('rival')
})

describe('buttons and forms', () => {
  const controls: Control[] = [
    { type: 'button', id: 'yes', label: 'Yes', style: 'primary' },
    { type: 'button', id: 'late', label: 'Too late', disabled: true },
    {
      type: 'form',
      id: 'book',
      label: 'Book',
      fields: [
        { kind: 'date', name: 'day', required: true },
        { kind: 'text', name: 'why', multiline: true },
      ],
    },
  ]
  const offer = async (metadata = {}) => {
    const body = { text: 'An appointment?', controls, metadata }
    const { body: message } = await api('POST', `/v1/rooms/${roomId}/messages`, body, weather.token)
    return message.seq as number
  }

  it('are bots’ alone', async () => {
    const message = { roomId, text: 'Press', controls }
    const send = stage.overSocket('ann', 'message:schedule', { ...message, sendAt: new Date().toISOString() })
    expect(await refusalOf(send)).toBe('forbidden')
    const overSocket = stage.socket('ann').request('message:send', { ...message, clientId: randomUUID() })
    expect(await refusalOf(overSocket)).toBe('forbidden')
    const { text, controls: offered } = message
    const over = await api(
      'POST',
      `/v1/rooms/${roomId}/messages`,
      { text, controls: offered },
      stage.token('ann'),
    )
    expect(over.body.code).toBe('forbidden')
    const seq = await stage.say('ann', roomId, 'mine')
    expect(await refusalOf(stage.overRest('ann', 'message:edit', { ...message, seq }))).toBe('forbidden')
  })

  it('are part of the message, and ask its bot who was pressed by whom; it updates and replies', async () => {
    const seq = await offer({ patient: 7 })
    expect((await stage.overRest('bob', 'message:get', { roomId, seq })).controls).toEqual(controls)
    weather.answer = asked =>
      asked.type === 'button.pressed'
        ? { text: `Thank you, ${asked.user.name}`, update: { text: 'Booked', metadata: { done: true } } }
        : {}
    const bob = stage.socket('bob')
    await bob.request('room:open', { roomId })
    const reply = await stage.overRest('ann', 'button:press', { roomId, seq, buttonId: 'yes' })
    expect(reply).toMatchObject({
      updated: { type: 'message.edited', sender: 'weather', data: { messageSeq: seq } },
      event: { sender: 'weather', data: { parts: [{ text: 'Thank you, ann' }] } },
    })
    expect(weather.asked.at(-1)).toMatchObject({
      type: 'button.pressed',
      user: { id: 'ann' },
      data: { buttonId: 'yes', message: { seq, metadata: { patient: 7 } } },
    })
    const after = await stage.overRest('bob', 'message:get', { roomId, seq })
    expect([after.text, after.controls, after.metadata]).toEqual(['Booked', undefined, { done: true }])
    // What was taken away cannot be pressed by who still sees it.
    expect(await refusalOf(stage.overRest('bob', 'button:press', { roomId, seq, buttonId: 'yes' }))).toBe(
      'not_found',
    )
    await bob.hear('event:appended', ({ event }) => event.seq === reply.updated?.seq)
  })

  it('are pressed once under one clientId, whatever became of the message meanwhile', async () => {
    const seq = await offer()
    weather.answer = ({ type }) =>
      type === 'button.pressed' ? { text: 'Taken', update: { text: 'Noted', controls } } : {}
    const press = { roomId, seq, buttonId: 'yes', clientId: randomUUID() }
    const first = await stage.overSocket('ann', 'button:press', press)
    const again = await stage.overSocket('ann', 'button:press', press)
    expect([first.event?.seq, again.event?.seq]).toEqual([expect.any(Number), first.event?.seq])
    const [a, b] = ofType(weather, 'button.pressed').slice(-2)
    expect(a?.id).toBe(b?.id)
  })

  it('tell a retry what the first press was told, though that took the button away', async () => {
    const seq = await offer()
    weather.answer = () => ({ text: 'Taken', update: { text: 'Noted' } })
    for (const [operation, asked] of [
      ['button:press', { buttonId: 'yes' }],
      ['form:submit', { formId: 'book', values: { day: '2026-11-24' } }],
    ] as const) {
      const press = { roomId, seq: operation === 'form:submit' ? await offer() : seq, ...asked }
      const clientId = randomUUID()
      const first = await stage.overSocket('ann', operation, { ...press, clientId })
      expect(await stage.overSocket('ann', operation, { ...press, clientId })).toEqual(first)
      // Nobody else's, and no other press of one's own.
      for (const [who, key] of [
        ['bob', clientId],
        ['ann', randomUUID()],
      ] as const) {
        expect(await refusalOf(stage.overSocket(who, operation, { ...press, clientId: key }))).toBe(
          'not_found',
        )
      }
    }
  })

  it('are filled in as they want, by those who are in the room', async () => {
    const seq = await offer()
    weather.answer = () => ({ text: 'For you', ephemeral: true })
    const form = { roomId, seq, formId: 'book' }
    const heard = weather.asked.length
    const wrong = stage.overRest('bob', 'form:submit', { ...form, values: { day: 'tomorrow' } })
    await expect(wrong).rejects.toThrow('day must be a day such as 2026-11-21')
    expect(await refusalOf(stage.overRest('eve', 'form:submit', { ...form, values: {} }))).toBe(
      'room_not_found',
    )
    expect(await refusalOf(stage.overRest('bob', 'button:press', { roomId, seq, buttonId: 'book' }))).toBe(
      'not_found',
    )
    expect(await refusalOf(stage.overRest('bob', 'button:press', { roomId, seq, buttonId: 'late' }))).toBe(
      'conflict',
    )
    expect(weather.asked).toHaveLength(heard)
    const values = { day: '2026-11-24', why: 'A cold' }
    const reply = await stage.overSocket('bob', 'form:submit', { ...form, values })
    expect(reply.ephemeral?.text).toBe('For you')
    expect(weather.asked.at(-1)).toMatchObject({ type: 'form.submitted', data: { formId: 'book', values } })
  })

  it('do nothing more once their bot is out of the room, and stay behind when forwarded', async () => {
    const seq = await offer()
    const elsewhere = await stage.room('ann', {})
    const { event } = await stage.overRest('ann', 'message:forward', { roomId, seq, toRoomId: elsewhere })
    const copy = await stage.overRest('ann', 'message:get', { roomId: elsewhere, seq: event.seq })
    expect(copy).not.toHaveProperty('controls')
    await stage.asServer('member:kick', { roomId, userId: 'weather' })
    const pressed = stage.overRest('bob', 'button:press', { roomId, seq, buttonId: 'yes' })
    expect(await refusalOf(pressed)).toBe('not_found')
    await stage.asServer('member:add', { roomId, userIds: ['weather'], role: 'publisher' })
  })

  it('of an answer that updates another’s message change nothing', async () => {
    const seq = await offer()
    const own = await stage.say('bob', roomId, 'Mine')
    // There is no way to name another message; what a bot does by its token is refused like anybody's.
    expect(await refusalOf(asBot(weather, 'message:edit', { roomId, seq: own, text: 'Taken over' }))).toBe(
      'forbidden',
    )
    weather.answer = () => ({ update: { text: 'x', seq: own } })
    const pressed = stage.overRest('bob', 'button:press', { roomId, seq, buttonId: 'yes' })
    expect(await refusalOf(pressed)).toBe('bot_failed')
  })
})

it('what is shown to one alone reaches their sockets, and only by bots of the room, to its members', async () => {
  const shown = { roomId, userId: 'bob', text: 'Your turn' }
  const bob = stage.socket('bob')
  const message = await asBot(weather, 'ephemeral:show', shown)
  expect(await bob.hear('ephemeral:shown', ({ id }) => id === message.id)).toEqual(message)
  expect(
    stage
      .socket('ann')
      .heard('ephemeral:shown')
      .map(({ id }) => id),
  ).not.toContain(message.id)
  expect(await refusalOf(asBot(weather, 'ephemeral:show', { ...shown, userId: 'eve' }))).toBe('not_found')
  expect(await refusalOf(stage.overRest('ann', 'ephemeral:show', shown))).toBe('conflict')
  await stage.overRest('bob', 'block:add', { userId: 'weather' })
  expect(await refusalOf(asBot(weather, 'ephemeral:show', shown))).toBe('forbidden')
  await stage.overRest('bob', 'block:remove', { userId: 'weather' })
  const closed = await stage.room('ann', { members: ['bob'] })
  expect(await refusalOf(asBot(weather, 'ephemeral:show', { ...shown, roomId: closed }))).toBe(
    'room_not_found',
  )
})

it('the SDK lists, completes and runs commands, presses and fills in, and keeps what is shown to its user alone', async () => {
  const client = new Trunkline({ url: stage.url(), token: stage.token('bob') })
  onTestFinished(() => client.close())
  const room = await client.openRoom(roomId)
  const commands = await room.bots.commands()
  const command = commands.find(({ name }) => name === 'weather')
  if (!command) throw new Error('there is no such command')
  weather.answer = asked => {
    if (asked.type === 'command.complete') return { choices: [{ value: 'Oslo' }] }
    if (asked.type === 'form.submitted') return { update: { text: 'Booked' } }
    const controls = [
      { type: 'button', id: 'a', label: 'A' },
      { type: 'form', id: 'b', label: 'B', fields: [{ kind: 'text', name: 'why' }] },
    ]
    return asked.type === 'command.run' ? { text: 'Which?', controls } : { text: 'Only you', ephemeral: true }
  }
  expect(await room.bots.complete(command, 'place', 'O')).toEqual([{ value: 'Oslo' }])
  await expect(room.bots.run('weather')).rejects.toThrow('A command is written like this')
  const { event } = await room.bots.run('/weather Oslo days:2')
  const seq = event?.seq ?? 0
  expect(room.message(seq)).toMatchObject({ text: 'Which?', controls: [{ id: 'a' }, { id: 'b' }] })
  const { ephemeral } = await room.bots.press(seq, 'a')
  expect(room.bots.ephemerals).toEqual([ephemeral])
  await room.bots.submit(seq, 'b', { why: 'A cold' })
  expect(room.message(seq)).toMatchObject({ text: 'Booked' })
  expect(room.message(seq)).not.toHaveProperty('controls')
  const shown = await asBot(weather, 'ephemeral:show', { roomId, userId: 'bob', text: 'Your turn' })
  await vi.waitFor(
    () => expect(room.bots.ephemerals.map(({ id }) => id)).toEqual([ephemeral?.id, shown.id]),
    WAIT,
  )
  room.bots.dismiss(shown.id)
  expect(room.bots.ephemerals).toEqual([ephemeral])
  expect(await room.bots.runWith('ping', {})).toHaveProperty('event')
})

it('what a bot had not taken when the server ended is told to it by the next one, and answered once', async () => {
  const own = await stage.room('ann', {})
  await stage.asServer('member:add', { roomId: own, userIds: ['weather'], role: 'publisher' })
  const heard = weather.asked.length
  weather.answer = () => 'silence'
  await stage.say('ann', own, 'Are you there?', { mentions: ['weather'] })
  await vi.waitFor(() => expect(weather.asked).toHaveLength(heard + 1), WAIT)
  weather.answer = () => ({ text: 'Here I am' })
  await stage.restart('SIGTERM')
  await vi.waitFor(async () => {
    const { data } = await stage.asServer('message:list', { roomId: own })
    expect(data.map(({ text }) => text)).toEqual(['Are you there?', 'Here I am'])
  }, WAIT)
  const [first, ...again] = weather.asked.slice(heard)
  for (const asked of again) expect(asked.id).toBe(first?.id)
  // Its token is good at the next server, too.
  expect((await api('GET', '/v1/bots/weather', undefined, weather.token)).status).toBe(200)
})
