import { rolesWith, TrunklineError } from '@trunkline/protocol'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import type { Principal } from '../identity/authenticate.ts'
import { roomNotFound } from '../rooms/roles.ts'
import type { Rooms } from '../rooms/rooms.ts'
import { isInForce } from '../rooms/standings.ts'
import { fileShares, members } from '../schema.ts'

/** A file and the room it is of, as media knows it. */
export type HomedFile = { fileId: string; roomId: string }

/** Who may read files of rooms they are not in: members of the rooms they were forwarded to. */
export class FileShares {
  readonly #database: Database

  constructor(database: Database) {
    this.#database = database
  }

  /** Whether a user may read a file of a room that it may not read itself. */
  async isShared({ fileId, roomId }: HomedFile, userId: string): Promise<boolean> {
    const rows = await this.#database
      .select({ roomId: fileShares.roomId })
      .from(fileShares)
      .innerJoin(members, and(eq(members.roomId, fileShares.roomId), eq(members.userId, userId)))
      .where(
        and(
          eq(fileShares.fileId, fileId),
          eq(fileShares.homeRoomId, roomId),
          inArray(members.role, rolesWith('read')),
          isInForce,
        ),
      )
      .limit(1)
    return rows.length > 0
  }
}

/**
 * @returns who reads it
 * @throws TrunklineError `room_not_found` for who may not, whether there is such a file or not
 */
export const assertMayReadFile = async (
  { rooms, fileShares }: { rooms: Rooms; fileShares: FileShares },
  principal: Principal | undefined,
  file: HomedFile,
): Promise<{ userId: string }> => {
  if (principal?.type !== 'user') throw roomNotFound()
  const userId = principal.user.id
  try {
    await rooms.authorise(principal, file.roomId, 'read')
  } catch (error) {
    const isRefused = error instanceof TrunklineError && !error.retryable
    if (!isRefused || !(await fileShares.isShared(file, userId))) throw error
  }
  return { userId }
}

/**
 * Lets a room read the files of a message that came from another: those of that room, and those that were forwarded
 * there before. Whoever wrote the message may have named any file; a room it is not of lets nobody read it.
 */
export const shareFiles = async (
  executor: Executor,
  fileIds: readonly string[],
  from: string,
  to: string,
): Promise<void> => {
  if (fileIds.length === 0 || from === to) return
  await executor.execute(sql`
    insert into file_shares (file_id, home_room_id, room_id)
    select file_id, ${from}, ${to} from unnest(${sql.param(fileIds)}::text[]) as named (file_id)
    union
    select file_id, home_room_id, ${to} from file_shares
    where room_id = ${from} and file_id = any(${sql.param(fileIds)}::text[]) and home_room_id <> ${to}
    on conflict do nothing`)
}
