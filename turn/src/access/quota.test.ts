import { beforeEach, describe, expect, it, vi } from 'vitest'
import { resolveLimits } from '../limits.ts'
import { allocated } from '../testing/allocated.ts'
import { fakeClock, pass } from '../testing/clock.ts'
import { Account, type NoRoom, Quota } from './quota.ts'
import { TokenBucket } from './token-bucket.ts'

const taken = async (quota: Quota, user: string): Promise<Account> => {
  const account = await quota.take(user)
  if (!(account instanceof Account)) throw new Error(`refused: ${account}`)
  return account
}

describe('bandwidth', () => {
  beforeEach(fakeClock)

  it('is so much per second with one second of burst, whatever the pattern', () => {
    const bucket = new TokenBucket(1000)
    let passed = 0
    // Five seconds of a thousand bytes every 100 ms, ten times what is allowed.
    for (let tick = 0; tick < 50; tick++) {
      for (let packet = 0; packet < 10; packet++) if (bucket.spend(100)) passed += 100
      pass(0.1)
    }
    expect(passed).toBe(1000 + 4900)
    pass(3600)
    expect(bucket.spend(1000)).toBe(true)
    expect(bucket.spend(1)).toBe(false)
    bucket.giveBack(10)
    expect(bucket.spend(10)).toBe(true)
  })

  it('changes its rate without making credit, and survives a clock set back', () => {
    const bucket = new TokenBucket(1000)
    bucket.setRate(400)
    bucket.setRate(1000)
    expect(bucket.spend(401)).toBe(false)
    expect(bucket.spend(400)).toBe(true)
    vi.setSystemTime(Date.now() - 3_600_000)
    expect(bucket.spend(1)).toBe(false)
    pass(0.5)
    expect(bucket.spend(500)).toBe(true)
    pass(10)
    bucket.empty()
    expect(bucket.spend(1)).toBe(false)
  })

  it('is the user’s over all its allocations, and everybody’s over all users', async () => {
    const quota = new Quota(resolveLimits({ bytesPerSecondPerUser: 1000, bytesPerSecond: 1500 }))
    const [ada, again, bob] = [
      await taken(quota, 'ada'),
      await taken(quota, 'ada'),
      await taken(quota, 'bob'),
    ]
    expect(again).toBe(ada)
    expect(ada.spend(1000)).toBeUndefined()
    expect(again.spend(1)).toBe('bandwidth')
    expect(bob.spend(501)).toBe('bandwidthInAll')
    // What did not pass was not taken from the user either.
    expect(bob.spend(500)).toBeUndefined()
    pass(1)
    expect(bob.spend(1000)).toBeUndefined()
  })

  it('does not come back with a new allocation', async () => {
    const quota = new Quota(resolveLimits({ bytesPerSecondPerUser: 1000 }))
    let passed = 0
    for (let round = 0; round < 20; round++) {
      const account = await taken(quota, 'ada')
      while (account.spend(100) === undefined) passed += 100
      quota.release(account)
      expect(quota.users).toBe(0)
      pass(0.1)
    }
    expect(passed).toBe(1000 + 1900)
    pass(1)
    for (let user = 0; user < 1000; user++) quota.release(await taken(quota, `user ${user}`))
    pass(1)
    quota.release(await taken(quota, 'bob'))
    expect(quota.account('ada')).toBeUndefined()
    expect(quota.account('user 999')).toBeUndefined()
  })
})

describe('allocations', () => {
  it('are counted by user and in all, and asked of the ledger last', async () => {
    const asked: string[] = []
    let refusal: NoRoom | undefined
    const ledger = {
      take: (user: string) => {
        asked.push(`take ${user}`)
        return Promise.resolve(refusal)
      },
      release: (user: string) => asked.push(`release ${user}`),
    }
    const quota = new Quota(resolveLimits({ allocationsPerUser: 2, allocations: 3 }), ledger)
    const ada = await taken(quota, 'ada')
    await taken(quota, 'ada')
    expect(await quota.take('ada')).toBe('quota')
    refusal = 'quota'
    expect(await quota.take('bob')).toBe('quota')
    expect(quota.users).toBe(1)
    refusal = undefined
    await taken(quota, 'bob')
    expect(await quota.take('eve')).toBe('capacity')
    quota.release(ada)
    expect(asked).toEqual(['take ada', 'take ada', 'take bob', 'take bob', 'release ada'])
  })
})

describe('refusals', () => {
  it('tell the bandwidth of a user from that of all, each on the relayed payload', async () => {
    for (const [limits, reason] of [
      [{ bytesPerSecondPerUser: 300, bytesPerSecond: 10_000 }, 'bandwidth'],
      [{ bytesPerSecondPerUser: 10_000, bytesPerSecond: 300 }, 'bandwidthInAll'],
    ] as const) {
      const { client, peer, turn, relayed } = await allocated({ limits })
      await client.permit(peer.endpoint)
      await client.bindChannel(0x4000, peer.endpoint)
      const got = peer.next()
      client.sendChannel(0x4000, Buffer.alloc(150))
      await got
      peer.send(Buffer.alloc(150), relayed)
      await client.packet()
      // 300 bytes of payload have passed, to the last: nothing more fits.
      client.sendChannel(0x4000, Buffer.alloc(299))
      peer.send(Buffer.alloc(299), relayed)
      await vi.waitFor(() => expect(turn.stats().refused[reason]).toBe(2))
      expect(turn.stats()).toMatchObject({ bytesToPeers: 150, bytesToClients: 150 })
    }
  })
})
