import type { Jobs, Task } from '@trunkline/kit'
import { AVATARS_PATH, type FileShelf } from '@trunkline/protocol'
import { eq, inArray } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { recordings, rooms } from '../schema.ts'
import { filesOf } from './file-lines.ts'

const TASK = 'room-files'
const AVATAR_TASK = 'room-avatar'
/** Longer than the deletion of a room takes. */
const LATER_MS = 60_000

/**
 * Files and avatars of rooms that are deleted, and avatars of rooms that got another: the rows change at once, the bytes go
 * soon after.
 */
export class RoomFiles {
  readonly #jobs: Jobs
  readonly #database: Database

  constructor(deps: {
    jobs: Jobs
    tasks: Map<string, Task>
    database: Database
    shelf: FileShelf | undefined
  }) {
    const { jobs, tasks, database, shelf } = deps
    this.#jobs = jobs
    this.#database = database
    tasks.set(TASK, async (payload, { signal }) => {
      const { roomId, recordingIds } = payload as { roomId: string; recordingIds: string[] }
      const there = await database
        .select({ id: recordings.id })
        .from(recordings)
        .where(inArray(recordings.id, recordingIds))
      for (const recordingId of recordingIds) {
        // Without its row nobody else knows of what was kept for its film.
        if (!there.some(({ id }) => id === recordingId)) await shelf?.deleteParts(recordingId)
      }
      const [room] = await database.select({ id: rooms.id }).from(rooms).where(eq(rooms.id, roomId))
      // It was not deleted after all, or there is another of its name.
      if (room || !shelf) return
      for await (const file of filesOf(shelf, { roomId })) {
        signal.throwIfAborted()
        await shelf.delete(file.id)
      }
      await shelf.removeAvatars({ roomId })
    })
    tasks.set(AVATAR_TASK, async payload => {
      const { roomId, path } = payload as { roomId: string; path: string }
      const [room] = await database.select({ avatar: rooms.avatar }).from(rooms).where(eq(rooms.id, roomId))
      // It got it back meanwhile.
      if (room?.avatar !== path) await shelf?.removeAvatars({ roomId }, path)
    })
  }

  /**
   * Takes away the picture a room had until now. Should the process die before, it goes with the next one or with the room.
   * @param path anything else than the path of an avatar is no business of ours
   */
  async removeAvatar(roomId: string, path: string): Promise<void> {
    if (path.startsWith(`${AVATARS_PATH}/`))
      await this.#jobs.add(AVATAR_TASK, { roomId, path }, { key: path })
  }

  /**
   * Deletes a room's files, and what was recorded there, with the room. They are put down for it before, so that a process that dies in between leaves
   * none behind.
   */
  async deleteWith(roomId: string, deleteRoom: () => Promise<void>): Promise<void> {
    const kept = await this.#database
      .select({ id: recordings.id })
      .from(recordings)
      .where(eq(recordings.roomId, roomId))
    const work = { roomId, recordingIds: kept.map(({ id }) => id) }
    await this.#jobs.add(TASK, work, { key: roomId, runAt: new Date(Date.now() + LATER_MS) })
    await deleteRoom()
    await this.#jobs.add(TASK, work, { key: roomId })
  }
}
