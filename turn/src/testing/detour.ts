import { connect, createServer, type Socket } from 'node:net'
import { onTestFinished } from 'vitest'
import { Endpoint } from '../stun/endpoint.ts'

/**
 * A way to a server that passes bytes on, whatever they mean, until the end of the test.
 * @returns where clients connect to instead, and the connections to the server: paused, they make clients that
 * read nothing; ended or reset, clients that hang up in either manner
 */
export const startDetour = async (
  server: Endpoint,
): Promise<{ endpoint: Endpoint; sockets: Set<Socket> }> => {
  const sockets = new Set<Socket>()
  const entrance = createServer({ noDelay: true, allowHalfOpen: true }, client => {
    const onward = connect({
      host: server.address,
      port: server.port,
      noDelay: true,
      allowHalfOpen: true,
    })
    sockets.add(onward)
    client.on('data', chunk => onward.write(chunk))
    onward.on('data', chunk => client.write(chunk))
    client.on('end', () => onward.end())
    onward.on('end', () => client.end())
    for (const socket of [client, onward]) socket.on('error', () => {})
    client.on('close', () => onward.destroy())
    onward.on('close', () => {
      sockets.delete(onward)
      client.destroy()
    })
  })
  await new Promise<void>(resolve => {
    entrance.listen(0, server.address, resolve)
  })
  onTestFinished(() => {
    for (const onward of sockets) onward.destroy()
    entrance.close()
  })
  const { port } = entrance.address() as { port: number }
  return { endpoint: new Endpoint(server.address, port), sockets }
}
