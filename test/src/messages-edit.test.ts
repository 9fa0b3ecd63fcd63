import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { rest } from './support/rest.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage
let roomId: string

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'eve'])
  roomId = await stage.room('ann', { members: ['bob'] })
})

describe.each(['overRest', 'overSocket'] as const)('editing %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  it('changes what a message says, is heard of, and keeps what it said', async () => {
    const first = { metadata: { mood: 'bad' }, mentions: ['bob'] }
    const seq = await stage.say('ann', roomId, 'Helo', first)
    const { event } = await ask('ann', 'message:edit', { roomId, seq, text: 'Hello' })
    expect(event).toMatchObject({ type: 'message.edited', sender: 'ann', data: { messageSeq: seq } })
    await stage.socket('ann').request('room:open', { roomId })
    await ask('ann', 'message:edit', { roomId, seq, text: 'Hello!', mentions: ['bob', 'bob'] })

    const message = await ask('bob', 'message:get', { roomId, seq })
    expect(message).toMatchObject({ seq, sender: 'ann', text: 'Hello!', mentions: ['bob'] })
    expect(message.metadata).toBeUndefined()
    expect(Date.parse(message.editedAt ?? '')).toBeGreaterThanOrEqual(Date.parse(message.at))
    await stage.socket('ann').hear('event:appended', ({ event: { type } }) => type === 'message.edited')
    const { data } = await ask('bob', 'message:history', { roomId, seq })
    expect(data.map(({ parts, metadata, mentions }) => [parts, metadata, mentions])).toEqual([
      [[{ mime: 'text/plain', text: 'Helo' }], { mood: 'bad' }, ['bob']],
      [[{ mime: 'text/plain', text: 'Hello' }], undefined, undefined],
      [[{ mime: 'text/plain', text: 'Hello!' }], undefined, ['bob']],
    ])
    const { data: listed } = await ask('bob', 'message:list', { roomId, limit: 1 })
    expect(listed).toEqual([message])
  })

  it("is for one's own words only", async () => {
    const seq = await stage.say('ann', roomId, 'Mine')
    expect(await refusalOf(ask('bob', 'message:edit', { roomId, seq, text: 'Yours' }))).toBe('forbidden')
    expect(await refusalOf(ask('eve', 'message:edit', { roomId, seq, text: 'Ours' }))).toBe('room_not_found')
    expect(await refusalOf(ask('ann', 'message:edit', { roomId, seq: 99_999, text: 'x' }))).toBe('not_found')
    const joined = 2
    expect(await refusalOf(ask('ann', 'message:edit', { roomId, seq: joined, text: 'x' }))).toBe('not_found')
    await ask('ann', 'message:delete', { roomId, seq })
    expect(await refusalOf(ask('ann', 'message:edit', { roomId, seq, text: 'x' }))).toBe('conflict')
    const forwarded = await ask('bob', 'message:forward', {
      roomId,
      seq: await stage.say('ann', roomId, 'Words of Ann'),
      toRoomId: roomId,
    })
    const edit = { roomId, seq: forwarded.event.seq, text: 'Words Ann never said' }
    expect(await refusalOf(ask('bob', 'message:edit', edit))).toBe('forbidden')
    expect((await ask('ann', 'message:get', { roomId, seq: edit.seq })).text).toBe('Words of Ann')
  })

  it('is done once, however often it is asked with the same clientId', async () => {
    const seq = await stage.say('ann', roomId, 'Once')
    const edit = { roomId, seq, text: 'Twice', clientId: `edit-${transport}` }
    const first = await ask('ann', 'message:edit', edit)
    expect(await ask('ann', 'message:edit', edit)).toEqual(first)
    expect(await refusalOf(ask('ann', 'message:edit', { ...edit, text: 'Thrice' }))).toBe('conflict')
    expect((await ask('ann', 'message:history', { roomId, seq })).data).toHaveLength(2)
  })

  it('gives a long history page by page', async () => {
    const seq = await stage.say('ann', roomId, '0')
    const long = 'x'.repeat(60_000)
    for (let i = 1; i <= 25; i++) {
      await stage.asServer('message:edit', { roomId, seq, text: `${i}${long}` }, 'ann')
    }
    const texts: string[] = []
    let cursor: string | undefined
    let pages = 0
    do {
      const page = await ask('bob', 'message:history', { roomId, seq, ...(cursor ? { cursor } : {}) })
      expect(JSON.stringify(page).length).toBeLessThan(1024 * 1024 + 70_000)
      for (const { parts } of page.data)
        texts.push(parts.map(part => ('text' in part ? part.text : '')).join())
      cursor = page.nextCursor
      pages++
    } while (cursor !== undefined)
    expect(pages).toBeGreaterThan(1)
    expect(texts.map(text => text.replaceAll('x', ''))).toEqual(
      Array.from({ length: 26 }, (_, i) => String(i)),
    )
  })
})

it("over REST an app's server edits in its user's name, and an Idempotency-Key makes it once", async () => {
  const seq = await stage.say('ann', roomId, 'By key')
  const path = `/v1/rooms/${roomId}/messages/${seq}`
  const options = { body: { sender: 'ann', text: 'By the key' }, headers: { 'Idempotency-Key': 'k1' } }
  const first = await rest(stage.url(), 'PATCH', path, options)
  expect(first.status).toBe(200)
  expect((await rest(stage.url(), 'PATCH', path, options)).body).toEqual(first.body)
  const asBob = await rest(stage.url(), 'PATCH', path, { body: { sender: 'bob', text: 'No' } })
  expect(asBob.body.code).toBe('forbidden')
})
