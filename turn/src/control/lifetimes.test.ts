import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ATTRIBUTE, attribute } from '../stun/stun.ts'
import { allocated, hello } from '../testing/allocated.ts'
import { fakeClock, pass } from '../testing/clock.ts'
import { credential, startClient, startTurn } from '../testing/server.ts'

beforeEach(fakeClock)

describe('lifetimes', () => {
  it('answers refresh with what it grants, and keeps the allocation', async () => {
    const { peer, client, turn, answer, relayed } = await allocated()
    const lifetime = (message: typeof answer) => message.values.get(ATTRIBUTE.lifetime)?.readUInt32BE()
    expect(lifetime(answer)).toBe(600)
    for (const [asked, granted] of [
      [undefined, 600],
      [10, 600],
      [1200, 1200],
      [100_000, 3600],
    ] as const) {
      expect(lifetime(await client.refresh(asked)), `asked ${asked}`).toBe(granted)
    }
    await client.permit(peer.endpoint)
    const got = peer.next()
    client.send(peer.endpoint, hello)
    expect((await got).from).toEqual(relayed)
    expect(lifetime(await client.refresh(0))).toBe(0)
    expect(turn.stats().allocations).toBe(0)
    expect(await client.refresh()).toMatchObject({ code: 437, signed: true })
  })

  it('grants a lifetime asked for with Allocate', async () => {
    const client = await startClient(await startTurn())
    const asked = Buffer.from([0, 0, 4, 0])
    const answer = await client.allocate([attribute(ATTRIBUTE.lifetime, asked)])
    expect(answer.values.get(ATTRIBUTE.lifetime)).toEqual(asked)
  })

  it('ends an allocation nobody refreshes, and only then', async () => {
    const { client, turn } = await allocated()
    pass(400)
    expect((await client.refresh()).code).toBe(0)
    pass(599)
    expect(turn.stats().allocations).toBe(1)
    pass(1)
    expect(turn.stats().allocations).toBe(0)
  })

  it('does not let a freed 5-tuple end the next allocation on it', async () => {
    const { client, turn } = await allocated()
    pass(500)
    expect((await client.refresh(0)).code).toBe(0)
    expect((await client.allocate()).code).toBe(0)
    pass(599)
    expect(turn.stats().allocations).toBe(1)
  })

  it('forgets permissions and channels in time', async () => {
    const { client, peer, turn } = await allocated()
    await client.bindChannel(0x4001, peer.endpoint)
    await client.refresh(3600)
    pass(299)
    const got = peer.next()
    client.send(peer.endpoint, hello)
    expect((await got).data).toEqual(hello)
    pass(1)
    client.send(peer.endpoint, hello)
    await vi.waitFor(() => expect(turn.stats().refused.noPermission).toBe(1))
    pass(300)
    client.sendChannel(0x4001, hello)
    await vi.waitFor(() => expect(turn.stats().refused.noChannel).toBe(1))
    expect((await client.bindChannel(0x4002, peer.endpoint)).code).toBe(0)
  })

  it('lets an expired credential keep its call but start no other', async () => {
    const turn = await startTurn()
    const short = credential('ada', 60)
    const client = await startClient(turn, short)
    expect((await client.allocate()).code).toBe(0)
    pass(60)
    expect((await client.refresh()).code).toBe(0)
    const late = await startClient(turn, short)
    expect((await late.allocate()).code).toBe(401)
    expect((await (await startClient(turn, { username: 'ada', password: 'x' })).allocate()).code).toBe(401)
  })
})
