import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { startDatabase } from './support/database.ts'
import { rest } from './support/rest.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage
let roomId: string

let pool: Awaited<ReturnType<typeof startDatabase>>['pool']

beforeAll(async () => {
  const database = await startDatabase(register)
  pool = database.pool
  stage = await setStage(register, ['ann', 'bob', 'mod', 'eve'], { env: { DATABASE_URL: database.url } })
  roomId = await stage.room('ann', { members: ['bob', 'mod'] })
  await stage.overRest('ann', 'member:update', { roomId, userId: 'mod', role: 'moderator' })
})

/** Every event of the room, as the database has it. */
const stored = async (): Promise<string> => {
  const { rows } = await pool.query('select data::text from events where room_id = $1', [roomId])
  return rows.map(row => row.data).join('\n')
}

describe.each(['overRest', 'overSocket'] as const)('deleting %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('takes what was said out of everything, and leaves its place', async () => {
    const secret = `secret-${transport}`
    const root = await stage.say('ann', roomId, 'A thread')
    const seq = await stage.say('ann', roomId, secret, {
      metadata: { also: secret },
      mentions: ['bob'],
      replyTo: root,
      threadOf: root,
    })
    await ask('ann', 'message:edit', { roomId, seq, text: `${secret} edited` })
    await ask('bob', 'message:react', { roomId, seq, reaction: '👍' })
    await ask('ann', 'message:pin', { roomId, seq })
    expect((await ask('bob', 'message:get', { roomId, seq: root })).thread).toEqual({
      count: 1,
      lastSeq: seq,
    })
    expect(await stored()).toContain(secret)

    const { event } = await ask('ann', 'message:delete', { roomId, seq })
    expect(event).toMatchObject({ type: 'message.deleted', sender: 'ann', data: { messageSeq: seq } })
    const message = await ask('bob', 'message:get', { roomId, seq })
    expect(message).toEqual({
      roomId,
      seq,
      sender: 'ann',
      clientId: message.clientId,
      parts: [],
      replyTo: root,
      threadOf: root,
      at: message.at,
      deletedAt: event.at,
    })
    expect((await ask('bob', 'message:get', { roomId, seq: root })).thread).toBeUndefined()
    expect((await ask('bob', 'message:history', { roomId, seq })).data).toEqual([])
    expect((await ask('bob', 'message:pins', { roomId })).data.map(pin => pin.seq)).not.toContain(seq)
    expect((await ask('bob', 'message:thread', { roomId, seq: root })).data).toEqual([message])
    const log = await rest(stage.url(), 'GET', `/v1/rooms/${roomId}/events?limit=200`)
    expect(JSON.stringify(log.body)).not.toContain(secret)
    expect(await stored()).not.toContain(secret)
  })

  it('gives the same event however often it is asked for, by whomever', async () => {
    const seq = await stage.say('ann', roomId, 'Gone')
    const first = await ask('ann', 'message:delete', { roomId, seq, clientId: `d-${transport}` })
    expect(await ask('ann', 'message:delete', { roomId, seq, clientId: `d-${transport}` })).toEqual(first)
    expect(await ask('mod', 'message:delete', { roomId, seq })).toEqual(first)
  })

  it("is for one's own messages, and for others' by those who moderate", async () => {
    const own = await stage.say('bob', roomId, 'Of Bob')
    const anns = await stage.say('ann', roomId, 'Of Ann')
    expect(await refusalOf(ask('bob', 'message:delete', { roomId, seq: anns }))).toBe('forbidden')
    expect(await refusalOf(ask('eve', 'message:delete', { roomId, seq: anns }))).toBe('room_not_found')
    expect(await refusalOf(ask('bob', 'message:delete', { roomId, seq: 99_999 }))).toBe('not_found')
    await ask('mod', 'message:delete', { roomId, seq: own })
    const other = await stage.say('bob', roomId, 'Of Bob, too')
    // Who may not write any more takes nothing back.
    await stage.overRest('ann', 'member:update', { roomId, userId: 'bob', role: 'member' })
    expect(await refusalOf(ask('bob', 'message:delete', { roomId, seq: other }))).toBe('forbidden')
    await stage.overRest('ann', 'member:update', { roomId, userId: 'bob', role: 'publisher' })
    await ask('bob', 'message:delete', { roomId, seq: other })
  })

  it('a retry of the message itself still finds it', async () => {
    const data = { roomId, clientId: `sent-${transport}`, text: 'Said once' }
    const { event } = await stage.socket('ann').request('message:send', data)
    await ask('ann', 'message:delete', { roomId, seq: event.seq })
    const again = await stage.socket('ann').request('message:send', data)
    expect(again.event).toMatchObject({ seq: event.seq, data: { parts: [], deleted: true } })
    const { body } = await rest(stage.url(), 'POST', `/v1/rooms/${roomId}/messages`, {
      body: { sender: 'ann', clientId: data.clientId, text: data.text },
    })
    expect(body).toMatchObject({ seq: event.seq, parts: [] })
  })
})

it("an app's server deletes anything; of an archived room only moderators take something out", async () => {
  const byServer = await stage.say('ann', roomId, 'For the server')
  expect((await stage.asServer('message:delete', { roomId, seq: byServer })).event.sender).toBeUndefined()
  const archive = await stage.room('ann', { members: ['bob'] })
  const seq = await stage.say('bob', archive, 'Too late')
  await stage.overRest('ann', 'room:archive', { roomId: archive })
  expect(await refusalOf(stage.overRest('bob', 'message:delete', { roomId: archive, seq }))).toBe('forbidden')
  await stage.overRest('ann', 'message:delete', { roomId: archive, seq })
})
