import { PROTOCOL_VERSION } from '@trunkline/protocol'
import { io } from 'socket.io-client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { restartServer, startServer } from './support/server.ts'

const SOCKETS = 12

// Clients knock while their server starts again. One that was let in before the server asks for tokens and knows
// requests kept a connection on which nothing is ever answered.
test('nobody is let in by a server that is still starting', async () => {
  const options = { services: ['signalling'], env: { TRUNKLINE_SECRET: 'a-secret-of-the-starting-test' } }
  const server = await startServer(options)
  await server.stop('SIGKILL')
  const codes = new Set<string>()
  const refused = new Set<number>()
  let admitted = 0
  for (let i = 0; i < SOCKETS; i += 1) {
    const socket = io(server.url, {
      auth: { token: 'no-token', version: PROTOCOL_VERSION },
      transports: ['websocket'],
      multiplex: false,
      reconnectionDelay: 20,
      reconnectionDelayMax: 20,
    })
    onTestFinished(() => void socket.disconnect())
    socket.on('connect', () => {
      admitted += 1
    })
    socket.on('connect_error', error => {
      if (socket.active) return
      codes.add((error as { data?: { code: string } }).data?.code ?? error.message)
      refused.add(i)
    })
  }
  await restartServer(server, options)
  await vi.waitFor(() => expect(refused.size + admitted).toBeGreaterThanOrEqual(SOCKETS), { timeout: 30_000 })
  expect(admitted).toBe(0)
  expect([...codes]).toEqual(['token_malformed'])
})
