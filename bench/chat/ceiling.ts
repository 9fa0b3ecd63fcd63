import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Engine } from './engine.ts'
import { SocketPeer, textOfFrame } from './socket-peer.ts'

const SERVER = fileURLToPath(new URL('ceiling-server.ts', import.meta.url))

/**
 * A bare Socket.IO broadcast in a process of its own: it knows nobody and promises nothing.
 * @param isDurable whether it keeps what is said in PostgreSQL before it acknowledges: the ceiling of any chat that does
 */
export const startCeiling = async (isDurable = false): Promise<Engine> => {
  const child = spawn(process.execPath, [SERVER, ...(isDurable ? ['durable'] : [])], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  const url = `http://127.0.0.1:${String(line).trim()}`
  const peers: SocketPeer[] = []
  return {
    name: isDurable ? 'the same with one bare insert' : 'bare Socket.IO broadcast',
    promise: isDurable ? 'committed to disk by PostgreSQL' : 'nothing is stored',
    pid: child.pid ?? 0,
    connect: async ({ room, user, onText }) => {
      const peer = await SocketPeer.connect(url, {}, frame => {
        const text = textOfFrame(frame)
        if (text !== undefined) onText(text)
      })
      peers.push(peer)
      const roomId = `room-${room}`
      await peer.request('room:open', { roomId })
      return {
        send: async text => {
          await peer.request('message:send', { roomId, clientId: `${user}`, text })
        },
      }
    },
    close: async () => {
      for (const peer of peers) peer.close()
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}
