/**
 * Hands UDP packets on after a while, both ways: what a long way does, which the kernel here cannot. Started by
 * network.ts with the port to listen on, where to hand on to (address, port), and the delay of each way in ms.
 */
import { createSocket, type Socket } from 'node:dgram'

const [port = '', address = '', targetPort = '', delay = ''] = process.argv.slice(2)
const ms = Number(delay)
/** By where packets came from: what they go on by. */
const outlets = new Map<string, Socket>()
const inlet = createSocket('udp4')

inlet.on('message', (packet, from) => {
  const key = `${from.address}:${from.port}`
  const outlet = outlets.get(key) ?? createSocket('udp4')
  if (!outlets.has(key)) {
    outlet.on('message', answer => setTimeout(() => inlet.send(answer, from.port, from.address), ms))
    outlets.set(key, outlet)
  }
  setTimeout(() => outlet.send(packet, Number(targetPort), address), ms)
})
inlet.bind(Number(port), () => process.stdout.write('listening\n'))
