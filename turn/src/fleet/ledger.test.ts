import { randomInt } from 'node:crypto'
import { beforeEach, describe, expect, it } from 'vitest'
import { resolveLimits } from '../limits.ts'
import { fakeClock, pass } from '../testing/clock.ts'
import { FleetLedger } from './ledger.ts'

const limits = resolveLimits({
  allocationsPerUser: 3,
  allocations: 5,
  bytesPerSecondPerUser: 900,
  bytesPerSecond: 5000,
})

beforeEach(fakeClock)

describe('FleetLedger', () => {
  it('counts by user and in all over the processes, and gives back what a lost one held', () => {
    const ledger = new FleetLedger(limits, 3)
    expect(ledger.take(0, 'ada')).toBeUndefined()
    expect(ledger.take(1, 'ada')).toBeUndefined()
    expect(ledger.take(1, 'ada')).toBeUndefined()
    expect(ledger.take(2, 'ada')).toBe('quota')
    expect(ledger.take(2, 'bob')).toBeUndefined()
    expect(ledger.take(1, 'bob')).toBeUndefined()
    expect(ledger.take(0, 'eve')).toBe('capacity')
    expect(ledger).toMatchObject({ total: 5, users: 2 })
    expect(ledger.drop(1)).toEqual(['ada', 'bob'])
    expect(ledger).toMatchObject({ total: 2, users: 2 })
    expect(ledger.allocationsOf('ada')).toBe(1)
    // Too late: the process that says so is gone, and what it held with it.
    ledger.release(1, 'ada')
    expect(ledger.allocationsOf('ada')).toBe(1)
    ledger.release(0, 'ada')
    ledger.release(0, 'ada')
    expect(ledger).toMatchObject({ total: 1, users: 1 })
  })

  it('shares bandwidth in proportion to allocations', () => {
    const ledger = new FleetLedger(limits, 2)
    expect(ledger.totalShare(0)).toBe(2500)
    ledger.take(0, 'ada')
    expect(ledger.userShare(0, 'ada')).toBe(900)
    expect(ledger.totalShare(0)).toBe(5000)
    ledger.take(1, 'ada')
    ledger.take(1, 'ada')
    expect([0, 1].map(slot => ledger.userShare(slot, 'ada'))).toEqual([300, 600])
    ledger.take(0, 'bob')
    expect([0, 1].map(slot => ledger.totalShare(slot))).toEqual([2500, 2500])
  })

  it('knows a user elsewhere for as long as a burst takes to come back', () => {
    const ledger = new FleetLedger(limits, 2)
    expect(ledger.isKnownElsewhere(0, 'ada')).toBe(false)
    ledger.take(0, 'ada')
    expect(ledger.isKnownElsewhere(0, 'ada')).toBe(false)
    expect(ledger.isKnownElsewhere(1, 'ada')).toBe(true)
    ledger.release(0, 'ada')
    expect(ledger.isKnownElsewhere(1, 'ada')).toBe(true)
    pass(1)
    expect(ledger.isKnownElsewhere(1, 'ada')).toBe(false)
  })

  it('never exceeds a limit nor loses count, whatever happens in whatever order', () => {
    const seed = randomInt(2 ** 31)
    let state = seed
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
      return (state >>> 8) % below
    }
    const ledger = new FleetLedger(limits, 3)
    const held = new Map<string, number>()
    const sum = (matches: (key: string) => boolean): number =>
      [...held].reduce((all, [key, count]) => all + (matches(key) ? count : 0), 0)
    for (let step = 0; step < 20_000; step++) {
      const slot = random(3)
      const user = `user ${random(4)}`
      const key = `${slot} ${user}`
      const count = held.get(key) ?? 0
      const action = random(20)
      if (action === 0) {
        ledger.drop(slot)
        for (const each of held.keys()) if (each.startsWith(`${slot} `)) held.delete(each)
      } else if (action < 11) {
        if (ledger.take(slot, user) === undefined) held.set(key, count + 1)
      } else if (count > 0) {
        ledger.release(slot, user)
        held.set(key, count - 1)
      }
      pass(random(500) / 1000)
      const ofUser = sum(each => each.endsWith(user))
      expect(ledger.allocationsOf(user), `seed ${seed}`).toBe(ofUser)
      expect(ofUser, `seed ${seed}`).toBeLessThanOrEqual(3)
      expect(ledger.total, `seed ${seed}`).toBe(sum(() => true))
      expect(ledger.total, `seed ${seed}`).toBeLessThanOrEqual(5)
      const shares = [0, 1, 2].reduce((all, each) => all + ledger.userShare(each, user), 0)
      expect(shares, `seed ${seed}`).toBeCloseTo(ofUser > 0 ? 900 : 0)
    }
  })
})
