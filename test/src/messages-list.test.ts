import { LIMITS, type Message } from '@trunkline/protocol'
import { beforeAll, describe, expect, it } from 'vitest'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { rest } from './support/rest.ts'
import { refusalOf, type Stage, setStage } from './support/stage.ts'

const register = cleanUpAfterAll()
let stage: Stage

beforeAll(async () => {
  stage = await setStage(register, ['ann', 'bob', 'eve'])
})

const post = async (roomId: string, body: object): Promise<Message> =>
  (await rest(stage.url(), 'POST', `/v1/rooms/${roomId}/messages`, { body: { sender: 'ann', ...body } })).body

describe.each(['overRest', 'overSocket'] as const)('the messages of a room %s', transport => {
  const ask: Stage['overRest'] = (who, name, data) => stage[transport](who, name, data)

  const pages = async (roomId: string, limit: number): Promise<Message[][]> => {
    const found: Message[][] = []
    let cursor: string | undefined
    do {
      const page = await ask('bob', 'message:list', { roomId, limit, ...(cursor ? { cursor } : {}) })
      found.unshift(page.data)
      cursor = page.nextCursor
    } while (cursor !== undefined)
    return found
  }

  it('come the latest page first, ascending within a page, and as POST answered them', async () => {
    const roomId = await stage.room('ann', { members: ['bob'] })
    const sent = []
    for (let i = 0; i < 7; i++) {
      sent.push(await post(roomId, { text: `${i}`, metadata: { i }, mentions: ['bob'], silent: i % 2 === 0 }))
      // Other events between them are passed over.
      await stage.asServer('message:react', { roomId, seq: sent[0]?.seq ?? 0, reaction: `${i}` }, 'bob')
    }
    const found = await pages(roomId, 3)
    expect(found.map(page => page.length)).toEqual([1, 3, 3])
    const [first, ...others] = found.flat()
    expect(others).toEqual(sent.slice(1))
    expect(first?.reactions?.map(({ reaction }) => reaction)).toEqual(sent.map((_, i) => `${i}`))
    expect(await ask('bob', 'message:get', { roomId, seq: first?.seq ?? 0 })).toEqual(first)
  })

  it('end a page early once it is a megabyte', async () => {
    const roomId = await stage.room('ann', { members: ['bob'] })
    for (let i = 0; i < 40; i++) await post(roomId, { text: `${i} ${'x'.repeat(60_000)}` })
    const found = await pages(roomId, LIMITS.pageSize)
    expect(found.length).toBeGreaterThan(1)
    for (const page of found) {
      expect(JSON.stringify(page).length).toBeLessThan(2 * LIMITS.pageBytes + 4 * LIMITS.messageBytes)
    }
    const numbers = found.flat().map(message => message.text?.split(' ')[0])
    expect(numbers).toEqual(Array.from({ length: 40 }, (_, i) => `${i}`))
  })

  it("are the room's members' alone; a cursor that is not ours is refused", async () => {
    const roomId = await stage.room('ann', { members: ['bob'] })
    const { seq } = await post(roomId, { text: 'x' })
    for (const name of ['message:list', 'message:pins', 'message:scheduled'] as const) {
      expect([name, await refusalOf(ask('eve', name, { roomId }))]).toEqual([name, 'room_not_found'])
      const cursor = Buffer.from('["2020-01-01T00:00:00Z; drop table",1]').toString('base64url')
      expect([name, await refusalOf(ask('ann', name, { roomId, cursor }))]).toEqual([name, 'invalid_request'])
    }
    for (const name of ['message:get', 'message:history', 'message:thread'] as const) {
      expect([name, await refusalOf(ask('eve', name, { roomId, seq }))]).toEqual([name, 'room_not_found'])
      expect([name, await refusalOf(ask('ann', name, { roomId, seq: seq + 1 }))]).toEqual([name, 'not_found'])
    }
  })
})
