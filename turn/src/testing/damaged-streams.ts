import { once } from 'node:events'
import { connect as connectTcp, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { setImmediate as turnOfTheLoop } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import type { Endpoint } from '../stun/endpoint.ts'
import { mutate, pick, type Random, randomBytes } from './damaged-packets.ts'

/** Hands bytes on in pieces of random size, some together with the next and some by themselves. */
export const inPieces = async (
  bytes: Buffer,
  random: Random,
  send: (piece: Buffer) => void,
): Promise<void> => {
  const most = pick(random, [1, 7, 50, 500, bytes.length])
  for (let at = 0; at < bytes.length; ) {
    const end = at + 1 + random(Math.max(1, most))
    send(bytes.subarray(at, end))
    at = end
    if (random(3) === 0) await turnOfTheLoop()
  }
}

/** How a connection ends that was not closed by the other side. */
const hangUp = (socket: Socket, random: Random): void => {
  const kind = random(3)
  if (kind === 0) socket.end()
  else if (kind === 1) socket.destroy()
  else socket.resetAndDestroy()
}

const open = async (server: Endpoint): Promise<{ socket: Socket; closed: Promise<unknown> }> => {
  const socket = connectTcp({ host: server.address, port: server.port, noDelay: true })
  // It is closed under our hands all the time.
  socket.on('error', () => {})
  socket.resume()
  const closed = new Promise(resolve => {
    socket.once('close', resolve)
  })
  await once(socket, 'connect')
  return { socket, closed }
}

/** Bytes of any kind over a TCP connection of their own, until it is closed by either end. */
export const throwAtTcp = async (server: Endpoint, bytes: Buffer, random: Random): Promise<void> => {
  const { socket, closed } = await open(server)
  await inPieces(bytes, random, piece => socket.writable && socket.write(piece))
  hangUp(socket, random)
  await closed
}

/** The same below a TLS connection's surface: with the handshake done, or instead of it. */
export const throwAtTls = async (server: Endpoint, bytes: Buffer, random: Random): Promise<void> => {
  const { socket, closed } = await open(server)
  const secure = connectTls({ socket, rejectUnauthorized: false })
  secure.on('error', () => {})
  secure.resume()
  // Whichever of the two says so first: the one below does not always.
  const over = Promise.race([closed, new Promise(resolve => secure.once('close', resolve))])
  const ready = await Promise.race([once(secure, 'secureConnect').then(() => true), over.then(() => false)])
  if (ready) {
    const surface = pick(random, [secure, socket])
    await inPieces(bytes, random, piece => surface.writable && surface.write(piece))
    // Some of it arrives before the end does.
    if (random(2) === 0) await turnOfTheLoop()
  }
  // No reset here: Node now and then loses the descriptor of a socket that is reset below TLS.
  if (random(2) === 0) socket.end()
  else socket.destroy()
  await over
}

let hello: Promise<Buffer> | undefined

/** What a TLS client says first. */
const clientHello = (): Promise<Buffer> => {
  hello ??= new Promise(resolve => {
    const written = new Duplex({ read: () => {}, write: (chunk: Buffer) => resolve(chunk) })
    connectTls({ socket: written, servername: 'localhost' }).on('error', () => {})
  })
  return hello
}

/** Something that is no handshake, or nearly one. */
export const brokenHandshake = async (packet: Buffer, random: Random): Promise<Buffer> => {
  const whole = await clientHello()
  const record = (type: number, body: Buffer): Buffer => {
    const head = Buffer.from([type, 3, random(5), 0, 0])
    head.writeUInt16BE(random(4) === 0 ? random(65_536) : body.length, 3)
    return Buffer.concat([head, body])
  }
  return pick(random, [
    () => mutate(whole, random),
    () => whole.subarray(0, random(whole.length)),
    () => Buffer.concat([whole, randomBytes(random, random(300))]),
    () => record(20 + random(5), mutate(packet, random)),
    () => record(22, mutate(whole.subarray(5), random)),
    () => packet,
    () => Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n'),
    () => randomBytes(random, random(400)),
  ])()
}
