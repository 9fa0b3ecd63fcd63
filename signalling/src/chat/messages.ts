import type { RoomEventOf, TrunklineError } from '@trunkline/protocol'
import type { FileShares } from '../files/file-shares.ts'
import type { Entry, EntryRight } from '../log/entry.ts'
import type { EventLog } from '../log/event-log.ts'
import { assertRepeated, type Content, createdData, type Placement } from './message-data.ts'
import { assertPlace } from './message-state.ts'

/** A message that is to be said, by somebody who was let in; `right` is looked at again under the room's lock. */
export type NewMessage = Content &
  Placement & {
    roomId: string
    sender: string
    clientId?: string | undefined
    right: EntryRight
  }

/** Sends messages. */
export class Messages {
  readonly #log: EventLog
  readonly #files: FileShares

  constructor(log: EventLog, files: FileShares) {
    this.#log = log
    this.#files = files
  }

  /**
   * Appends a message. The same `clientId` of the same sender gives the first event back.
   * @throws TrunklineError `conflict` when a clientId is used again for something else; `invalid_request` when what it
   *   answers or a file it names is not there; `unavailable`; what the log throws
   */
  async send(message: NewMessage): Promise<{ event: RoomEventOf<'message.created'>; isNew: boolean }> {
    const { roomId, sender, clientId, right } = message
    const said = createdData(message)
    const { parts, fault } = await this.#files.look(roomId, said.parts)
    const data = { ...said, parts }
    const entry: Entry<'message.created'> = { roomId, type: 'message.created', sender, clientId, right, data }
    const isPlaced = data.replyTo !== undefined || data.threadOf !== undefined
    const { event, isNew } =
      isPlaced || fault ? await this.#place(entry, fault) : await this.#log.append(entry)
    return { event: assertRepeated(event, 'message.created', data), isNew }
  }

  /** Appends what answers another message, or has a fault, unless it is there already. What is refused afterwards was not appended: the transaction is taken back. */
  #place(entry: Entry<'message.created'>, fault: TrunklineError | undefined) {
    return this.#log.transaction(entry.roomId, async ({ executor, append }) => {
      const appended = await append(entry)
      if (!appended.isNew) return appended
      if (fault) throw fault
      await assertPlace(executor, entry.roomId, entry.data, appended.event.seq)
      return appended
    })
  }
}
