import { randomBytes } from 'node:crypto'
import { expect, it, onTestFinished, vi } from 'vitest'
import type { NoRoom } from './access/quota.ts'
import { createMember } from './member.ts'
import { Endpoint } from './stun/endpoint.ts'
import { credential, startClient, TEST_OPTIONS } from './testing/server.ts'

/** A member whose ledger answers when it is told to. */
const startMember = async () => {
  const asked: ((refused: NoRoom | undefined) => void)[] = []
  const released: string[] = []
  const { turn: member } = await createMember(TEST_OPTIONS, {
    udpFds: [],
    lastGood: undefined,
    ledger: {
      take: () => new Promise(resolve => asked.push(resolve)),
      release: user => released.push(user),
    },
    nonceKey: randomBytes(32),
    revoked: { users: [], everybody: 0 },
    isRelayedElsewhere: () => false,
    onRelayPort: () => {},
  })
  onTestFinished(() => member.close())
  const endpoint = new Endpoint('127.0.0.1', member.port)
  const asking = async (user: string) => {
    const answer = (await startClient({ endpoint }, credential(user))).allocate()
    const before = asked.length
    await vi.waitFor(() => expect(asked.length).toBe(before + 1), { interval: 1 })
    return { answer, grant: asked.at(-1) as (refused: NoRoom | undefined) => void }
  }
  return { member, released, asking }
}

it('opens a relay when the ledger grants one, and says 486 or 508 when it does not', async () => {
  const { member, released, asking } = await startMember()
  for (const [refused, code] of [
    ['quota', 486],
    ['capacity', 508],
    [undefined, 0],
  ] as const) {
    const { answer, grant } = await asking('ada')
    expect(member.stats().allocations).toBe(0)
    grant(refused)
    expect((await answer).code).toBe(code)
  }
  expect(member.stats()).toMatchObject({ allocations: 1, refused: { quota: 1, capacity: 1 } })
  expect(released).toEqual([])
  await member.close()
  expect(released).toEqual(['ada'])
})

it('revokes what is just being allocated, and closes on it, giving back what was granted', async () => {
  const { member, released, asking } = await startMember()
  const ada = await asking('ada')
  expect(member.revoke('ada', Math.floor(Date.now() / 1000) + 600)).toBe(0)
  ada.grant(undefined)
  expect((await ada.answer).code).toBeGreaterThan(400)
  expect(released).toEqual(['ada'])
  const bob = await asking('bob')
  bob.answer.catch(() => {})
  await member.close()
  bob.grant(undefined)
  await vi.waitFor(() => expect(released).toEqual(['ada', 'bob']))
  expect(member.stats()).toMatchObject({ allocations: 0, users: 0 })
})
