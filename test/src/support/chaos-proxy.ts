import { once } from 'node:events'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type RawData, WebSocket, WebSocketServer } from 'ws'
import type { Register } from './clean-ups.ts'

export type ChaosProxy = {
  url: string
  /** From now on every packet arrives, once. */
  calm(): void
  /** Cuts every connection. */
  cut(): void
  /** What became of packets. */
  counts: { passed: number; dropped: number; doubled: number }
}

/** Packets of Socket.IO that carry a request, an answer or a notice; heartbeats and handshakes are left alone. */
const carriesSomething = (data: RawData): boolean => /^4[23]/.test(data.toString().slice(0, 2))

/**
 * Stands between clients and servers: each connection goes to one of `targets`, by chance, and some packets, either
 * way, are lost or come twice.
 * @param loss share of packets that is lost, and as large a share that is doubled
 */
export const startChaosProxy = async (options: {
  targets: readonly string[]
  loss: number
  random: () => number
  register: Register
}): Promise<ChaosProxy> => {
  const { targets, random, register } = options
  let loss = options.loss
  const counts = { passed: 0, dropped: 0, doubled: 0 }
  const pick = () => targets[Math.floor(random() * targets.length)] as string
  const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })

  const pass = (data: RawData, isBinary: boolean, to: WebSocket) => {
    if (to.readyState !== WebSocket.OPEN) return
    const chance = random()
    if (carriesSomething(data) && chance < loss) {
      counts.dropped++
      return
    }
    to.send(data, { binary: isBinary })
    counts.passed++
    if (carriesSomething(data) && chance > 1 - loss) {
      counts.doubled++
      to.send(data, { binary: isBinary })
    }
  }

  const http = createServer((incoming, outgoing) => {
    const target = new URL(incoming.url ?? '/', pick())
    const forwarded = request(target, { method: incoming.method, headers: incoming.headers }, answer => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    forwarded.on('error', () => outgoing.destroy())
    incoming.pipe(forwarded)
  })
  http.on('upgrade', (incoming, socket, head) => {
    sockets.handleUpgrade(incoming, socket, head, near => {
      const far = new WebSocket(new URL(incoming.url ?? '/', pick().replace('http', 'ws')))
      const early: [RawData, boolean][] = []
      near.on('message', (data, isBinary) => {
        if (far.readyState === WebSocket.CONNECTING) early.push([data, isBinary])
        else pass(data, isBinary, far)
      })
      far.on('open', () => {
        for (const [data, isBinary] of early) pass(data, isBinary, far)
      })
      far.on('message', (data, isBinary) => pass(data, isBinary, near))
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        one.on('close', () => other.terminate())
        one.on('error', () => other.terminate())
      }
    })
  })
  http.listen(0, '127.0.0.1')
  await once(http, 'listening')
  register(() => {
    for (const near of sockets.clients) near.terminate()
    http.close()
    http.closeAllConnections()
  })
  return {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    counts,
    calm: () => {
      loss = 0
    },
    cut: () => {
      for (const near of sockets.clients) near.terminate()
    },
  }
}
