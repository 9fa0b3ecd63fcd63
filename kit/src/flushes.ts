import type { Server } from 'socket.io'

/** What is looked at of Engine.IO, whose own types keep it private. */
type Connection = {
  writeBuffer: readonly unknown[]
  transport: { socket?: { _socket?: { cork(): void; uncork(): void } } }
  flush(): void
}

/**
 * Writes to each client once per turn of the event loop. Engine.IO hands every packet to the kernel by itself, and that
 * is half of what delivering costs: when a batch of messages is committed, all that a client hears of it, and the
 * acknowledgement of its own among them, goes in one.
 */
export const flushTogether = (io: Pick<Server, 'on'>): void => {
  const due = new Set<Connection>()

  const flushAll = () => {
    const connections = [...due]
    due.clear()
    for (const connection of connections) {
      const stream = connection.transport.socket?._socket
      stream?.cork()
      Object.getPrototypeOf(connection).flush.call(connection)
      stream?.uncork()
    }
  }

  function flushLater(this: Connection) {
    if (this.writeBuffer.length === 0) return
    if (due.size === 0) setImmediate(flushAll)
    due.add(this)
  }

  io.on('connection', socket => {
    const connection = socket.conn as unknown as Connection
    connection.flush = flushLater
  })
}
