import { RIGHTS, type Role, type RoomDesk, TrunklineError } from '@trunkline/protocol'
import type { Asker } from '../asker.ts'

/** Whether a role may send files. */
const assertWrites = (role: Role): void => {
  if (RIGHTS[role].write) return
  throw new TrunklineError(
    'forbidden',
    `Your role in this room, ${role}, cannot send files: it takes publisher.`,
  )
}

/**
 * @returns who it is
 * @throws TrunklineError `token_*`; `room_not_found`; `forbidden` when its role cannot send files
 */
export const assertWriter = async (
  desk: RoomDesk,
  { token, sender }: Asker,
  roomId: string,
): Promise<string> => {
  const { userId, role } = await desk.roleOf(token, roomId, sender)
  assertWrites(role)
  return userId
}

/** @throws TrunklineError `token_*` */
export const userOf = async (desk: RoomDesk, asker: Asker): Promise<string> =>
  (await desk.readable(asker, [])).userId

/** Whether a refusal is about the rights of whoever asked, and so will not be another one in a moment. */
export const isFinalRefusal = (error: unknown): boolean =>
  error instanceof TrunklineError &&
  (error.code === 'forbidden' || error.code === 'room_not_found' || error.code === 'too_large')
