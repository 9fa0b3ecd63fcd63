import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Engine } from './engine.ts'
import { SocketPeer, textOfFrame } from './socket-peer.ts'

/** A bare Socket.IO broadcast in a process of its own: it stores nothing, knows nobody and promises nothing. */
export const startCeiling = async (): Promise<Engine> => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('ceiling-server.ts', import.meta.url))], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = await once(child.stdout, 'data')
  const url = `http://127.0.0.1:${String(line).trim()}`
  const peers: SocketPeer[] = []
  return {
    name: 'bare Socket.IO broadcast',
    promise: 'nothing is stored',
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
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}
