import type { Jobs, Task } from '@trunkline/kit'
import type { FileShelf } from '@trunkline/protocol'
import { eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import { rooms } from '../schema.ts'
import { filesOf } from './file-lines.ts'

const TASK = 'room-files'
/** Longer than the deletion of a room takes. */
const LATER_MS = 60_000

/** Files and avatars of rooms that are deleted: the rooms' rows go at once, the bytes soon after. */
export class RoomFiles {
  readonly #jobs: Jobs

  constructor(deps: {
    jobs: Jobs
    tasks: Map<string, Task>
    database: Database
    shelf: FileShelf | undefined
  }) {
    const { jobs, tasks, database, shelf } = deps
    this.#jobs = jobs
    tasks.set(TASK, async (payload, { signal }) => {
      const { roomId } = payload as { roomId: string }
      const [room] = await database.select({ id: rooms.id }).from(rooms).where(eq(rooms.id, roomId))
      // It was not deleted after all, or there is another of its name.
      if (room || !shelf) return
      for await (const file of filesOf(shelf, { roomId })) {
        signal.throwIfAborted()
        await shelf.delete(file.id)
      }
      await shelf.removeAvatars({ roomId })
    })
  }

  /**
   * Deletes a room's files with the room. They are put down for it before, so that a process that dies in between leaves
   * none behind.
   */
  async deleteWith(roomId: string, deleteRoom: () => Promise<void>): Promise<void> {
    await this.#jobs.add(TASK, { roomId }, { key: roomId, runAt: new Date(Date.now() + LATER_MS) })
    await deleteRoom()
    await this.#jobs.add(TASK, { roomId }, { key: roomId })
  }
}
