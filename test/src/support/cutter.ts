import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Register } from './clean-ups.ts'

export type Cutter = {
  url: string
  /** Connections that were cut. */
  cuts: number
  /** From now on nothing is cut. */
  calm(): void
}

/**
 * Stands between a client and a server, and cuts every connection after some bytes: mostly of what the client sends, at
 * times of what the server answers, which then did what it was asked to and nobody heard it.
 * @param bytes how many may pass at most
 */
export const startCutter = async (options: {
  target: string
  bytes: number
  random: () => number
  register: Register
}): Promise<Cutter> => {
  const { target, bytes, random, register } = options
  const { hostname, port } = new URL(target)
  const open = new Set<Socket>()
  let calm = false
  const server = createServer(near => {
    const far = connect(Number(port), hostname)
    let left = Math.ceil(random() * bytes)
    // Answers are short.
    let answered = random() < 0.3 ? Math.ceil(random() * 1_000) : Number.POSITIVE_INFINITY
    const cut = () => {
      if (near.destroyed) return
      cutter.cuts++
      near.destroy()
      far.destroy()
    }
    near.on('data', (chunk: Buffer) => {
      const passed = calm ? chunk : chunk.subarray(0, left)
      left -= passed.byteLength
      if (!far.write(passed)) near.pause()
      if (!calm && left <= 0) cut()
    })
    far.on('drain', () => near.resume())
    far.on('data', (chunk: Buffer) => {
      const passed = calm ? chunk : chunk.subarray(0, answered)
      answered -= passed.byteLength
      near.write(passed)
      if (!calm && answered <= 0) cut()
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      open.add(one)
      one.on('error', () => other.destroy())
      one.on('end', () => other.end())
      one.on('close', () => {
        open.delete(one)
        other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  register(() => {
    server.close()
    for (const socket of open) socket.destroy()
  })
  const cutter: Cutter = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cuts: 0,
    calm: () => {
      calm = true
    },
  }
  return cutter
}
