import { execFile, spawn, spawnSync } from 'node:child_process'
import { promisify } from 'node:util'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { bindUdpSocket } from './relay/udp-socket.ts'
import { Endpoint } from './stun/endpoint.ts'
import { SECRET, startPeer, startTurn } from './testing/server.ts'

// Debian's coturn brings a client and a peer that are not ours.
const CLIENT = 'turnutils_uclient'
const PEER = 'turnutils_peer'
const missing = spawnSync(CLIENT, ['-?']).error !== undefined
if (missing) console.log(`TURN interoperability skipped: ${CLIENT} is not installed (Debian: coturn)`)

const run = promisify(execFile)

/** coturn's peer, echoing on the port returned; the client also names the port after it. */
const startCoturnPeer = async (): Promise<number> => {
  const probe = await bindUdpSocket('127.0.0.1', 0)
  const { port } = probe.address()
  await new Promise<void>(resolve => probe.close(resolve))
  const child = spawn(PEER, ['-L', '127.0.0.1', '-p', String(port)], { stdio: 'ignore' })
  onTestFinished(() => {
    child.kill('SIGKILL')
  })
  const asker = await startPeer()
  let echoed = false
  asker.socket.on('message', () => {
    echoed = true
  })
  await vi.waitFor(
    () => {
      asker.send(Buffer.from('there?'), new Endpoint('127.0.0.1', port))
      expect(echoed).toBe(true)
    },
    { timeout: 5000 },
  )
  return port
}

/** 4 clients, 200 messages each, one every 5 ms. */
const LOAD = ['-c', '-m', '4', '-n', '200', '-z', '5', '-l', '1000']

describe.skipIf(missing)("coturn's client", { timeout: 60_000 }, () => {
  it.each([
    ['Send and Data', 'sfu', ['-s']],
    ['ChannelData', 'sfu', []],
    ['Send and Data between two relays', 'public', ['-s', '-y']],
    ['ChannelData between two relays', 'public', ['-y']],
  ] as const)('loses nothing by %s, mode %s', async (_name, peers, flags) => {
    const peerPort = await startCoturnPeer()
    const turn = await startTurn({
      peers,
      allowedPeers: [{ address: '127.0.0.1', port: { min: peerPort, max: peerPort + 1 } }],
    })
    const peer = ['-L', '127.0.0.1', '-e', '127.0.0.1', '-r', String(peerPort)]
    const user = ['-u', 'coturn', '-W', SECRET]
    const args = [...flags, ...LOAD, ...peer, ...user, '-p', String(turn.port), '127.0.0.1']
    const { stdout } = await run(CLIENT, args, { timeout: 50_000 })
    const totals = [...stdout.matchAll(/tot_send_msgs=(\d+), tot_recv_msgs=(\d+)/g)].at(-1)
    expect(totals?.slice(1).map(Number), stdout.slice(-2000)).toEqual([800, 800])
    expect(stdout).toContain('Total lost packets 0 (0.000000%)')
    expect(turn.stats().packetsToClients).toBeGreaterThanOrEqual(800)
  })
})
