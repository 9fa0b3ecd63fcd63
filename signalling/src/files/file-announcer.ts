import { type FileNews, TrunklineError } from '@trunkline/protocol'
import { and, eq } from 'drizzle-orm'
import type { Database } from '../database.ts'
import type { FanOut } from '../fan-out.ts'
import { derivedId } from '../ids.ts'
import type { Entry } from '../log/entry.ts'
import type { EventLog } from '../log/event-log.ts'
import { fileShares } from '../schema.ts'

type LastingNews = Exclude<FileNews, { type: 'progress' }>

/** Brings what media says of files to their rooms, and to those they were forwarded to. */
export class FileAnnouncer {
  readonly #database: Database
  readonly #log: EventLog
  readonly #fanOut: FanOut

  constructor(deps: { database: Database; log: EventLog; fanOut: FanOut }) {
    this.#database = deps.database
    this.#log = deps.log
    this.#fanOut = deps.fanOut
  }

  /** Resolves once what is lasting is in the logs: in each once, however often it is told. */
  async tell(news: FileNews): Promise<void> {
    const roomIds = [news.roomId, ...(await this.#sharedWith(news))]
    for (const roomId of roomIds) {
      if (news.type === 'progress') {
        const { fileId, progress } = news
        // The next one says more: nobody needs those that wait.
        this.#fanOut.toRoom(roomId).volatile.emit('file:progress', { roomId, fileId, progress })
      } else {
        await this.#append(roomId, news)
      }
    }
  }

  async #append(roomId: string, news: LastingNews): Promise<void> {
    try {
      await this.#log.append(entryOf(roomId, news))
    } catch (error) {
      const isGone = error instanceof TrunklineError && error.code === 'room_not_found'
      if (!isGone) throw error
    }
  }

  async #sharedWith({ fileId, roomId }: FileNews): Promise<string[]> {
    const rows = await this.#database
      .select({ roomId: fileShares.roomId })
      .from(fileShares)
      .where(and(eq(fileShares.fileId, fileId), eq(fileShares.homeRoomId, roomId)))
    return rows.map(row => row.roomId)
  }
}

/** The same clientId each time: what was told before is found, also after the room was exported and imported. */
const entryOf = (roomId: string, news: LastingNews): Entry => {
  const { type, fileId } = news
  const clientId = derivedId('file', type, fileId)
  switch (news.type) {
    case 'ready': {
      const { type: _type, roomId: _home, ...data } = news
      return { roomId, type: 'file.ready', clientId, data }
    }
    case 'failed': {
      const { type: _type, roomId: _home, ...data } = news
      return { roomId, type: 'file.failed', clientId, data }
    }
    case 'deleted':
      return { roomId, type: 'file.deleted', sender: news.userId, clientId, data: { fileId } }
  }
}
