import { type FileKind, type FileShelf, fileKindOf, LIMITS, type RoomFile } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import { isInt, isSeq, readCursor, writeCursor } from '../cursor.ts'
import type { Database } from '../database.ts'

type Query = {
  roomId: string
  kind?: readonly FileKind[] | undefined
  cursor?: string | undefined
  limit?: number | undefined
}
type Row = {
  seq: string
  place: number
  file_id: string
  /** None of a recording's. */
  sender: string | null
  at: string
  thread_of: string | null
  part: { voice?: true; width?: number; height?: number; durationMs?: number } | null
}

/**
 * Files that messages of a room name now, each by the latest message that does, and films of its recorded calls: the latest
 * first, and those of one message in its order. What was deleted this moment may be missing on a page, which is shorter by it.
 * @throws TrunklineError `unavailable` when the media service does not answer
 */
export const listRoomFiles = async (
  { database, shelf }: { database: Database; shelf: FileShelf | undefined },
  { roomId, kind, cursor, limit = LIMITS.filesPerRequest }: Query,
): Promise<{ data: RoomFile[]; nextCursor?: string }> => {
  if (!shelf) return { data: [] }
  const after = cursor === undefined ? undefined : (readCursor(cursor, [isSeq, isInt]) as [number, number])
  const { rows } = await database.execute<Row>(sql`
    select named.seq, named.place, named.file_id, messages.sender, coalesce(messages.at, events.at) as at, messages.thread_of,
      events.data -> 'parts' -> named.place as part
    from (
      select seq, place, file_id from message_files named
      where room_id = ${roomId}
        ${kind === undefined ? sql`` : sql`and kind = any(${sql.param(kind)}::text[])`}
        ${after === undefined ? sql`` : sql`and (seq < ${after[0]} or (seq = ${after[0]} and place > ${after[1]}))`}
        and not exists (
          select from message_files later
          where later.file_id = named.file_id and later.room_id = named.room_id and later.seq > named.seq
        )
      order by seq desc, place limit ${limit + 1}
    ) named
    left join messages on messages.room_id = ${roomId} and messages.seq = named.seq
    join events on events.room_id = ${roomId} and events.seq = coalesce(messages.content_seq, named.seq)
    where messages.seq is not null or events.type = 'recording.ready'
    order by named.seq desc, named.place`)
  const page = rows.slice(0, limit)
  const homes = page.length === 0 ? [] : await shelf.homesOf(page.map(row => row.file_id))
  const homeOf = new Map(homes.map(home => [home.id, home]))
  const last = page.at(-1)
  return {
    data: page.flatMap(row => {
      const home = homeOf.get(row.file_id)
      return home ? toRoomFile(row, home) : []
    }),
    ...(rows.length > page.length && last ? { nextCursor: writeCursor(Number(last.seq), last.place) } : {}),
  }
}

const toRoomFile = (
  { seq, file_id: fileId, sender, at, thread_of: threadOf, part }: Row,
  { uploader, name, mime, size, ...known }: Awaited<ReturnType<FileShelf['homesOf']>>[number],
): RoomFile => {
  const measures = Object.entries({
    width: known.width ?? part?.width,
    height: known.height ?? part?.height,
    durationMs: known.durationMs ?? part?.durationMs,
    voice: part?.voice,
  })
  return {
    fileId,
    mime,
    name,
    size,
    ...Object.fromEntries(measures.filter(([, value]) => value !== undefined)),
    kind: fileKindOf(mime),
    seq: Number(seq),
    sender: sender ?? uploader,
    at: new Date(at).toISOString(),
    ...(threadOf === null ? {} : { threadOf: Number(threadOf) }),
  }
}
