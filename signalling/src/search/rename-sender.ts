import { sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { STRETCH_EVENTS, senderWord } from './vectors.ts'

/** What a user's messages are found by under `from` becomes another id. To be done before the messages name the other. */
export const renameSender = async (executor: Executor, from: string, to: string): Promise<void> => {
  await executor.execute(sql`
    update message_search set vector = ts_delete(vector, said.prefix || ${senderWord(from)}) ||
      array_to_tsvector(array[said.prefix || ${senderWord(to)}])
    from (
      select room_id, seq, number || '.' || seq / ${sql.raw(String(STRETCH_EVENTS))} || ':' as prefix
      from messages join rooms on rooms.id = messages.room_id where messages.sender = ${from}
    ) as said
    where message_search.room_id = said.room_id and message_search.seq = said.seq`)
}
