import { LIMITS, PROTOCOL_VERSION } from '@trunkline/protocol'
import { startServer } from '../server.ts'
import type { Engine } from './engine.ts'
import { SocketPeer, textOfFrame } from './socket-peer.ts'

/** Trunkline as `npm start` runs it: one process with its embedded PostgreSQL. */
export const startTrunkline = async (rooms: number, members: number): Promise<Engine> => {
  const server = await startServer()
  const peers: SocketPeer[] = []
  const userId = (user: number) => `user-${user}`
  for (let room = 0; room < rooms; room++) {
    await server.post('/v1/rooms', {
      id: `room-${room}`,
      kind: 'group',
      members: Array.from({ length: Math.min(members, LIMITS.membersPerCreate) }, (_, index) =>
        userId(room * members + index),
      ),
    })
  }
  return {
    name: 'Trunkline',
    promise: 'committed to disk by PostgreSQL',
    pid: server.pid,
    connect: async ({ room, user, onText }) => {
      const { token } = await server.post('/v1/tokens', { userId: userId(user) })
      const roomId = `room-${room}`
      const peer = await SocketPeer.connect(server.url, { token, version: PROTOCOL_VERSION }, frame => {
        if (!frame.startsWith('42["event:appended"')) return
        const text = textOfFrame(frame)
        if (text !== undefined) onText(text)
      })
      peers.push(peer)
      await peer.request('room:open', { roomId, limit: 1 })
      let sent = 0
      return {
        send: async text => {
          const clientId = `${user}-${sent++}`
          for (;;) {
            try {
              await peer.request('message:send', { roomId, clientId, text })
              return
            } catch (error) {
              // A user may send 20 a second, which a hundred at full speed do.
              const [, wait] = /"retryAfterMs":(\d+)/.exec((error as Error).message) ?? []
              if (wait === undefined) throw error
              await new Promise(resolve => setTimeout(resolve, Number(wait)))
            }
          }
        },
      }
    },
    close: async () => {
      for (const peer of peers) peer.close()
      await server.stop()
    },
  }
}
