import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage
let roomId: string

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'eve'])
  roomId = await stage.room('ann', { members: ['bob'] })
})

describe.each(['overRest', 'overSocket'] as const)('threads %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('are counted and paged', async () => {
    const root = await stage.say('ann', roomId, 'What about lunch?')
    const answers = []
    for (let i = 0; i < 5; i++) answers.push(await stage.say('bob', roomId, `Idea ${i}`, { threadOf: root }))
    const message = await ask('ann', 'message:get', { roomId, seq: root })
    expect(message.thread).toEqual({ count: 5, lastSeq: answers[4] })

    const latest = await ask('ann', 'message:thread', { roomId, seq: root, limit: 3 })
    expect(latest.data.map(({ seq }) => seq)).toEqual(answers.slice(2))
    const before = await ask('ann', 'message:thread', {
      roomId,
      seq: root,
      limit: 3,
      cursor: latest.nextCursor ?? '',
    })
    expect(before.data.map(({ seq }) => seq)).toEqual(answers.slice(0, 2))
    expect(before.nextCursor).toBeUndefined()

    await ask('bob', 'message:delete', { roomId, seq: answers[4] as number })
    const { thread } = await ask('ann', 'message:get', { roomId, seq: root })
    expect(thread).toEqual({ count: 4, lastSeq: answers[3] })
    // Its answers outlive the message they hang on.
    await ask('ann', 'message:delete', { roomId, seq: root })
    expect(await ask('ann', 'message:get', { roomId, seq: root })).toMatchObject({ parts: [], thread })
    expect((await ask('ann', 'message:thread', { roomId, seq: root })).data).toHaveLength(5)
    expect(await refusalOf(ask('eve', 'message:thread', { roomId, seq: root }))).toBe('room_not_found')
    expect(await refusalOf(ask('ann', 'message:thread', { roomId, seq: 99_999 }))).toBe('not_found')
  })
})

describe('what a message answers', () => {
  const sent = (more: object) => refusalOf(stage.say('bob', roomId, 'An answer', more))

  it('must be a message of this room from before it, that is not deleted', async () => {
    const root = await stage.say('ann', roomId, 'Root')
    const answer = await stage.say('ann', roomId, 'Answer', { threadOf: root, replyTo: root })
    const elsewhere = await stage.room('ann', {})
    const other = await stage.say('ann', elsewhere, 'Elsewhere')
    const gone = await stage.say('ann', roomId, 'Gone')
    await stage.overRest('ann', 'message:delete', { roomId, seq: gone })
    const { lastSeq } = await stage.overRest('ann', 'room:get', { roomId })

    expect(await sent({ replyTo: answer, threadOf: root })).toBe('nothing was refused')
    for (const field of ['replyTo', 'threadOf']) {
      expect([field, await sent({ [field]: 1 })]).toEqual([field, 'invalid_request'])
      expect([field, await sent({ [field]: gone })]).toEqual([field, 'invalid_request'])
      // Its own number, and one to come.
      expect([field, await sent({ [field]: lastSeq + 2 })]).toEqual([field, 'invalid_request'])
      expect([field, await sent({ [field]: lastSeq + 9 })]).toEqual([field, 'invalid_request'])
    }
    expect(await sent({ threadOf: answer })).toBe('invalid_request')
    expect(await refusalOf(stage.say('ann', elsewhere, 'x', { replyTo: other + 1 }))).toBe('invalid_request')
    // What was refused left nothing: no number, no count.
    const now = await stage.overRest('ann', 'room:get', { roomId })
    expect(now.lastSeq).toBe(lastSeq + 1)
    expect((await stage.overRest('ann', 'message:get', { roomId, seq: root })).thread?.count).toBe(2)
  })

  it('a retry is found even when what it answered is gone', async () => {
    const root = await stage.say('ann', roomId, 'Root')
    const data = { roomId, clientId: 'retried', text: 'Answer', replyTo: root }
    const first = await stage.socket('bob').request('message:send', data)
    await stage.overRest('ann', 'message:delete', { roomId, seq: root })
    expect(await stage.socket('bob').request('message:send', data)).toEqual(first)
  })
})

it('a message carries everything it was sent with', async () => {
  const replyTo = await stage.say('bob', roomId, 'Before')
  const seq = await stage.say('ann', roomId, 'All of it', {
    metadata: { a: [1, { b: null }] },
    mentions: ['bob', 'bob', 'nobody-here'],
    replyTo,
    silent: true,
    ttlSeconds: 3600,
  })
  const message = await stage.overRest('bob', 'message:get', { roomId, seq })
  expect(message).toEqual({
    roomId,
    seq,
    sender: 'ann',
    clientId: message.clientId,
    text: 'All of it',
    parts: [{ mime: 'text/plain', text: 'All of it' }],
    metadata: { a: [1, { b: null }] },
    mentions: ['bob', 'nobody-here'],
    replyTo,
    silent: true,
    expiresAt: message.expiresAt,
    at: message.at,
  })
  const lives = Date.parse(message.expiresAt ?? '') - Date.parse(message.at)
  expect(Math.abs(lives - 3_600_000)).toBeLessThan(5_000)
})
