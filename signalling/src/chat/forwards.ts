import {
  type Forwarded,
  type Message,
  type RoomEvent,
  type RoomEventOf,
  TrunklineError,
} from '@trunkline/protocol'
import { fileIdsOf, shareFiles } from '../files/file-shares.ts'
import { assertMaySpeak } from '../identity/blocks.ts'
import type { EventLog } from '../log/event-log.ts'
import { type Actor, command } from '../rooms/command.ts'
import { clientIdTaken, createdData } from './message-data.ts'
import { assertOpen } from './message-state.ts'

type Forward = { message: Message; toRoomId: string; sender: string; clientId: string | undefined }

/** Says messages again in other rooms. */
export class Forwards {
  readonly #log: EventLog

  constructor(log: EventLog) {
    this.#log = log
  }

  /**
   * Says a message again elsewhere, with who said it first: what it says, its metadata and its files go along. Whom it
   * spoke to and what it answered stay behind; what expires does so there as well.
   * @param forward.message as the sender may read it
   * @throws TrunklineError `forbidden`, `room_not_found`, `conflict` for a message that was deleted
   */
  forward(
    { message, toRoomId, sender, clientId }: Forward,
    actor: Actor,
  ): Promise<RoomEventOf<'message.created'>> {
    const { parts, metadata, expiresAt, forwarded = { sender: message.sender, at: message.at } } = message
    const data = createdData({
      parts,
      metadata,
      forwarded,
      ...(expiresAt === undefined ? {} : { expiresAt }),
    })
    const fileIds = fileIdsOf(parts)
    return command(
      this.#log,
      { roomId: toRoomId, actor, right: 'write' },
      async ({ executor, append, room }) => {
        const { event, isNew } = await append({ type: 'message.created', sender, clientId, data })
        if (!isNew) return assertForwarded(event, forwarded)
        // What is refused from here on was not appended: the transaction is taken back.
        assertOpen(room)
        if (message.deletedAt !== undefined) {
          throw new TrunklineError('conflict', `The message with the number ${message.seq} was deleted.`)
        }
        await assertMaySpeak(executor, room, sender)
        await shareFiles(executor, fileIds, message.roomId, toRoomId)
        return assertForwarded(event, forwarded)
      },
    )
  }
}

/** What was forwarded may have been changed or deleted since: a retry is known by who said it first, and when. */
const assertForwarded = (event: RoomEvent, from: Forwarded): RoomEventOf<'message.created'> => {
  if (event.type === 'message.created') {
    const { forwarded, deleted } = event.data
    if (deleted || (forwarded?.sender === from.sender && forwarded.at === from.at)) return event
  }
  throw clientIdTaken()
}
