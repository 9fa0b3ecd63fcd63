import type { LinkedFile, RoomEvent } from '@trunkline/protocol'
import type { Connection } from './connection.ts'
import { type FilePart, Outbox, type OutgoingFile, optionsOf } from './outbox.ts'
import type { RoomFiles } from './room-files.ts'

/** The outbox of a room: messages go over the connection, files they show are uploaded first. */
export const roomOutbox = (
  roomId: string,
  deps: {
    connection: Connection
    files: RoomFiles
    /** Told each event that was answered with: its notice may come later, or never. */
    sent: (event: RoomEvent) => void
    /** Called after each change of `messages`. */
    changed: () => void
  },
): Outbox => {
  const { connection, files, sent, changed } = deps
  return new Outbox({
    send: async message => {
      const { clientId, parts } = message
      const draft = { roomId, clientId, parts, ...optionsOf(message) }
      const { event } = await connection.request('message:send', draft)
      sent(event)
      return event
    },
    upload: (file, told) => {
      const upload = files.upload(file.blob, file.name)
      upload.on('changed', () => told(upload.progress))
      return {
        done: upload.done.then(stored => partOf(stored, file)),
        pause: () => upload.pause(),
        resume: () => upload.resume(),
        cancel: () => upload.cancel(),
      }
    },
    changed,
  })
}

/** The part of a message that shows a file: what the server knows of it by now, else what its sender saw. */
const partOf = (stored: LinkedFile, file: OutgoingFile): FilePart => {
  const { id: fileId, mime, name, size } = stored
  const { width = file.width, height = file.height, durationMs = file.durationMs } = stored
  return {
    mime,
    fileId,
    name,
    size,
    ...(width && { width }),
    ...(height && { height }),
    ...(durationMs !== undefined && { durationMs }),
    ...(file.voice && { voice: true }),
  }
}
