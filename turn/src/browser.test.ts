import { createHash, X509Certificate } from 'node:crypto'
import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import type { Transport } from './stun/transport.ts'
import { testCertificate, testTls } from './testing/certificate.ts'
import { credential, startTurn } from './testing/server.ts'

// The wrapper in /usr/bin adds flags of its own.
const CHROMIUM = '/usr/lib/chromium/chromium'
const missing = !existsSync(CHROMIUM)
if (missing) console.log('TURN in a browser skipped: chromium is not installed (Debian: chromium)')

const FLAGS = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-default-apps',
  '--metrics-recording-only',
  '--no-pings',
  '--disable-domain-reliability',
  '--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1 , EXCLUDE localhost',
]

/** How Chromium trusts one certificate for `turns:`; what it is told to ignore for a page does not count there. */
const trusting = async (): Promise<string> => {
  const { cert } = await testCertificate()
  const key = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' })
  return `--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`
}

type End = { relayProtocol: string; frames: number; messages: number }

/** Runs in the page: two connections that may use relays only, a moving picture and a data channel each way. */
const startCall = async (servers: RTCIceServer[]): Promise<void> => {
  const connections = servers.map(
    server => new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' }),
  )
  const [caller, callee] = connections
  if (!caller || !callee) return
  caller.onicecandidate = ({ candidate }) => candidate && callee.addIceCandidate(candidate)
  callee.onicecandidate = ({ candidate }) => candidate && caller.addIceCandidate(candidate)

  const canvas = document.body.appendChild(document.createElement('canvas'))
  const picture = canvas.getContext('2d')
  setInterval(() => {
    if (!picture) return
    picture.fillStyle = `hsl(${performance.now() / 10} 80% 50%)`
    picture.fillRect(0, 0, canvas.width, canvas.height)
  }, 40)
  const stream = canvas.captureStream(25)
  const messages = new Map(connections.map(connection => [connection, 0]))
  for (const connection of connections) {
    for (const track of stream.getTracks()) connection.addTrack(track, stream)
    const channel = connection.createDataChannel('data', { negotiated: true, id: 0 })
    channel.onmessage = () => messages.set(connection, (messages.get(connection) ?? 0) + 1)
    channel.onopen = () =>
      setInterval(() => channel.readyState === 'open' && channel.send('x'.repeat(1000)), 20)
  }

  await caller.setLocalDescription()
  await callee.setRemoteDescription(caller.localDescription as RTCSessionDescription)
  await callee.setLocalDescription()
  await caller.setRemoteDescription(callee.localDescription as RTCSessionDescription)

  Object.assign(globalThis, {
    ends: () =>
      Promise.all(
        connections.map(async connection => {
          const stats = await connection.getStats()
          const all = [...stats.values()]
          const pair = stats.get(all.find(entry => entry.type === 'transport')?.selectedCandidatePairId)
          const local = stats.get(pair?.localCandidateId)
          return {
            relayProtocol: String(local?.relayProtocol),
            frames: Number(all.find(entry => entry.type === 'inbound-rtp')?.framesDecoded ?? 0),
            messages: messages.get(connection) ?? 0,
          }
        }),
      ),
  })
}

describe.skipIf(missing)('Chromium', { timeout: 60_000 }, () => {
  it.each<[Transport, Transport]>([
    ['udp', 'tcp'],
    ['tcp', 'tls'],
    ['tls', 'udp'],
  ])(
    'talks from a relay over %s to one over %s and refreshes both with stale nonces',
    async (...transports) => {
      const turn = await startTurn({
        peers: 'public',
        tls: await testTls(),
        limits: { defaultLifetimeSeconds: 2, nonceSeconds: 1 },
      })
      const { username, password } = credential('browser')
      const urls: Record<Transport, string> = {
        udp: `turn:127.0.0.1:${turn.port}?transport=udp`,
        tcp: `turn:127.0.0.1:${turn.port}?transport=tcp`,
        tls: `turns:127.0.0.1:${turn.tlsPorts[0]}?transport=tcp`,
      }
      const browser = await chromium.launch({
        executablePath: CHROMIUM,
        args: [...FLAGS, await trusting()],
      })
      onTestFinished(() => browser.close())
      const page = await browser.newPage()
      const ends = (): Promise<End[]> => page.evaluate('ends()')
      await page.evaluate(
        startCall,
        transports.map(transport => ({ urls: urls[transport], username, credential: password })),
      )
      /** Waits for more of everything at both ends. */
      const expectMore = (than: readonly End[]): Promise<End[]> =>
        vi.waitFor(
          async () => {
            const now = await ends()
            expect(now.map(({ relayProtocol }) => relayProtocol)).toEqual(transports)
            for (const [index, { frames, messages }] of now.entries()) {
              expect(frames).toBeGreaterThan((than[index]?.frames ?? 0) + 5)
              expect(messages).toBeGreaterThan((than[index]?.messages ?? 0) + 5)
            }
            return now
          },
          { timeout: 20_000, interval: 100 },
        )
      await expectMore([])

      // Chromium refreshes when half a lifetime is over, and each nonce is stale by then: after so many of these either
      // allocation has outlived its first lifetime twice.
      await vi.waitFor(() => expect(turn.stats().refused.staleNonce).toBeGreaterThanOrEqual(8), {
        timeout: 30_000,
        interval: 100,
      })
      const after = await expectMore(await ends())
      console.log(`TURN in Chromium: ${JSON.stringify({ after, ...turn.stats() })}`)
    },
  )
})
