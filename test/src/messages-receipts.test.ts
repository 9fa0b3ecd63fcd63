import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { connectSocket } from './support/socket.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'eve'])
})

describe.each(['overRest', 'overSocket'] as const)('receipts %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('go forward by number, tell the room, and bring the counts to all devices of the user', async () => {
    const roomId = await stage.room('ann', { members: ['bob'] })
    const phone = await connectSocket(stage.url(), 'bob', register)
    await stage.socket('ann').request('room:open', { roomId })
    const seqs = []
    for (let i = 0; i < 3; i++) seqs.push(await stage.say('ann', roomId, `${i}`, { mentions: ['bob'] }))
    const silent = await stage.say('ann', roomId, 'Psst', { silent: true, mentions: ['bob'] })
    await stage.say('bob', roomId, 'My own words are not unread')
    const [first = 0, second = 0, third = 0] = seqs

    const hearing = { roomId, userId: 'bob' }
    expect(await ask('bob', 'receipt:deliver', { roomId, seq: third })).toEqual({})
    await stage
      .socket('ann')
      .hear('receipt:changed', heard => heard.roomId === roomId && heard.deliveredSeq === third)
    expect(await ask('bob', 'receipt:read', { roomId, seq: first })).toEqual({ unread: 2, mentions: 2 })
    const receipt = await stage
      .socket('ann')
      .hear('receipt:changed', heard => heard.roomId === roomId && heard.readSeq === first)
    expect(receipt).toEqual({ ...hearing, deliveredSeq: third, readSeq: first })
    const counts = await phone.hear('counts:changed', heard => heard.roomId === roomId)
    expect(counts).toEqual({ roomId, readSeq: first, unread: 2, mentions: 2 })

    // Never backward, and nothing is told of what did not change.
    expect(await ask('bob', 'receipt:read', { roomId, seq: 1 })).toEqual({ unread: 2, mentions: 2 })
    await stage.overRest('ann', 'message:delete', { roomId, seq: second })
    expect(await ask('bob', 'receipt:read', { roomId, seq: 1 })).toEqual({ unread: 1, mentions: 1 })
    await stage.overRest('ann', 'message:edit', { roomId, seq: third, text: 'No mention' })
    expect(await ask('bob', 'receipt:read', { roomId, seq: 1 })).toEqual({ unread: 1, mentions: 0 })
    // Never past the end of the log.
    expect(await ask('bob', 'receipt:read', { roomId, seq: 10 ** 9 })).toEqual({ unread: 0, mentions: 0 })
    const { lastSeq } = await ask('bob', 'room:get', { roomId })
    await phone.hear('counts:changed', heard => heard.roomId === roomId && heard.readSeq === lastSeq)
    expect(phone.heard('counts:changed').filter(heard => heard.roomId === roomId)).toHaveLength(2)
    expect(stage.socket('ann').heard('counts:changed')).toEqual([])
    expect(silent).toBeGreaterThan(third)
  })

  it('are for members', async () => {
    const roomId = await stage.room('ann', {})
    expect(await refusalOf(ask('eve', 'receipt:read', { roomId, seq: 1 }))).toBe('room_not_found')
    expect(await refusalOf(ask('eve', 'receipt:deliver', { roomId, seq: 1 }))).toBe('room_not_found')
  })
})
