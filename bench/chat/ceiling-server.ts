/**
 * The ceiling: what Socket.IO alone can do with the same frames; called with `durable`, with an insert for each message
 * and nothing else. Prints its port.
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Server } from 'socket.io'
import { BareStore } from './bare-store.ts'

const http = createServer()
const io = new Server(http, { serveClient: false, perMessageDeflate: false, transports: ['websocket'] })
const store = process.argv[2] === 'durable' ? await BareStore.open() : undefined
const seqs = new Map<string, number>()

io.on('connection', socket => {
  socket.on('room:open', ({ roomId }, acknowledge) => {
    void socket.join(roomId)
    acknowledge({ ok: true, data: {} })
  })
  socket.on('message:send', async ({ roomId, clientId, text }, acknowledge) => {
    const seq = (seqs.get(roomId) ?? 0) + 1
    seqs.set(roomId, seq)
    const event = {
      roomId,
      seq,
      type: 'message.created',
      at: new Date().toISOString(),
      sender: socket.id,
      clientId,
      data: { parts: [{ mime: 'text/plain', text }] },
    }
    await store?.add(roomId, seq, JSON.stringify(event))
    io.to(roomId).emit('event:appended', { event })
    acknowledge({ ok: true, data: { event } })
  })
})

http.listen(0, '127.0.0.1', () => console.log((http.address() as AddressInfo).port))

const end = async (): Promise<void> => {
  await store?.close()
  process.exit()
}
process.once('SIGTERM', () => void end())
