import type { Browser } from 'playwright-core'
import { beforeAll, expect, test, vi } from 'vitest'
import { joinCall, launchBrowser, type Relaying, trusting, type Visitor, visit } from './support/browser.ts'
import { cleanUpAfterAll } from './support/clean-ups.ts'
import { API_KEY, startServer, type TestServer } from './support/server.ts'
import { certificateFiles } from './support/turn.ts'

const WAIT = { timeout: 60_000, interval: 250 }
/** Chromium refreshes an allocation when half of this is over, so two of them mean two refreshes at least. */
const LIFETIME_SECONDS = 4
/** Enough for three pages to join on a busy machine. */
const CREDENTIAL_SECONDS = 20

/** Who is in the call, and how each of them gets there. */
const PEOPLE: readonly { name: string; relay: Relaying }[] = [
  { name: 'Ada', relay: 'udp' },
  { name: 'Ben', relay: 'tcp' },
  { name: 'Cleo', relay: 'tls' },
]

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
  /** Of each picture and each sound of others, by its track: frames decoded, energy heard. */
  frames: Record<string, number>
  energy: Record<string, number>
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
      frames: {},
      energy: {},
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
        if (entry.type !== 'inbound-rtp') continue
        if (entry.kind === 'video') seen.frames[entry.trackIdentifier] = entry.framesDecoded ?? 0
        else seen.energy[entry.trackIdentifier] = entry.totalAudioEnergy ?? 0
      }
      for (const { username } of connection.getConfiguration().iceServers ?? []) {
        const [expiry = '0', ...user] = username?.split(':') ?? []
        seen.expiresAt = Math.max(seen.expiresAt, Number(expiry) * 1000)
        seen.userId = user.join(':')
      }
    }
    return seen
  })

/** How many of these are more than they were, by more than so much. */
const grown = (now: Record<string, number>, before: Record<string, number>, by: number): number =>
  Object.entries(now).filter(([track, value]) => value > (before[track] ?? 0) + by).length

/** Waits until picture and sound of each of the others have come since then, by two paths over the relay. @returns what is seen by now */
const expectMore = (visitor: Visitor, before: Seen): Promise<Seen> =>
  vi.waitFor(async () => {
    const now = await see(visitor)
    expect(grown(now.frames, before.frames, 10), visitor.name).toBe(PEOPLE.length - 1)
    expect(grown(now.energy, before.energy, 0), visitor.name).toBe(PEOPLE.length - 1)
    // What this one sends, and what it is sent.
    expect(now.paths, visitor.name).toHaveLength(2)
    const { relay } = PEOPLE.find(({ name }) => name === visitor.name) ?? {}
    for (const path of now.paths) expect(path).toMatchObject({ local: 'relay', relayProtocol: relay })
    return now
  }, WAIT)

const NOTHING: Seen = { paths: [], frames: {}, energy: {}, expiresAt: 0, userId: '', connections: 0 }

/** Somebody's relays end, and the credential is worth nothing any more: the call mends itself with another. */
const mendsItself = async (visitor: Visitor, before: Seen): Promise<void> => {
  const revoked = await visitor.page.evaluate(
    async ([userId, key]) => {
      const headers = { authorization: `Bearer ${key}` }
      return (await fetch(`/v1/users/${userId}/relays`, { method: 'DELETE', headers })).status
    },
    [before.userId, API_KEY],
  )
  expect(revoked).toBe(200)
  await vi.waitFor(async () => expect((await see(visitor)).expiresAt).toBeGreaterThan(before.expiresAt), WAIT)
  const mended = await expectMore(visitor, await see(visitor))
  expect(mended.connections).toBe(before.connections)
}

test('who can only reach a relay, over UDP, TCP or TLS, holds a call past refreshes and the end of the credential', async () => {
  const visitors = await Promise.all(
    PEOPLE.map(({ name, relay }) => visit(browser, `${server.url}/r/relayed?name=${name}`, name, { relay })),
  )
  await Promise.all(visitors.map(joinCall))
  const started = await Promise.all(visitors.map(visitor => expectMore(visitor, NOTHING)))

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

  await Promise.all(visitors.map((visitor, i) => mendsItself(visitor, after[i] as Seen)))
  for (const { name, problems } of visitors) expect(problems, name).toEqual([])
  console.log('relayed calls', JSON.stringify(after.map(({ paths, frames }) => ({ paths, frames }))))
}, 240_000)
