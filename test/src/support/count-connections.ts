import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import type { Register } from './clean-ups.ts'

/** Another address of a server, which counts who comes and passes everything on. */
export const countConnections = async (
  url: string,
  register: Register,
): Promise<{ url: string; count(): number }> => {
  const { hostname, port } = new URL(url)
  let count = 0
  const relay = createServer(incoming => {
    count += 1
    const outgoing = connect(Number(port), hostname)
    // Either end goes with the other, however that went.
    incoming.on('error', () => undefined).on('close', () => outgoing.destroy())
    outgoing.on('error', () => undefined).on('close', () => incoming.destroy())
    incoming.pipe(outgoing).pipe(incoming)
  }).listen(0, '127.0.0.1')
  await once(relay, 'listening')
  register(() => {
    relay.close()
  })
  return { url: `http://127.0.0.1:${(relay.address() as AddressInfo).port}`, count: () => count }
}
