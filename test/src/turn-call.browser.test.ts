import type { Browser } from 'playwright-core'
import { beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { joinCall, launchBrowser, type Relaying, trusting, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { API_KEY, startServer, type TestServer } from './support/server.ts'
import { certificateFiles } from './support/turn.ts'

const WAIT = { timeout: 45_000, interval: 250 }
/** Chromium refreshes an allocation when half of this is over, so two of them mean two refreshes at least. */
const LIFETIME_SECONDS = 4
const CREDENTIAL_SECONDS = 12

const register = cleanUpAfterAll()
let server: TestServer
let browser: Browser

beforeAll(async () => {
  const certificate = await certificateFiles(register)
  server = await startServer({
    register,
    env: {
      ...certificate,
      TURN_LIFETIME_SECONDS: String(LIFETIME_SECONDS),
      TURN_CREDENTIAL_SECONDS: String(CREDENTIAL_SECONDS),
    },
  })
  browser = await launchBrowser(register, [trusting(certificate.TLS_CERT)])
})

type Seen = {
  /** Of each connection that carries something: how it goes. */
  paths: { local: string; relayProtocol: string; pair: string; changes: number }[]
  framesDecoded: number
  audioEnergy: number
  /** When the last credential the page was given expires, Unix ms. */
  expiresAt: number
  /** Whose credential that was. */
  userId: string
  /** Connections there ever were. */
  connections: number
}

const see = ({ page }: Visitor): Promise<Seen> =>
  page.evaluate(async () => {
    const seen: Seen = {
      paths: [],
      framesDecoded: 0,
      audioEnergy: 0,
      expiresAt: 0,
      userId: '',
      connections: window.peerConnections.length,
    }
    for (const connection of window.peerConnections) {
      if (connection.connectionState !== 'connected') continue
      const stats = await connection.getStats()
      for (const entry of stats.values()) {
        if (entry.type === 'transport') {
          const pair = stats.get(entry.selectedCandidatePairId)
          const local = stats.get(pair?.localCandidateId)
          seen.paths.push({
            local: local?.candidateType,
            relayProtocol: local?.relayProtocol,
            pair: entry.selectedCandidatePairId,
            changes: entry.selectedCandidatePairChanges,
          })
        }
        if (entry.type === 'inbound-rtp') {
          seen.framesDecoded += entry.framesDecoded ?? 0
          seen.audioEnergy += entry.totalAudioEnergy ?? 0
        }
      }
      for (const { username } of connection.getConfiguration().iceServers ?? []) {
        const [expiry = '0', ...user] = username?.split(':') ?? []
        seen.expiresAt = Math.max(seen.expiresAt, Number(expiry) * 1000)
        seen.userId = user.join(':')
      }
    }
    return seen
  })

/** Waits until pictures and sound have come since then. @returns what is seen by now */
const expectMore = (visitor: Visitor, before: Seen): Promise<Seen> =>
  vi.waitFor(async () => {
    const now = await see(visitor)
    expect(now.framesDecoded, visitor.name).toBeGreaterThan(before.framesDecoded + 10)
    expect(now.audioEnergy, visitor.name).toBeGreaterThan(before.audioEnergy)
    return now
  }, WAIT)

const NOTHING: Seen = {
  paths: [],
  framesDecoded: 0,
  audioEnergy: 0,
  expiresAt: 0,
  userId: '',
  connections: 0,
}

test.each<Relaying>(['udp', 'tcp', 'tls'])(
  'who can only reach a relay over %s holds a call past refreshes and the end of the credential',
  async relay => {
    const visitors = await Promise.all(
      ['Ada', 'Ben'].map(name =>
        visit(browser, `${server.url}/r/relayed-${relay}?name=${name}`, name, { relay }),
      ),
    )
    for (const { page } of visitors) onTestFinished(() => page.context().close())
    await Promise.all(visitors.map(joinCall))
    const started = await Promise.all(visitors.map(visitor => expectMore(visitor, NOTHING)))
    for (const { paths } of started) {
      // What this one sends, and what it is sent.
      expect(paths).toHaveLength(2)
      for (const path of paths) expect(path).toMatchObject({ local: 'relay', relayProtocol: relay })
    }

    const joinedAt = Date.now()
    const outlived = Math.max(
      joinedAt + 2 * LIFETIME_SECONDS * 1000,
      ...started.map(({ expiresAt }) => expiresAt + LIFETIME_SECONDS * 1000),
    )
    expect(outlived - joinedAt).toBeLessThan(60_000)
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(outlived), { timeout: 60_000, interval: 100 })

    const after = await Promise.all(visitors.map(async visitor => expectMore(visitor, await see(visitor))))
    // The very paths of the start: nothing broke and was mended meanwhile.
    expect(after.map(({ paths }) => paths)).toEqual(started.map(({ paths }) => paths))

    // Her relays end and her credential is worth nothing any more: the call mends itself with another.
    const [ada, first] = [visitors[0] as Visitor, after[0] as Seen]
    const revoked = await ada.page.evaluate(
      async ([userId, key]) => {
        const headers = { authorization: `Bearer ${key}` }
        return (await fetch(`/v1/users/${userId}/relays`, { method: 'DELETE', headers })).status
      },
      [first.userId, API_KEY],
    )
    expect(revoked).toBe(200)
    await vi.waitFor(async () => expect((await see(ada)).expiresAt).toBeGreaterThan(first.expiresAt), WAIT)
    const mended = await expectMore(ada, await see(ada))
    expect(mended.connections).toBe(first.connections)
    expect(mended.paths).toHaveLength(2)
    for (const path of mended.paths) expect(path).toMatchObject({ local: 'relay', relayProtocol: relay })
    for (const { name, problems } of visitors) expect(problems, name).toEqual([])
    console.log(
      `call relayed over ${relay}: ${JSON.stringify(after.map(({ paths, framesDecoded, audioEnergy }) => ({ paths, framesDecoded, audioEnergy })))}`,
    )
  },
  120_000,
)
