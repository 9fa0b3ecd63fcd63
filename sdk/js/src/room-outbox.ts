import type { RoomEvent } from '@trunkline/protocol'
import type { Connection } from './connection.ts'
import { Outbox, optionsOf } from './outbox.ts'
import type { Rest } from './rest.ts'

/** The outbox of a room: messages go over the connection, files they show are uploaded first. */
export const roomOutbox = (
  roomId: string,
  deps: {
    connection: Connection
    rest: Rest
    /** Told each event that was answered with: its notice may come later, or never. */
    sent: (event: RoomEvent) => void
    /** Called after each change of `messages`. */
    changed: () => void
  },
): Outbox => {
  const { connection, rest, sent, changed } = deps
  return new Outbox({
    send: async message => {
      const { clientId, parts } = message
      const draft = { roomId, clientId, parts, ...optionsOf(message) }
      const { event } = await connection.request('message:send', draft)
      sent(event)
      return event
    },
    upload: async ({ blob, name }) => {
      const { id: fileId, mime, size, width, height, ...file } = await rest.uploadFile(roomId, blob, name)
      return [{ mime, fileId, name: file.name, size, ...(width && { width }), ...(height && { height }) }]
    },
    changed,
  })
}
