import { createSocket, type Socket } from 'node:dgram'
import { isIPv6 } from 'node:net'

/** What the kernel may hold of a burst while the event loop is elsewhere; it caps this by its own limit. */
const RECEIVE_BUFFER_BYTES = 4_194_304

/**
 * A bound UDP socket that never resolves names: destinations are always addresses, and answering dgram's
 * lookup at once saves a trip through the resolver for each packet.
 * @param reusePort whether other processes may bind the same port, which shares the clients out among them
 * @param fd of a socket that is bound already, to use that one
 * @throws the bind's error, with its `code`
 */
export const bindUdpSocket = (
  address: string,
  port: number,
  reusePort = false,
  fd?: number,
): Promise<Socket> => {
  const family = isIPv6(address) ? 6 : 4
  const socket = createSocket({
    type: family === 6 ? 'udp6' : 'udp4',
    ipv6Only: family === 6,
    reusePort,
    recvBufferSize: RECEIVE_BUFFER_BYTES,
    lookup: (host, _options, callback) => callback(null, host, family),
  })
  return new Promise((resolve, reject) => {
    socket.once('error', error => {
      socket.close()
      reject(error)
    })
    socket.bind(fd === undefined ? { address, port, exclusive: true } : { fd }, () => {
      socket.removeAllListeners('error')
      resolve(socket)
    })
  })
}

/**
 * Sends unless so much is waiting that the network is behind: better to drop now than to deliver stale sound.
 * @returns whether it was handed over
 */
export const sendDatagram = (
  socket: Socket,
  packet: Buffer,
  port: number,
  address: string,
  maxQueuedBytes: number,
): boolean => {
  if (socket.getSendQueueSize() > maxQueuedBytes) return false
  // Without a callback: one would cost a turn of the tick queue for each packet, and a lost one is the client's to repeat.
  socket.send(packet, port, address)
  return true
}
