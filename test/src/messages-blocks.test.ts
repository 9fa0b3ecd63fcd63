import { randomUUID } from 'node:crypto'
import { LIMITS } from '@trunkline/protocol'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startDatabase } from './support/database.ts'
import { rest } from './support/rest.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let stage: Stage
let database: Awaited<ReturnType<typeof startDatabase>>

beforeAll(async () => {
  database = await startDatabase(register)
  stage = await setStage(register, ['ann', 'bob', 'cid'], { env: { DATABASE_URL: database.url } })
})

beforeEach(() => database.pool.query('delete from blocks'))

describe.each(['overRest', 'overSocket'] as const)('blocks %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('are not gone around by a room of two of another kind', async () => {
    const earlier = await ask('bob', 'room:create', { kind: 'direct', members: ['ann'] })
    await ask('ann', 'block:add', { userId: 'bob' })
    const group = { kind: 'group' as const, members: ['ann'] }
    expect(await refusalOf(ask('bob', 'room:create', group))).toBe('forbidden')
    const { id: roomId } = await ask('bob', 'room:create', { kind: 'group' })
    expect(await refusalOf(ask('bob', 'member:add', { roomId, userIds: ['ann'] }))).toBe('forbidden')
    expect(await refusalOf(ask('bob', 'member:invite', { roomId, userIds: ['ann'] }))).toBe('forbidden')
    // What there was stays to be read.
    expect((await ask('bob', 'room:create', { kind: 'direct', members: ['ann'] })).id).toBe(earlier.id)
    await ask('cid', 'room:create', group)
  })

  it('are listed, page by page, and told to all devices of who has them', async () => {
    await ask('ann', 'block:add', { userId: 'cid' })
    await ask('ann', 'block:add', { userId: 'bob' })
    await ask('ann', 'block:add', { userId: 'bob' })
    await stage.socket('ann').hear('blocks:changed', ({ userIds }) => userIds.join() === 'bob,cid')
    const first = await ask('ann', 'block:list', { limit: 1 })
    const second = await ask('ann', 'block:list', { limit: 1, cursor: first.nextCursor ?? '' })
    expect([...first.data, ...second.data].map(({ id }) => id)).toEqual(['bob', 'cid'])
    expect(second.nextCursor).toBeUndefined()
    const roomId = await stage.room('ann', {})
    expect((await stage.socket('ann').request('room:open', { roomId })).blocked).toEqual(['bob', 'cid'])
    await ask('ann', 'block:remove', { userId: 'cid' })
    await ask('ann', 'block:remove', { userId: 'cid' })
    await stage.socket('ann').hear('blocks:changed', ({ userIds }) => userIds.join() === 'bob')
    // Nobody hears that somebody blocked them.
    expect(stage.socket('bob').heard('blocks:changed')).toEqual([])
  })

  it('close a direct room to both, in the same words, and open it again', async () => {
    const roomId = await stage.room('ann', { kind: 'direct', members: ['bob'] })
    const seq = await stage.say('bob', roomId, 'Hello')
    const own = await stage.say('ann', roomId, 'Yes?')
    const { data: said } = await ask('bob', 'message:list', { roomId })
    await ask('ann', 'block:add', { userId: 'bob' })

    const words = new Set<string>()
    const refused = async (asked: Promise<unknown>) => {
      const error = (await asked.catch(thrown => thrown)) as Error
      words.add(error.message)
      return error.message?.split(':')[0]
    }
    for (const who of ['ann', 'bob']) {
      const mine = who === 'ann' ? own : seq
      expect(await refused(stage.say(who, roomId, 'Hey'))).toBe('forbidden')
      expect(await refused(stage.say(who, roomId, 'Hey', { replyTo: seq }))).toBe('forbidden')
      expect(await refused(ask(who, 'message:edit', { roomId, seq: mine, text: 'Hey' }))).toBe('forbidden')
      expect(await refused(ask(who, 'message:react', { roomId, seq, reaction: '👎' }))).toBe('forbidden')
      expect(await refused(ask(who, 'typing:set', { roomId, typing: true }))).toBe('forbidden')
      const forward = { roomId, seq, toRoomId: roomId }
      expect(await refused(ask(who, 'message:forward', forward))).toBe('forbidden')
      const byServer = { sender: who, text: 'Hey', clientId: randomUUID() }
      const posted = await rest(stage.url(), 'POST', `/v1/rooms/${roomId}/messages`, { body: byServer })
      expect(posted.body.code).toBe('forbidden')
    }
    expect(words.size).toBe(1)
    // What was said can be read, and taken back.
    expect((await ask('bob', 'message:list', { roomId })).data).toEqual(said)
    await ask('bob', 'message:delete', { roomId, seq })
    await ask('ann', 'block:remove', { userId: 'bob' })
    await stage.say('bob', roomId, 'Thanks')
  })

  it('in a larger room everybody speaks, but who is blocked counts as nothing', async () => {
    const roomId = await stage.room('ann', { members: ['bob', 'cid'] })
    await ask('ann', 'block:add', { userId: 'bob' })
    await stage.say('bob', roomId, 'You there, @ann', { mentions: ['ann'] })
    await stage.say('cid', roomId, 'Hello @ann', { mentions: ['ann'] })
    expect(await ask('ann', 'receipt:read', { roomId, seq: 1 })).toEqual({ unread: 1, mentions: 1 })
    expect(await ask('cid', 'receipt:read', { roomId, seq: 1 })).toEqual({ unread: 1, mentions: 0 })
  })

  it('a scheduled message that comes to a closed room says why it was not sent', async () => {
    const roomId = await stage.room('ann', { kind: 'direct', members: ['bob'] })
    const sendAt = new Date(Date.now() + 2_000).toISOString()
    const { id } = await ask('bob', 'message:schedule', { roomId, sendAt, text: 'Later' })
    await ask('ann', 'block:add', { userId: 'bob' })
    const failed = await until('it has failed', async () => {
      const { data } = await ask('bob', 'message:scheduled', { roomId })
      return data.find(message => message.failed)
    })
    expect(failed.id).toBe(id)
    await ask('bob', 'message:unschedule', { roomId, scheduleId: id })
  })
})

it('nobody blocks themselves, or whom there is not; the list is limited', async () => {
  expect(await refusalOf(stage.overRest('ann', 'block:add', { userId: 'ann' }))).toBe('invalid_request')
  expect(await refusalOf(stage.overRest('ann', 'block:add', { userId: 'nobody' }))).toBe('not_found')
  await database.pool.query(
    `insert into users (id, name, kind) select 'u' || n, '', 'user' from generate_series(1, $1) n`,
    [LIMITS.blocksPerUser],
  )
  await database.pool.query(
    `insert into blocks (user_id, blocked_id) select 'ann', 'u' || n from generate_series(1, $1) n`,
    [LIMITS.blocksPerUser],
  )
  expect(await refusalOf(stage.overRest('ann', 'block:add', { userId: 'bob' }))).toBe('limit_reached')
})

it("an app's server blocks for its users, also whom it did not name before", async () => {
  await stage.asServer('block:add', { userId: 'someone-new' }, 'ann')
  expect((await stage.asServer('block:list', {}, 'ann')).data.map(({ id }) => id)).toEqual(['someone-new'])
})
