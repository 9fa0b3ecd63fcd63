import {
  type FileHome,
  type FilePart,
  type FileShelf,
  fileKindOf,
  type MessagePart,
  TrunklineError,
} from '@trunkline/protocol'
import { and, eq, inArray, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { fileShares } from '../schema.ts'

export const fileIdsOf = (parts: readonly MessagePart[]): string[] =>
  parts.flatMap(part => ('fileId' in part ? part.fileId : []))

type Looked = { parts: MessagePart[]; fault: TrunklineError | undefined }

/** What a file is its bytes say; of what they have not said yet its sender is believed, as far as it makes sense. */
const toldBy = (
  { fileId, width, height, durationMs, voice }: FilePart,
  { mime, name, size, ...known }: FileHome,
): FilePart => {
  const kind = fileKindOf(mime)
  const isSeen = kind === 'picture' || kind === 'video' || kind === 'document'
  const isPlayed = kind === 'video' || kind === 'audio'
  const measures = {
    width: known.width ?? (isSeen ? width : undefined),
    height: known.height ?? (isSeen ? height : undefined),
    durationMs: known.durationMs ?? (isPlayed ? durationMs : undefined),
  }
  return {
    mime,
    fileId,
    name,
    size,
    ...Object.fromEntries(Object.entries(measures).filter(([, value]) => value !== undefined)),
    ...(voice && isPlayed ? { voice } : {}),
  }
}

const truthful = (parts: readonly MessagePart[], homes: readonly FileHome[]): MessagePart[] => {
  const homeOf = new Map(homes.map(home => [home.id, home]))
  return parts.map(part => {
    const home = 'fileId' in part ? homeOf.get(part.fileId) : undefined
    return home && 'fileId' in part ? toldBy(part, home) : part
  })
}

/** Which rooms' members may read a file: those of its own room, and of the rooms it was forwarded to. */
export class FileShares {
  readonly #database: Database
  readonly #shelf: FileShelf | undefined

  /** @param shelf absent where no media service is known: nobody can say then what files there are */
  constructor(database: Database, shelf: FileShelf | undefined) {
    this.#database = database
    this.#shelf = shelf
  }

  /**
   * What a message for a room says of the files it names, as far as the server knows better; and what is wrong with them:
   * its readers have to be able to open them. That is given back instead of thrown, so that who may not write there at all
   * hears that, and nothing of files.
   * @returns `fault`: `invalid_request`, or `unavailable` when the media service does not answer
   */
  async look(roomId: string, parts: MessagePart[]): Promise<Looked> {
    const ids = [...new Set(fileIdsOf(parts))]
    if (ids.length === 0 || !this.#shelf) return { parts, fault: undefined }
    try {
      const homes = await this.#shelf.homesOf(ids)
      const elsewhere = homes.filter(home => home.roomId !== roomId)
      const shared = elsewhere.length > 0 ? await this.#sharedWith(roomId, elsewhere) : new Set<string>()
      const known = new Set(
        homes.filter(home => home.roomId === roomId || shared.has(home.id)).map(({ id }) => id),
      )
      const unknown = ids.find(id => !known.has(id))
      if (unknown === undefined) return { parts: truthful(parts, homes), fault: undefined }
      const fault = new TrunklineError(
        'invalid_request',
        `There is no file ${unknown} in this room. Upload it to this room first; one of another room comes along when its message is forwarded.`,
      )
      return { parts, fault }
    } catch (error) {
      if (error instanceof TrunklineError) return { parts, fault: error }
      throw error
    }
  }

  async #sharedWith(roomId: string, homes: readonly FileHome[]): Promise<Set<string>> {
    const rows = await this.#database
      .select({ fileId: fileShares.fileId, homeRoomId: fileShares.homeRoomId })
      .from(fileShares)
      .where(
        and(
          eq(fileShares.roomId, roomId),
          inArray(
            fileShares.fileId,
            homes.map(({ id }) => id),
          ),
        ),
      )
    const homeOf = new Map(homes.map(home => [home.id, home.roomId]))
    // A row may speak of a room the file is not of: whoever wrote the message could name any before this was looked at.
    return new Set(rows.filter(row => homeOf.get(row.fileId) === row.homeRoomId).map(row => row.fileId))
  }
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
