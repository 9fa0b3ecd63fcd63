import { describe, expect, it } from 'vitest'
import { ATTRIBUTE } from '../stun/stun.ts'
import { firstNonce, signedAllocate } from '../testing/allocated.ts'
import { fakeClock, pass } from '../testing/clock.ts'
import { credential, SECRET, startClient, startTurn } from '../testing/server.ts'
import { Credentials } from './credentials.ts'
import { Nonces } from './nonce.ts'
import { Throttle } from './throttle.ts'

describe('credentials', () => {
  it('are `<unix-expiry>:<user>` and the base64 HMAC-SHA1 of that', () => {
    // openssl: printf '2000000000:ada' | openssl dgst -sha1 -hmac 'a secret of the tests alone' -binary | base64
    const [password] = new Credentials([SECRET]).passwords('2000000000:ada')
    expect(password).toBe('/Pq2XCa/PAv0E0k/km5W/UcU/Pg=')
    expect(new Credentials([SECRET]).passwords('1000000000:ada')).toEqual([])
    for (const username of ['ada', ':ada', '2000000000:', '2e9:ada', ' 2000000000:ada', '-1:ada']) {
      expect(new Credentials([SECRET]).passwords(username), username).toEqual([])
    }
    expect(Credentials.parse('2000000000:a:b')).toEqual({ user: 'a:b', expiry: 2_000_000_000 })
    expect(() => new Credentials([])).toThrow('TURN_SECRET')
    expect(() => new Credentials([SECRET, ''])).toThrow('TURN_SECRET')
  })

  it('work with both secrets while these are changed, and with no third', async () => {
    const turn = await startTurn({ secrets: ['the new secret', SECRET] })
    const codes = []
    for (const secret of ['the new secret', SECRET, 'another secret']) {
      codes.push((await (await startClient(turn, credential('ada', 60, secret))).allocate()).code)
    }
    expect(codes).toEqual([0, 0, 401])
  })
})

describe('nonces', () => {
  it('hold for one address and for a time', () => {
    const nonces = new Nonces(60)
    const now = Date.now()
    const nonce = nonces.create('192.0.2.1:1000', now)
    expect(nonces.valid(nonce, '192.0.2.1:1000', now + 60_000)).toBe(true)
    expect(nonces.valid(nonce, '192.0.2.1:1000', now + 60_001)).toBe(false)
    expect(nonces.valid(nonce, '192.0.2.1:1000', now - 1)).toBe(false)
    expect(nonces.valid(nonce, '192.0.2.1:1001', now)).toBe(false)
    expect(new Nonces(60).valid(nonce, '192.0.2.1:1000', now)).toBe(false)
  })

  it('are renewed by a 438 without losing the allocation', async () => {
    fakeClock()
    const turn = await startTurn()
    const client = await startClient(turn)
    expect((await client.allocate()).code).toBe(0)
    expect((await client.refresh(3600)).code).toBe(0)
    for (const stale of [1, 2, 3]) {
      pass(901)
      expect((await client.refresh(3600)).code).toBe(0)
      expect(turn.stats().refused.staleNonce).toBe(stale)
    }
    expect(turn.stats().allocations).toBe(1)
  })
})

describe('throttling', () => {
  it('counts by key, forgets in time, and holds a bounded number of keys', () => {
    const throttle = new Throttle(2, 10)
    throttle.count('a', 0)
    expect(throttle.blocked('a', 1)).toBe(false)
    throttle.count('a', 2)
    expect(throttle.blocked('a', 3)).toBe(true)
    expect(throttle.blocked('b', 3)).toBe(false)
    expect(throttle.blocked('a', 10_001)).toBe(false)
    throttle.count('c', 0)
    throttle.count('c', 0)
    for (let key = 0; key < 10_000; key++) throttle.count(`other ${key}`, 0)
    expect(throttle.blocked('c', 1)).toBe(false)
  })

  it('stops a guesser without stopping anybody else at the same address', async () => {
    const turn = await startTurn({ limits: { failures: 3 } })
    const wrong = { username: credential('ada').username, password: 'guess' }
    const guesser = await startClient(turn, wrong)
    for (let round = 0; round < 3; round++) expect((await guesser.allocate()).code).toBe(401)
    await expect(guesser.allocate([], 400)).rejects.toThrow('No answer')
    expect(turn.stats().refused.throttled).toBeGreaterThan(0)
    expect((await (await startClient(turn, credential('bob'))).allocate()).code).toBe(0)
  })

  it('stops one who tries many usernames from one port, and nobody else at that address', async () => {
    const turn = await startTurn({ limits: { failures: 3 } })
    const guesser = await startClient(turn)
    const nonce = await firstNonce(guesser)
    const guess = (second: number) =>
      guesser.exchange(signedAllocate(credential('ada', 600 + second).username, 'guess', nonce), 400)
    for (let round = 0; round < 3; round++) expect((await guess(round)).code).toBe(401)
    await expect(guess(3)).rejects.toThrow('No answer')
    expect((await (await startClient(turn, credential('ada'))).allocate()).code).toBe(0)
  })

  it('keeps nobody out whose username a guesser at the same address knows', async () => {
    const turn = await startTurn({ limits: { failures: 3 } })
    const ada = credential('ada')
    const caller = await startClient(turn, ada)
    expect((await caller.allocate()).code).toBe(0)
    for (let port = 0; port < 4; port++) {
      const guesser = await startClient(turn, { ...ada, password: 'guess' })
      expect((await guesser.allocate()).code).toBe(401)
    }
    expect((await caller.refresh()).code).toBe(0)
    expect((await (await startClient(turn, ada)).allocate()).code).toBe(0)
  })

  it('counts nothing before a valid nonce', async () => {
    const turn = await startTurn({ limits: { failures: 1 } })
    const ada = credential('ada')
    const other = await startClient(await startTurn(), { ...ada, password: 'guess' })
    await other.allocate()
    // A wrong password under a nonce of another server: told to come back, not held against anybody.
    const client = await startClient(turn, ada)
    for (let round = 0; round < 5; round++) {
      const answer = await client.exchange(other.encode(0x003, []))
      expect(answer.code).toBe(438)
      expect(answer.values.has(ATTRIBUTE.nonce)).toBe(true)
    }
    expect((await client.allocate()).code).toBe(0)
  })
})
