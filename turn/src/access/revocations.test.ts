import { describe, expect, it, vi } from 'vitest'
import { allocated, hello } from '../testing/allocated.ts'
import { credential, startClient, startTurn } from '../testing/server.ts'
import { Revocations } from './revocations.ts'

const SECONDS = 600

/** When credentials minted now expire. */
const expiryNow = (): number => Math.floor(Date.now() / 1000) + SECONDS

describe('Revocations', () => {
  it('hold up to a moment, which only moves on, and are handed over whole', () => {
    const revocations = new Revocations()
    revocations.add('ada', 100)
    revocations.add('ada', 50)
    for (const each of [revocations, new Revocations(revocations.revoked)]) {
      expect(each.holds('ada', 100)).toBe(true)
      expect(each.holds('ada', 101)).toBe(false)
      expect(each.holds('bob', 100)).toBe(false)
    }
  })

  it('are never granted again for want of room', () => {
    const revocations = new Revocations()
    const start = expiryNow()
    for (let user = 0; user < 15_000; user++) revocations.add(`user ${user}`, start + user)
    for (const each of [revocations, new Revocations(revocations.revoked)]) {
      for (let user = 0; user < 15_000; user += 100) {
        expect(each.holds(`user ${user}`, start + user), String(user)).toBe(true)
      }
      // A credential of somebody else minted later than what was forgotten.
      expect(each.holds('somebody', start + 14_999)).toBe(false)
    }
  })
})

describe('revoke', () => {
  it('ends every allocation of the user at once and nobody else’s', async () => {
    const { client, peer, turn, relayed } = await allocated()
    const second = await startClient(turn, credential('ada', SECONDS - 1))
    const third = await startClient(turn, credential('ada', SECONDS))
    const bob = await startClient(turn, credential('bob'))
    expect((await second.allocate()).code).toBe(0)
    expect((await bob.allocate()).code).toBe(0)
    await client.permit(peer.endpoint)
    await client.bindChannel(0x4000, peer.endpoint)
    const got = peer.next()
    client.sendChannel(0x4000, hello)
    await got

    expect(turn.revoke('ada', expiryNow())).toBe(2)
    expect(turn.stats()).toMatchObject({ allocations: 1, users: 1 })
    client.sendChannel(0x4000, hello)
    await vi.waitFor(() => expect(turn.stats().refused.noAllocation).toBe(1))
    peer.send(hello, relayed)
    expect((await client.refresh()).code).toBe(401)
    expect((await second.allocate()).code).toBe(401)
    expect((await third.allocate()).code).toBe(401)
    expect(turn.stats()).toMatchObject({ packetsToClients: 0, packetsToPeers: 1 })
    expect((await bob.refresh()).code).toBe(0)
    expect(turn.revoke('ada', expiryNow())).toBe(0)
  })

  it('lets in a credential minted the second after', async () => {
    const turn = await startTurn()
    const before = credential('ada', SECONDS)
    const expiry = expiryNow()
    turn.revoke('ada', expiry)
    expect((await (await startClient(turn, before)).allocate()).code).toBe(401)
    await vi.waitFor(() => expect(expiryNow()).toBeGreaterThan(expiry), { timeout: 3000 })
    expect((await (await startClient(turn, credential('ada', SECONDS))).allocate()).code).toBe(0)
  })
})
