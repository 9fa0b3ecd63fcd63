import { type FileShelf, LIMITS } from '@trunkline/protocol'
import { inArray, sql } from 'drizzle-orm'
import type { Database, Executor } from '../database.ts'
import { looseFiles } from '../schema.ts'

type Loose = { id: string; file_id: string; home_room_id: string }

/**
 * Deletes files that no message names any more: theirs were deleted, have expired, say something else by now, or fell to
 * retention. A message that waits for its time counts, and so does one that was forwarded. A file that none ever named
 * stays: it may be about to be sent.
 *
 * Every node looks. Twice deleted is deleted; and what is sent while its file goes names one that is not there.
 */
export class LooseFiles {
  readonly #database: Database
  readonly #shelf: FileShelf

  constructor(deps: { database: Database; shelf: FileShelf }) {
    this.#database = deps.database
    this.#shelf = deps.shelf
  }

  /** @returns ms until the next is due, if one waits */
  async deleteDue(): Promise<number | undefined> {
    const kept = sql`make_interval(secs => ${LIMITS.looseFileMs / 1000})`
    const { rows: due } = await this.#database.execute<Loose>(sql`
      select id, file_id, home_room_id from loose_files where since <= now() - ${kept}
      order by since limit ${LIMITS.partsPerMessage}`)
    if (due.length > 0) await this.#delete(due)
    const { rows } = await this.#database.execute<{ ms: number | null }>(sql`
      select (extract(epoch from min(since) + ${kept} - now()) * 1000)::float8 as ms from loose_files`)
    return rows[0]?.ms ?? undefined
  }

  async #delete(due: readonly Loose[]): Promise<void> {
    const homes = await this.#shelf.homesOf([...new Set(due.map(row => row.file_id))])
    const homeOf = new Map(homes.map(home => [home.id, home.roomId]))
    const ids = due.map(row => row.id)
    const unnamed = await unnamedAmong(this.#database, ids)
    // Whoever wrote the message may have named a file of any room: only its own lets go of it.
    const own = unnamed.filter(({ file_id, home_room_id }) => homeOf.get(file_id) === home_room_id)
    // Each waits for its bytes to be gone, and most of the time for its turn: so all wait at once.
    const deleting = [...new Set(own.map(row => row.file_id))].map(id => this.#shelf.delete(id))
    const fault = (await Promise.allSettled(deleting)).find(({ status }) => status === 'rejected')
    if (fault?.status === 'rejected') throw fault.reason
    await this.#database.delete(looseFiles).where(inArray(looseFiles.id, ids.map(Number)))
  }
}

/** Those that nothing names where they may be read: in their own room and those they were forwarded to. */
const unnamedAmong = async (database: Database, ids: readonly string[]): Promise<Loose[]> => {
  const { rows } = await database.execute<Loose>(sql`
    with readers as (
      select id, file_id, home_room_id as room_id from loose_files where id = any(${sql.param(ids)}::bigint[])
      union
      select loose.id, loose.file_id, shared.room_id
      from loose_files loose join file_shares shared using (file_id, home_room_id)
      where loose.id = any(${sql.param(ids)}::bigint[])
    ),
    named as (
      select readers.id from readers join message_files using (room_id, file_id)
      union
      select readers.id from readers join scheduled_messages waiting using (room_id)
      cross join lateral json_array_elements(waiting.content -> 'parts') part
      where part ->> 'fileId' = readers.file_id
    )
    select id, file_id, home_room_id from loose_files
    where id = any(${sql.param(ids)}::bigint[]) and id not in (select id from named)`)
  return rows
}

/**
 * SQL that puts files down for deletion, those of `named (room_id, file_id)`: something of a room named them that is not there
 * any more. A file is of this room, or of one that a message came from with it.
 */
export const LET_GO_OF_NAMED = `
  insert into loose_files (file_id, home_room_id)
  select file_id, room_id from named
  union
  select file_id, home_room_id from named join file_shares using (room_id, file_id)`

/** Puts files down for deletion that something of a room named which is not there any more. */
export const letGo = async (
  executor: Executor,
  roomId: string,
  fileIds: readonly string[],
): Promise<void> => {
  if (fileIds.length === 0) return
  await executor.execute(sql`
    with named as (select ${roomId}::text as room_id, unnest(${sql.param(fileIds)}::text[]) as file_id)
    ${sql.raw(LET_GO_OF_NAMED)}`)
}
