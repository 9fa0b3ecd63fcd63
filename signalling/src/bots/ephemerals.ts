import {
  type EphemeralMessage,
  type MessagePost,
  partsOf,
  RIGHTS,
  TrunklineError,
  textOf,
  type User,
} from '@trunkline/protocol'
import type { Database } from '../database.ts'
import type { FanOut } from '../fan-out.ts'
import type { FileShares } from '../files/file-shares.ts'
import { assertMayAddress } from '../identity/blocks.ts'
import { newId } from '../ids.ts'
import type { Rooms } from '../rooms/rooms.ts'
import type { Session } from '../session.ts'

type Shown = Pick<MessagePost, 'text' | 'parts' | 'metadata'> & { roomId: string; userId: string }

/** What bots show one person alone: said to the sockets the person has now, and kept nowhere. */
export class Ephemerals {
  readonly #database: Database
  readonly #rooms: Rooms
  readonly #fanOut: FanOut
  readonly #files: FileShares

  constructor(deps: { database: Database; rooms: Rooms; fanOut: FanOut; files: FileShares }) {
    this.#database = deps.database
    this.#rooms = deps.rooms
    this.#fanOut = deps.fanOut
    this.#files = deps.files
  }

  /**
   * @param asking the socket that is answered with it, and needs not be told as well
   * @throws TrunklineError `conflict` for who is no bot, `not_found` for who is not in the room, `forbidden` for who has blocked the bot;
   *   what files throw
   */
  async show(
    { roomId, userId, metadata, ...said }: Shown,
    from: User,
    asking?: Session,
  ): Promise<EphemeralMessage> {
    if (from.kind !== 'bot') {
      throw new TrunklineError(
        'conflict',
        'Only bots show something to one person alone: write in a direct room.',
      )
    }
    const role = await this.#rooms.roleOf(roomId, userId)
    if (!role || !RIGHTS[role].read) {
      throw new TrunklineError('not_found', `"${userId}" is not in this room.`)
    }
    await assertMayAddress(this.#database, from.id, userId)
    const { parts, fault } = await this.#files.look(roomId, partsOf(said))
    if (fault) throw fault
    const text = textOf(parts)
    const message: EphemeralMessage = {
      id: newId('eph'),
      roomId,
      sender: from.id,
      ...(text !== undefined && { text }),
      parts,
      ...(metadata !== undefined && { metadata }),
      at: new Date().toISOString(),
    }
    const sockets = this.#fanOut.toUser(userId)
    const others = asking ? sockets.except(asking.id) : sockets
    others.emit('ephemeral:shown', message)
    return message
  }
}
