import { existsSync } from 'node:fs'
import { chromium } from 'playwright-core'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
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

type Seen = { frames: number; echoed: number; localType: string; remoteType: string; relayProtocol: string }

/** Runs in the page: two connections that may use relays only, a moving picture and an echoing data channel. */
const startCall = async (iceServers: RTCIceServer[]): Promise<void> => {
  const [caller, callee] = [0, 1].map(
    () => new RTCPeerConnection({ iceServers, iceTransportPolicy: 'relay' }),
  )
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
  for (const track of stream.getTracks()) caller.addTrack(track, stream)
  const video = document.body.appendChild(document.createElement('video'))
  video.muted = true
  video.autoplay = true
  callee.ontrack = ({ streams }) => {
    video.srcObject = streams[0] ?? null
  }

  let echoed = 0
  callee.ondatachannel = ({ channel }) => {
    channel.onmessage = ({ data }) => channel.send(data)
  }
  const channel = caller.createDataChannel('echo')
  channel.onmessage = () => {
    echoed++
  }
  channel.onopen = () =>
    setInterval(() => channel.readyState === 'open' && channel.send('x'.repeat(1000)), 20)

  await caller.setLocalDescription()
  await callee.setRemoteDescription(caller.localDescription as RTCSessionDescription)
  await callee.setLocalDescription()
  await caller.setRemoteDescription(callee.localDescription as RTCSessionDescription)

  Object.assign(globalThis, {
    seen: async () => {
      const stats = new Map<string, Record<string, unknown>>()
      for (const report of [await caller.getStats(), await callee.getStats()]) {
        for (const entry of report.values()) stats.set(`${stats.size}`, entry)
      }
      const all = [...stats.values()]
      const pair = all.find(entry => entry.type === 'candidate-pair' && entry.nominated)
      const byId = (id: unknown) => all.find(entry => entry.id === id)
      return {
        frames: Number(all.find(entry => entry.type === 'inbound-rtp')?.framesDecoded ?? 0),
        echoed,
        localType: String(byId(pair?.localCandidateId)?.candidateType),
        remoteType: String(byId(pair?.remoteCandidateId)?.candidateType),
        relayProtocol: String(byId(pair?.localCandidateId)?.relayProtocol),
      }
    },
  })
}

describe.skipIf(missing)('Chromium', { timeout: 60_000 }, () => {
  it('holds a relayed call past refreshes, stale nonces and the end of its credential', async () => {
    const turn = await startTurn({
      peers: 'public',
      limits: { defaultLifetimeSeconds: 4, nonceSeconds: 2 },
    })
    const user = credential('browser', 3)
    const browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS })
    onTestFinished(() => browser.close())
    const page = await browser.newPage()
    const seen = (): Promise<Seen> => page.evaluate('seen()')
    await page.evaluate(startCall, [
      {
        urls: `turn:127.0.0.1:${turn.port}?transport=udp`,
        username: user.username,
        credential: user.password,
      },
    ])
    await vi.waitFor(async () => expect((await seen()).frames).toBeGreaterThan(5), {
      timeout: 20_000,
      interval: 100,
    })
    expect(await seen()).toMatchObject({ localType: 'relay', remoteType: 'relay', relayProtocol: 'udp' })

    // Chromium refreshes either allocation half a lifetime before its end, each time with a nonce stale by then:
    // after eight of these both have outlived their first lifetime twice over.
    await vi.waitFor(
      () => {
        const { refused, packetsToPeers } = turn.stats()
        expect(refused.staleNonce).toBeGreaterThanOrEqual(8)
        expect(packetsToPeers).toBeGreaterThan(500)
        expect(Number(user.username.split(':')[0]) * 1000).toBeLessThan(Date.now())
      },
      { timeout: 30_000, interval: 100 },
    )
    expect(turn.stats().allocations).toBeGreaterThanOrEqual(2)

    const before = await seen()
    await vi.waitFor(
      async () => {
        const after = await seen()
        expect(after.frames).toBeGreaterThan(before.frames + 20)
        expect(after.echoed).toBeGreaterThan(before.echoed + 20)
      },
      { timeout: 10_000, interval: 100 },
    )
    console.log(`TURN in Chromium: ${JSON.stringify({ ...(await seen()), ...turn.stats() })}`)
  })
})
