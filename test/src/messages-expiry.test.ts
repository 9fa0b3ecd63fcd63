import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startDatabase } from './support/database.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'
import { until } from './support/until.ts'

const register = cleanUpAfterAll()
let stage: Stage
let roomId: string
let database: Awaited<ReturnType<typeof startDatabase>>

beforeAll(async () => {
  database = await startDatabase(register)
  stage = await setStage(register, ['ann', 'bob'], { env: { DATABASE_URL: database.url } })
  roomId = await stage.room('ann', { members: ['bob'] })
})

const hasExpired = async (seq: number) => {
  const { deletedAt } = await stage.overRest('bob', 'message:get', { roomId, seq })
  return deletedAt
}

describe('a message with a time to live', () => {
  it('is deleted by the server when its time is over, for all to hear', async () => {
    await stage.socket('bob').request('room:open', { roomId })
    const seq = await stage.say('ann', roomId, 'self-destroying', { ttlSeconds: 5 })
    const before = await stage.overRest('bob', 'message:get', { roomId, seq })
    const { event } = await stage
      .socket('bob')
      .hear('event:appended', heard => heard.event.type === 'message.deleted')
    expect(event).toMatchObject({ data: { messageSeq: seq, expired: true } })
    expect(event.sender).toBeUndefined()
    const late = Date.parse(event.at) - Date.parse(before.expiresAt ?? '')
    expect(late).toBeGreaterThanOrEqual(0)
    expect(late).toBeLessThan(5_000)
    expect(await stage.overRest('bob', 'message:get', { roomId, seq })).toMatchObject({ parts: [] })
    const { rows } = await database.pool.query('select 1 from events where data::text like $1', [
      '%self-destroying%',
    ])
    expect(rows).toEqual([])
  })

  it('keeps its time when it is edited, and what was deleted before is not deleted again', async () => {
    const edited = await stage.say('ann', roomId, 'One', { ttlSeconds: 5 })
    const { expiresAt } = await stage.overRest('ann', 'message:get', { roomId, seq: edited })
    await stage.overRest('ann', 'message:edit', { roomId, seq: edited, text: 'Two' })
    expect((await stage.overRest('ann', 'message:get', { roomId, seq: edited })).expiresAt).toBe(expiresAt)
    const deleted = await stage.say('ann', roomId, 'Three', { ttlSeconds: 5 })
    const { event } = await stage.overRest('ann', 'message:delete', { roomId, seq: deleted })
    await until('the other has expired', () => hasExpired(edited))
    expect(await stage.overRest('ann', 'message:delete', { roomId, seq: deleted })).toEqual({ event })
  })

  it('many at once go, also of an archived room, also after the server was killed', async () => {
    const seqs: number[] = []
    for (let i = 0; i < 70; i++) seqs.push(await stage.say('ann', roomId, `${i}`, { ttlSeconds: 5 }))
    await stage.overRest('ann', 'room:archive', { roomId })
    await stage.restart('SIGKILL')
    await until(
      'all are gone',
      async () => {
        const { data } = await stage.overRest('bob', 'message:list', { roomId, limit: 200 })
        return data.filter(({ seq }) => seqs.includes(seq)).every(message => message.deletedAt !== undefined)
      },
      30_000,
    )
    await stage.overRest('ann', 'room:restore', { roomId })
  })

  it('lives neither too shortly nor for ever', async () => {
    expect(await refusalOf(stage.say('ann', roomId, 'x', { ttlSeconds: 4 }))).toBe('invalid_request')
    expect(await refusalOf(stage.say('ann', roomId, 'x', { ttlSeconds: 1e9 }))).toBe('invalid_request')
  })

  it('a retry that comes later is still the same message', async () => {
    const data = { roomId, clientId: 'ttl', text: 'Same', ttlSeconds: 600 }
    const first = await stage.socket('ann').request('message:send', data)
    expect(await stage.socket('ann').request('message:send', data)).toEqual(first)
    const endless = { roomId, clientId: 'ttl', text: 'Same' }
    expect(await refusalOf(stage.socket('ann').request('message:send', endless))).toBe('conflict')
  })
})
