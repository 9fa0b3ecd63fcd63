import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import type { Register } from './clean-ups.ts'

/** Another address of a server, by a line that can be cut: connections end, and new ones are until it is mended. */
export type Line = {
  port: number
  cut(): void
  mend(): void
  /** From now on it ends at another port, as a load balancer would have it. */
  lead(port: number): void
}

export const startLine = async (port: number, register: Register): Promise<Line> => {
  const ends = new Set<Socket>()
  let isCut = false
  let target = port
  const relay = createServer(incoming => {
    if (isCut) {
      incoming.destroy()
      return
    }
    const outgoing = connect(target, '127.0.0.1')
    for (const [end, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      ends.add(end)
      end
        .on('error', () => undefined)
        .on('close', () => {
          ends.delete(end)
          other.destroy()
        })
      end.pipe(other)
    }
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const cut = () => {
    isCut = true
    for (const end of ends) end.destroy()
  }
  register(() => {
    cut()
    relay.close()
  })
  return {
    port: (relay.address() as AddressInfo).port,
    cut,
    mend: () => {
      isCut = false
    },
    lead: next => {
      target = next
    },
  }
}
