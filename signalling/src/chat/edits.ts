import { LIMITS, type MessageVersion, type RoomEventOf, TrunklineError } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import { cursorOf, seqOf } from '../cursor.ts'
import type { Database, Executor } from '../database.ts'
import type { FileShares } from '../files/file-shares.ts'
import { assertMaySpeak } from '../identity/blocks.ts'
import type { EventLog } from '../log/event-log.ts'
import { measuredPage } from '../measured-page.ts'
import { type Actor, command } from '../rooms/command.ts'
import { assertRepeated, type Content, editedData } from './message-data.ts'
import { assertOpen, messageState, standingMessage } from './message-state.ts'

type Edit = Content & { roomId: string; seq: number; clientId?: string | undefined }

/** What messages said, and what they say instead. */
export class Edits {
  readonly #database: Database
  readonly #log: EventLog
  readonly #files: FileShares

  constructor(database: Database, log: EventLog, files: FileShares) {
    this.#database = database
    this.#log = log
    this.#files = files
  }

  /**
   * Changes what one said oneself. What was forwarded stays another's words: it can be deleted, but not changed.
   * @throws TrunklineError `forbidden`, `not_found`, `conflict` for what was deleted, `invalid_request` for a file that
   *   is not of the room, `unavailable`
   */
  async edit(
    { roomId, seq, clientId, ...content }: Edit,
    actor: Actor,
  ): Promise<RoomEventOf<'message.edited'>> {
    const said = editedData(seq, content)
    const { parts, fault } = await this.#files.look(roomId, said.parts)
    const data = { ...said, parts }
    return command(
      this.#log,
      { roomId, actor, right: 'write' },
      async ({ executor, append, room, sender }) => {
        const { event, isNew } = await append({ type: 'message.edited', sender, clientId, data })
        const edited = assertRepeated(event, 'message.edited', data)
        if (!isNew) return edited
        // What is refused from here on was not appended: the transaction is taken back.
        assertOpen(room)
        const state = await standingMessage(executor, roomId, seq)
        if (state.sender !== sender) {
          throw new TrunklineError('forbidden', 'Only who sent a message may change what it says.')
        }
        await assertMaySpeak(executor, room, state.sender)
        await assertOwnWords(executor, roomId, seq)
        if (fault) throw fault
        return edited
      },
    )
  }

  /**
   * What a message said, oldest first; the last is what it says now. Of a deleted one nothing is left.
   * @throws TrunklineError `not_found`
   */
  async history(
    { roomId, seq }: { roomId: string; seq: number },
    { cursor, limit = LIMITS.pageSizeDefault }: { cursor?: string | undefined; limit?: number | undefined },
  ): Promise<{ data: MessageVersion[]; nextCursor?: string }> {
    const { deletedAt } = await messageState(this.#database, roomId, seq)
    if (deletedAt !== null) return { data: [] }
    const asked = sql`
      select * from (
        select seq, at, data from events where room_id = ${roomId} and seq = ${seq}
        union all
        select seq, at, data from events
        where room_id = ${roomId} and type = 'message.edited' and (data ->> 'messageSeq')::bigint = ${seq}
      ) versions
      where seq > ${seqOf(cursor) ?? 0} order by seq limit ${limit + 1}`
    const { rows } = await this.#database.execute<VersionRow>(
      measuredPage(asked, { column: sql`data`, order: sql`seq` }),
    )
    const page = rows.slice(0, limit)
    const last = page.at(-1)
    const hasMore = (rows[0]?.found ?? 0) > page.length
    return {
      data: page.map(({ at, data: { parts, metadata, mentions, controls } }) => ({
        at: new Date(at).toISOString(),
        parts,
        ...(metadata === undefined ? {} : { metadata }),
        ...(mentions === undefined ? {} : { mentions }),
        ...(controls === undefined ? {} : { controls }),
      })),
      ...(hasMore && last ? { nextCursor: cursorOf(Number(last.seq)) } : {}),
    }
  }
}

type VersionRow = { seq: string; at: string; data: Omit<MessageVersion, 'at'>; found: number }

const assertOwnWords = async (executor: Executor, roomId: string, seq: number): Promise<void> => {
  const { rows } = await executor.execute(sql`
    select 1 from events
    where room_id = ${roomId} and seq = ${seq} and data -> 'forwarded' is not null`)
  if (rows.length > 0) {
    throw new TrunklineError('forbidden', 'A forwarded message says what another said: delete it instead.')
  }
}
