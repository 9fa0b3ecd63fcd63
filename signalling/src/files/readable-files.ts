import { type HomedFile, rolesWith } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'

/**
 * Which of these files a user may read now, in one look: those of rooms it reads, and those forwarded to one. A share that
 * names a room the file is not of gives nobody anything.
 */
export const readableFiles = async (
  executor: Executor,
  userId: string,
  files: readonly HomedFile[],
): Promise<Set<string>> => {
  if (files.length === 0) return new Set()
  const fileIds = sql.param(files.map(file => file.fileId))
  const roomIds = sql.param(files.map(file => file.roomId))
  const { rows } = await executor.execute<{ file_id: string }>(sql`
    select asked.file_id from unnest(${fileIds}::text[], ${roomIds}::text[]) as asked (file_id, room_id)
    where exists (
      select from members
      where members.user_id = ${userId} and members.role = any(${sql.param(rolesWith('read'))}::text[])
        and (members.room_id = asked.room_id or members.room_id in (
          select file_shares.room_id from file_shares
          where file_shares.file_id = asked.file_id and file_shares.home_room_id = asked.room_id
        ))
    )`)
  return new Set(rows.map(row => row.file_id))
}
