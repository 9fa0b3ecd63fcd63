import { LIMITS } from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { rest } from './support/rest.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage
let roomId: string
const CROWD = Array.from({ length: LIMITS.reactionUsersListed + 2 }, (_, i) => `fan${i}`)

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'reader', 'eve'])
  roomId = await stage.room('ann', { kind: 'channel', access: 'invite', members: ['bob', 'reader'] })
  await stage.asServer('member:add', { roomId, userIds: CROWD })
  await stage.overRest('ann', 'member:update', { roomId, userId: 'bob', role: 'publisher' })
})

const countEvents = async () => (await rest(stage.url(), 'GET', `/v1/rooms/${roomId}`)).body.lastSeq as number

describe.each(['overRest', 'overSocket'] as const)('reactions %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('are counted, in the order in which they came, with the first who left each', async () => {
    const seq = await stage.say('ann', roomId, 'News')
    for (const userId of CROWD) await stage.asServer('message:react', { roomId, seq, reaction: '🎉' }, userId)
    await ask('reader', 'message:react', { roomId, seq, reaction: ':our-logo:' })
    const message = await ask('bob', 'message:react', { roomId, seq, reaction: '🎉' })
    expect(message.reactions).toEqual([
      { reaction: '🎉', count: CROWD.length + 1, userIds: CROWD.slice(0, LIMITS.reactionUsersListed) },
      { reaction: ':our-logo:', count: 1, userIds: ['reader'] },
    ])
    const [first] = CROWD
    await stage.asServer('message:unreact', { roomId, seq, reaction: '🎉' }, first)
    const now = await ask('reader', 'message:unreact', { roomId, seq, reaction: ':our-logo:' })
    expect(now.reactions).toEqual([
      { reaction: '🎉', count: CROWD.length, userIds: CROWD.slice(1, LIMITS.reactionUsersListed + 1) },
    ])
  })

  it('are left once, and taken back once', async () => {
    const seq = await stage.say('ann', roomId, 'Once')
    const reacted = await ask('bob', 'message:react', { roomId, seq, reaction: '1' })
    const before = await countEvents()
    expect(await ask('bob', 'message:react', { roomId, seq, reaction: '1' })).toEqual(reacted)
    expect(await countEvents()).toBe(before)
    await ask('bob', 'message:unreact', { roomId, seq, reaction: '1' })
    const { reactions } = await ask('bob', 'message:unreact', { roomId, seq, reaction: '1' })
    expect([reactions, await countEvents()]).toEqual([undefined, before + 1])
  })

  it('are limited, and for messages that are there', async () => {
    const seq = await stage.say('ann', roomId, 'Many')
    for (let i = 0; i < LIMITS.reactionsPerUser; i++) {
      await stage.asServer('message:react', { roomId, seq, reaction: `r${i}` }, 'bob')
    }
    const oneMore = { roomId, seq, reaction: 'one-more' }
    expect(await refusalOf(ask('bob', 'message:react', oneMore))).toBe('limit_reached')
    await ask('bob', 'message:unreact', { roomId, seq, reaction: 'r0' })
    await ask('bob', 'message:react', oneMore)
    expect(await refusalOf(ask('eve', 'message:react', oneMore))).toBe('room_not_found')
    expect(await refusalOf(ask('bob', 'message:react', { ...oneMore, seq: 1 }))).toBe('not_found')
    await ask('ann', 'message:delete', { roomId, seq })
    expect(await refusalOf(ask('bob', 'message:react', oneMore))).toBe('conflict')
  })
})

it('reactions at once do not pass the limit together', async () => {
  const seq = await stage.say('ann', roomId, 'All at once')
  const asked = Array.from({ length: 2 * LIMITS.reactionsPerUser }, (_, i) =>
    refusalOf(stage.asServer('message:react', { roomId, seq, reaction: `at-once-${i}` }, 'bob')),
  )
  const refused = (await Promise.all(asked)).filter(code => code === 'limit_reached')
  expect(refused).toHaveLength(LIMITS.reactionsPerUser)
  const { reactions } = await stage.overRest('ann', 'message:get', { roomId, seq })
  expect(reactions).toHaveLength(LIMITS.reactionsPerUser)
})

it('nobody reacts or pins in an archived room', async () => {
  const archive = await stage.room('ann', {})
  const seq = await stage.say('ann', archive, 'The last')
  await stage.overRest('ann', 'room:archive', { roomId: archive })
  const react = stage.overRest('ann', 'message:react', { roomId: archive, seq, reaction: '1' })
  expect(await refusalOf(react)).toBe('forbidden')
  expect(await refusalOf(stage.overRest('ann', 'message:pin', { roomId: archive, seq }))).toBe('forbidden')
  const edit = stage.overRest('ann', 'message:edit', { roomId: archive, seq, text: 'Not the last' })
  expect(await refusalOf(edit)).toBe('forbidden')
})
