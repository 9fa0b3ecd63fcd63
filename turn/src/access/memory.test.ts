import { expect, it } from 'vitest'
import { canonicalAddress } from '../stun/endpoint.ts'
import { collectGarbage } from '../testing/garbage.ts'
import { Nonces } from './nonce.ts'
import { PeerPolicy } from './policy.ts'
import { Revocations } from './revocations.ts'
import { Throttle } from './throttle.ts'

const heap = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

const MIB = 1024 * 1024
const ROUNDS = 20_000

const policy = new PeerPolicy({ mode: 'public', allowedPeers: [], relayed: [] })
const nonces = new Nonces(900)
const throttle = new Throttle(10, 10)
const revocations = new Revocations()
const soon = Math.floor(Date.now() / 1000) + 600

/** What an attacker can make a server remember, by a new name each time: every key of theirs is bounded. */
it.each<[name: string, once: (round: number) => void]>([
  [
    'nonces',
    round => {
      const client = `192.0.2.1:${round}`
      nonces.valid(nonces.create(client), client)
    },
  ],
  ['failures', round => throttle.count(`[2001:db8:0:0:0:0:0:1]:${round}`)],
  ['revocations', round => revocations.add(`somebody with a rather long name ${round}`, soon + (round % 60))],
  [
    'verdicts about peers',
    round =>
      policy.mayExchange('ada', canonicalAddress(`2a00:1450::${round.toString(16).slice(0, 4)}`) ?? '', 1),
  ],
])(
  '%s take bounded memory',
  (_name, once) => {
    // Full first: what is measured is that it grows no further.
    for (let round = 0; round < ROUNDS; round++) once(round)
    const full = heap()
    for (let round = ROUNDS; round < 3 * ROUNDS; round++) once(round)
    expect(heap() - full).toBeLessThan(MIB)
  },
  60_000,
)
