import { readFileSync } from 'node:fs'
import { PROTOCOL_VERSION } from '@trunkline/protocol'
import { startServer } from '../server.ts'
import { SocketPeer } from './socket-peer.ts'

const STEPS = [1_000, 2_000, 5_000, 10_000]
const SOCKETS_PER_USER = 10

/** What the kernel counts as the process's own memory, bytes. */
const memoryOf = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024

export type IdleStep = { sockets: number; memory: number; perSocket: number }

/** Memory of the signalling process with more and more sockets that have one room open and say nothing. */
export const measureIdle = async (report: (step: IdleStep) => void): Promise<void> => {
  const server = await startServer()
  await server.post('/v1/rooms', { id: 'idle', kind: 'group', members: ['user-0'] })
  const tokens: string[] = []
  const peers: SocketPeer[] = []
  const settle = () => new Promise(resolve => setTimeout(resolve, 3_000))
  await settle()
  const before = memoryOf(server.pid)
  report({ sockets: 0, memory: before, perSocket: 0 })
  for (const step of STEPS) {
    const work = async () => {
      while (peers.length < step) {
        const user = Math.floor(peers.length / SOCKETS_PER_USER)
        const index = peers.length
        peers.length++
        tokens[user] ??= (await server.post('/v1/tokens', { userId: `user-${user}` })).token as string
        peers[index] = await SocketPeer.connect(
          server.url,
          { token: tokens[user], version: PROTOCOL_VERSION },
          () => undefined,
        )
      }
    }
    await Promise.all(Array.from({ length: 16 }, work))
    await settle()
    const memory = memoryOf(server.pid)
    report({ sockets: step, memory, perSocket: (memory - before) / step })
  }
  for (const peer of peers) peer.close()
  await server.stop()
}
