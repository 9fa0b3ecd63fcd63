/** What is looked at of Engine.IO, whose own types keep it private. */
type Connection = {
  writeBuffer: readonly { data?: unknown }[]
  transport: { socket?: { bufferedAmount?: number; terminate?(): void } }
  close(discard: boolean): void
}

/** A socket of Socket.IO. */
type Connected = { conn: unknown }

const connectionOf = (socket: Connected): Connection => socket.conn as Connection

const sizeOf = (data: unknown): number =>
  typeof data === 'string' ? data.length : data instanceof Uint8Array ? data.byteLength : 0

/** Bytes (or characters) that were said to a client and wait in our memory because it does not take them. */
export const backlogOf = (socket: Connected): number => {
  const { writeBuffer, transport } = connectionOf(socket)
  let bytes = transport.socket?.bufferedAmount ?? 0
  for (const packet of writeBuffer) bytes += sizeOf(packet.data)
  return bytes
}

/** Ends a connection at once. Its proper end would wait until the client has taken what it does not take. */
export const cut = (socket: Connected): void => {
  const connection = connectionOf(socket)
  const { transport } = connection
  connection.close(true)
  transport.socket?.terminate?.()
}
