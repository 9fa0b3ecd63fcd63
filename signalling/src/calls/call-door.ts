import type { CallStanding } from '@trunkline/protocol'
import type { Database } from '../database.ts'
import type { UserPrincipal } from '../identity/authenticate.ts'
import { assertMaySpeak } from '../identity/blocks.ts'
import { refusedByArchive } from '../rooms/roles.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { callStanding } from './call-standing.ts'

/** What the SFU is told of who comes. */
export type AtTheDoor = { standing: CallStanding; lobby: boolean; asOf: number }

/**
 * Whether somebody may come into a room's call at all, and as what. The call itself may still ask them to knock.
 * @param isPreparing whoever only gets ready is not in the room by that
 * @throws TrunklineError as `Rooms.authorise`; `forbidden` in an archived room, and for who may not write to the other of a
 *   direct room: they do not ring either
 */
export const callDoor = async (
  { rooms, database }: { rooms: Rooms; database: Database },
  principal: UserPrincipal,
  roomId: string,
  isPreparing = false,
): Promise<AtTheDoor> => {
  const { room, role } = await (isPreparing
    ? rooms.approachable(principal, roomId, 'call')
    : rooms.enterable(principal, roomId, 'call'))
  if (room.archivedAt !== null) throw refusedByArchive()
  await assertMaySpeak(database, room, principal.user.id)
  return { standing: callStanding(principal, room, role), lobby: room.lobby, asOf: room.lastSeq }
}
