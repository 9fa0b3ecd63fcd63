import { once } from 'node:events'
import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { LIMITS, MAX_REVOCATIONS, TrunklineError, TURN_CONTRACT } from '@trunkline/protocol'
import { io } from 'socket.io-client'
import { expect, onTestFinished, test, vi } from 'vitest'
import { z } from 'zod'
import { connectLink, serveLink } from './link.ts'
import { createLogger } from './logger.ts'

const logger = createLogger({ name: 'test', level: 'silent' })
const SECRET = 'correct horse battery staple'
const contract = {
  requests: {
    'sum:make': {
      request: z.strictObject({ a: z.number(), b: z.number() }),
      response: z.strictObject({ sum: z.number() }),
    },
    'trouble:make': {
      request: z.strictObject({ kind: z.enum(['typed', 'bug', 'never', 'misfit']) }),
      response: z.strictObject({}),
    },
  },
  notices: { 'sum:made': z.strictObject({ sum: z.number() }) },
} as const

type Serve = Parameters<typeof serveLink<typeof contract>>[0]

const listen = async (port = 0): Promise<{ httpServer: HttpServer; port: number }> => {
  const httpServer = createServer((_, response) => response.end('http'))
  httpServer.listen(port, '127.0.0.1')
  await once(httpServer, 'listening')
  onTestFinished(() => {
    httpServer.close()
    httpServer.closeAllConnections()
  })
  return { httpServer, port: (httpServer.address() as AddressInfo).port }
}

const serve = async (options: Partial<Serve> & { port?: number } = {}) => {
  const { port: at, ...rest } = options
  const { httpServer, port } = await listen(at)
  const peers = new Set<string>()
  const server = serveLink({
    httpServer,
    secret: SECRET,
    contract,
    logger,
    handle: (async (name: string, data: { a: number; b: number; kind: string }, peerId: string) => {
      peers.add(peerId)
      if (name === 'sum:make') return { sum: data.a + data.b }
      if (data.kind === 'typed') {
        throw new TrunklineError('limit_reached', 'Too many.', { details: { limit: 3 } })
      }
      if (data.kind === 'bug') throw new Error('secret inside')
      if (data.kind === 'never') await new Promise(() => {})
      return { unexpected: 1 }
    }) as never,
    ...rest,
  })
  onTestFinished(() => server.close())
  return { server, httpServer, port, peers }
}

type Connect = { secret?: string; timeoutMs?: number; adviceWhenDown?: string }

const connect = (port: number, options: Connect = {}) => {
  const link = connectLink({
    url: `http://127.0.0.1:${port}`,
    secret: SECRET,
    contract,
    timeoutMs: 5_000,
    logger,
    ...options,
  })
  onTestFinished(() => link.close())
  return link
}

test('requests are answered, notices reach every client, other requests of the HTTP server live on', async () => {
  const { server, port } = await serve()
  const links = [connect(port), connect(port)]
  const heard: unknown[] = []
  for (const [i, link] of links.entries()) {
    expect(await link.request('sum:make', { a: i, b: 1 })).toEqual({ sum: i + 1 })
    link.onNotice((name, data) => heard.push([i, name, data]))
  }
  server.notify('sum:made', { sum: 3 })
  await vi.waitFor(() => expect(heard).toHaveLength(2))
  expect(heard.sort()).toEqual([
    [0, 'sum:made', { sum: 3 }],
    [1, 'sum:made', { sum: 3 }],
  ])
  expect(await (await fetch(`http://127.0.0.1:${port}/`)).text()).toBe('http')
})

test('links of two contracts on one HTTP server keep apart by their names', async () => {
  const { port, httpServer } = await serve()
  const other = {
    requests: { 'word:say': { request: z.strictObject({}), response: z.string() } },
    notices: {},
  }
  const named = { contract: other, name: 'other', secret: SECRET, logger }
  const server = serveLink({ ...named, httpServer, handle: (async () => 'hello') as never })
  onTestFinished(() => server.close())
  const word = connectLink({ ...named, url: `http://127.0.0.1:${port}` })
  onTestFinished(() => word.close())
  expect(await word.request('word:say', {})).toBe('hello')
  expect(await connect(port).request('sum:make', { a: 1, b: 2 })).toEqual({ sum: 3 })
  // Closing one leaves the other.
  await server.close()
  expect(await connect(port).request('sum:make', { a: 2, b: 2 })).toEqual({ sum: 4 })
})

test('the longest request a contract of ours allows goes through', async () => {
  const { httpServer, port } = await listen()
  const turn = { contract: TURN_CONTRACT, name: 'turn', secret: SECRET, logger }
  const handle = async (_name: string, data: { revocations?: unknown[] }) => ({
    ended: data.revocations?.length,
  })
  const server = serveLink({ ...turn, httpServer, handle: handle as never })
  onTestFinished(() => server.close())
  const link = connectLink({ ...turn, url: `http://127.0.0.1:${port}` })
  onTestFinished(() => link.close())
  const revocations = Array.from({ length: MAX_REVOCATIONS }, (_, i) => ({
    userId: `${i}`.padStart(LIMITS.idChars, 'u'),
    expiry: 2_000_000_000,
  }))
  expect(await link.request('turn:revoke', { revocations })).toEqual({ ended: MAX_REVOCATIONS })
})

test('errors keep their code and details; bugs keep their text to themselves', async () => {
  const { port } = await serve()
  const link = connect(port)
  const typed = await link.request('trouble:make', { kind: 'typed' }).catch(error => error)
  expect(typed).toBeInstanceOf(TrunklineError)
  expect(typed).toMatchObject({ code: 'limit_reached', message: 'Too many.', details: { limit: 3 } })
  const bug = await link.request('trouble:make', { kind: 'bug' }).catch(error => error)
  expect(bug).toMatchObject({ code: 'internal', message: expect.not.stringContaining('secret') })
  await expect(link.request('trouble:make', { kind: 'misfit' })).rejects.toMatchObject({
    code: 'internal',
    message: expect.stringContaining('contract'),
  })
})

test('requests are parsed on arrival', async () => {
  const { port } = await serve()
  const link = connect(port)
  await expect(link.request('sum:make', { a: 1, b: 'two' } as never)).rejects.toMatchObject({
    code: 'invalid_request',
    message: expect.stringContaining('b:'),
  })
  for (const name of ['sum:unmake', '__proto__', 'constructor', 7, null]) {
    await expect(link.request(name as never, {} as never)).rejects.toMatchObject({ code: 'unknown_request' })
  }
})

test('another secret is refused, and requests say so at once', async () => {
  const { port, peers } = await serve()
  for (const secret of ['', 'wrong', `${SECRET}x`]) {
    const link = connect(port, { secret })
    const began = performance.now()
    await expect(link.request('sum:make', { a: 1, b: 1 })).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('TRUNKLINE_SECRET'),
    })
    expect(performance.now() - began).toBeLessThan(3_000)
  }
  for (const auth of [{}, { secret: [SECRET], peerId: 'x' }, { secret: SECRET }]) {
    const socket = io(`http://127.0.0.1:${port}`, { path: '/internal/link', auth, transports: ['websocket'] })
    const [error] = await new Promise<[Error & { data?: unknown }]>(resolve =>
      socket.once('connect_error', refusal => resolve([refusal])),
    )
    expect(error.data).toMatchObject({ code: 'forbidden' })
    socket.disconnect()
  }
  expect(peers.size).toBe(0)
})

test('a request that is not answered ends as unavailable', async () => {
  const { port } = await serve()
  const link = connect(port, { timeoutMs: 200 })
  await link.request('sum:make', { a: 1, b: 1 })
  await expect(link.request('trouble:make', { kind: 'never' })).rejects.toMatchObject({ code: 'unavailable' })
})

test('nobody there: requests wait for the connection, bounded', async () => {
  const { port, httpServer } = await listen()
  httpServer.close()
  const link = connect(port, { timeoutMs: 300 })
  await expect(link.request('sum:make', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'unavailable' })
  const patient = connect(port)
  const waiting = patient.request('sum:make', { a: 2, b: 2 })
  await serve({ port })
  expect(await waiting).toEqual({ sum: 4 })
})

test('with advice for it, a server known to be out of reach is said to be at once, and served again once it is back', async () => {
  const first = await serve()
  const link = connect(first.port, { timeoutMs: 60_000, adviceWhenDown: 'Check the setting.' })
  expect(await link.request('sum:make', { a: 1, b: 1 })).toEqual({ sum: 2 })
  await first.server.close()
  first.httpServer.close()
  first.httpServer.closeAllConnections()
  // By its own bound each would take a minute, which is longer than this test may.
  const problem = () =>
    link.request('sum:make', { a: 1, b: 1 }).catch((error: TrunklineError) => error.message)
  await expect
    .poll(problem)
    .toBe(
      `http://127.0.0.1:${first.port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${first.port}. Check the setting.`,
    )
  const reconnected = new Promise<void>(resolve => link.onReconnect(resolve))
  await serve({ port: first.port })
  await reconnected
  expect(await link.request('sum:make', { a: 2, b: 2 })).toEqual({ sum: 4 })
})

test('a break ends what is under way, is repaired, and is told', async () => {
  const first = await serve()
  const link = connect(first.port)
  const reconnected = vi.fn()
  link.onReconnect(reconnected)
  await link.request('sum:make', { a: 1, b: 1 })
  expect(reconnected).not.toHaveBeenCalled()
  const pending = link.request('trouble:make', { kind: 'never' }).catch(error => error)
  const received = link.request('sum:make', { a: 1, b: 2 })
  await received
  await first.server.close()
  first.httpServer.close()
  first.httpServer.closeAllConnections()
  expect(await pending).toMatchObject({ code: 'unavailable' })
  const second = await serve({ port: first.port })
  expect(await link.request('sum:make', { a: 3, b: 3 })).toEqual({ sum: 6 })
  expect(reconnected).toHaveBeenCalledTimes(1)
  // The same process, for all that the server can tell.
  expect([...second.peers]).toEqual([...first.peers])
})

test('a client that stays away is reported once; one that comes back in time is not', async () => {
  const onPeerLost = vi.fn()
  const { port, peers, httpServer } = await serve({ onPeerLost, peerGraceMs: 1_500 })
  const sockets = new Set<Socket>()
  httpServer.on('connection', socket => sockets.add(socket))
  const leaving = connect(port)
  await leaving.request('sum:make', { a: 1, b: 1 })
  const [left] = peers
  const staying = connect(port)
  await staying.request('sum:make', { a: 1, b: 1 })
  const returned = vi.fn()
  staying.onReconnect(returned)
  const wentAway = performance.now()
  await leaving.close()
  for (const socket of sockets) socket.destroy()
  await vi.waitFor(() => expect(returned).toHaveBeenCalledTimes(1), 5_000)
  expect(onPeerLost).not.toHaveBeenCalled()
  await vi.waitFor(() => expect(onPeerLost).toHaveBeenCalled(), 5_000)
  expect(performance.now() - wentAway).toBeGreaterThan(1_490)
  await staying.request('sum:make', { a: 1, b: 1 })
  expect(onPeerLost.mock.calls).toEqual([[left]])
  expect(peers.size).toBe(2)
})

test('after closing a link everything is unavailable, also what was under way', async () => {
  const { port } = await serve()
  const link = connect(port)
  await link.request('sum:make', { a: 1, b: 1 })
  const began = performance.now()
  const sent = link.request('trouble:make', { kind: 'never' }).catch(error => error)
  await new Promise(resolve => setImmediate(resolve))
  const notSentYet = link.request('trouble:make', { kind: 'never' }).catch(error => error)
  await link.close()
  await link.close()
  expect(await sent).toMatchObject({ code: 'unavailable' })
  expect(await notSentYet).toMatchObject({ code: 'unavailable' })
  expect(performance.now() - began).toBeLessThan(1_000)
  await expect(link.request('sum:make', { a: 1, b: 1 })).rejects.toMatchObject({ code: 'unavailable' })
})
