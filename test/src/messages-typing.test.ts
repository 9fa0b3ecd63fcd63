import { setTimeout as delay } from 'node:timers/promises'
import { LIMITS } from '@trunkline/protocol'
import { beforeEach, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { connectSocket, type TestSocket } from './support/socket.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage
let roomId: string

beforeEach(async () => {
  stage ??= await setStage(register, ['ann', 'bob', 'bot'])
  roomId = await stage.room('ann', { members: ['bob', 'bot'] })
  for (const who of ['ann', 'bob']) await stage.socket(who).request('room:open', { roomId })
})

const heard = (socket: TestSocket) =>
  socket
    .heard('typing:changed')
    .filter(typing => typing.roomId === roomId)
    .map(({ userId, typing }) => `${userId} ${typing ? 'types' : 'stopped'}`)
const hear = (who: string, typing: boolean) =>
  stage
    .socket('ann')
    .hear('typing:changed', it => it.roomId === roomId && it.userId === who && it.typing === typing)

describe('typing', () => {
  it('ends by itself, is not announced again for each renewal, and is not told to who types', async () => {
    const begun = performance.now()
    for (let i = 0; i < 5; i++) await stage.overSocket('bob', 'typing:set', { roomId, typing: true })
    await hear('bob', true)
    await hear('bob', false)
    expect(performance.now() - begun).toBeGreaterThan(LIMITS.typingMs - 500)
    expect(heard(stage.socket('ann'))).toEqual(['bob types', 'bob stopped'])
    expect(heard(stage.socket('bob'))).toEqual([])
  })

  it('goes on while it is renewed, as clients do', async () => {
    const until = performance.now() + 1.5 * LIMITS.typingMs
    while (performance.now() < until) {
      await stage.overSocket('bob', 'typing:set', { roomId, typing: true })
      await delay(LIMITS.typingMs / 2)
    }
    const told = heard(stage.socket('ann'))
    expect(told.length).toBeGreaterThanOrEqual(3)
    expect(told.every(typing => typing === 'bob types')).toBe(true)
    await stage.overSocket('bob', 'typing:set', { roomId, typing: false })
    await hear('bob', false)
  })

  it('ends with what was typed being sent, over whichever way', async () => {
    await stage.overSocket('bob', 'typing:set', { roomId, typing: true })
    await hear('bob', true)
    await stage.say('bob', roomId, 'Typed')
    await hear('bob', false)
    expect(heard(stage.socket('ann'))).toEqual(['bob types', 'bob stopped'])
  })

  it('ends when the room is closed, and when the connection is lost', async () => {
    const phone = await connectSocket(stage.url(), 'bob', register)
    await phone.request('room:open', { roomId })
    await phone.request('typing:set', { roomId, typing: true })
    await hear('bob', true)
    await phone.request('room:close', { roomId })
    await hear('bob', false)
    await phone.request('typing:set', { roomId, typing: true })
    await stage.socket('ann').hear('typing:changed', () => heard(stage.socket('ann')).at(-1) === 'bob types')
    phone.close()
    await stage
      .socket('ann')
      .hear('typing:changed', () => heard(stage.socket('ann')).at(-1) === 'bob stopped', LIMITS.typingMs / 2)
  })

  it('a bot types over REST', async () => {
    await stage.asServer('typing:set', { roomId, typing: true }, 'bot')
    await hear('bot', true)
    await stage.asServer('typing:set', { roomId, typing: false }, 'bot')
    await hear('bot', false)
  })

  it('is heard and done by nobody who is banned', async () => {
    await stage.overRest('ann', 'member:ban', { roomId, userId: 'bob' })
    await stage.socket('bob').hear('room:closed', closed => closed.roomId === roomId)
    expect(await refusalOf(stage.overSocket('bob', 'typing:set', { roomId, typing: true }))).toBe(
      'room_not_found',
    )
    await stage.overSocket('ann', 'typing:set', { roomId, typing: true })
    await stage.overSocket('ann', 'typing:set', { roomId, typing: false })
    await stage.overSocket('bob', 'block:list', {})
    expect(heard(stage.socket('bob'))).toEqual([])
  })
})
