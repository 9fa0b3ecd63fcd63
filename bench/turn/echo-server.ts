/**
 * The floor: what receiving a datagram and sending it on costs in Node when nothing looks at it. Sockets lie as a
 * relay's do, one for all clients and one for each client, and are as cheap as Node has them.
 */
import type { Socket } from 'node:dgram'
import { bindUdpSocket } from '../../turn/src/relay/udp-socket.ts'
import { HOST, type Start } from './engine.ts'

const { peers }: Start = JSON.parse(process.argv[2] ?? '')
const listener = await bindUdpSocket(HOST, 0)
const relays = new Map<number, Socket>()

/** A client says hello from its port, and is answered the port of its relay. */
const greet = async (port: number): Promise<void> => {
  const relay = await bindUdpSocket(HOST, 0)
  relays.set(port, relay)
  relay.on('message', packet => listener.send(packet, port, HOST))
  listener.send(String(relay.address().port), port, HOST)
}

listener.on('message', (packet, { port }) => {
  const relay = relays.get(port)
  if (relay) relay.send(packet, peers.plain, HOST)
  else void greet(port)
})
process.send?.({ port: listener.address().port })
process.once('disconnect', () => process.exit())
