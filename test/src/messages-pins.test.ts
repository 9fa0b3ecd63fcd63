import { LIMITS } from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'reader'])
})

describe.each(['overRest', 'overSocket'] as const)('pins %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('are listed, the latest pinned first, and go', async () => {
    const roomId = await stage.room('ann', { members: ['bob'] })
    const [one, two, three] = [
      await stage.say('ann', roomId, 'One'),
      await stage.say('ann', roomId, 'Two'),
      await stage.say('bob', roomId, 'Three'),
    ]
    for (const seq of [two, three, one]) await ask('bob', 'message:pin', { roomId, seq })
    const pinned = await ask('bob', 'message:pin', { roomId, seq: two })
    expect(pinned.pinnedAt).toBeDefined()
    const seqs = async () => (await ask('bob', 'message:pins', { roomId })).data.map(({ seq }) => seq)
    expect(await seqs()).toEqual([one, three, two])
    const first = await ask('bob', 'message:pins', { roomId, limit: 2 })
    const rest = await ask('bob', 'message:pins', { roomId, limit: 2, cursor: first.nextCursor ?? '' })
    expect([...first.data, ...rest.data].map(({ seq }) => seq)).toEqual([one, three, two])
    expect(rest.nextCursor).toBeUndefined()

    expect((await ask('bob', 'message:unpin', { roomId, seq: three })).pinnedAt).toBeUndefined()
    await ask('bob', 'message:unpin', { roomId, seq: three })
    await ask('ann', 'message:delete', { roomId, seq: one })
    expect(await seqs()).toEqual([two])
    expect(await refusalOf(ask('bob', 'message:pin', { roomId, seq: one }))).toBe('conflict')
  })

  it('are for those who may, up to the limit', async () => {
    const roomId = await stage.room('ann', { kind: 'channel', members: ['reader'] })
    for (let i = 0; i < LIMITS.pinsPerRoom; i++) {
      const seq = await stage.say('ann', roomId, `Pin ${i}`)
      await stage.asServer('message:pin', { roomId, seq })
    }
    const seq = await stage.say('ann', roomId, 'One too many')
    expect(await refusalOf(ask('ann', 'message:pin', { roomId, seq }))).toBe('limit_reached')
    expect(await refusalOf(ask('reader', 'message:pin', { roomId, seq }))).toBe('forbidden')
    expect((await ask('reader', 'message:pins', { roomId })).data).toHaveLength(LIMITS.pinsPerRoom)
  })
})
