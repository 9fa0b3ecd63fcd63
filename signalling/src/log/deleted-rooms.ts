import { LIMITS } from '@trunkline/protocol'
import { sql } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { latestTx } from './write.ts'

/**
 * Writes down the end of a room, for who follows the whole log: `room.deleted`, with the number after its last event. In the
 * transaction that deletes the room, before its log goes. What was given up of the room is gone with it.
 * @param sender who had it so; an app's server may have been nobody
 */
export const tellEnd = async (
  executor: Executor,
  roomId: string,
  sender: string | undefined,
): Promise<void> => {
  await executor.execute(sql`
    insert into deleted_rooms (number, room_id, seq, sender, at, tx, kind, title, metadata)
    select number, id, last_seq + 1, ${sender ?? null}, date_trunc('milliseconds', clock_timestamp()),
      ${sql.raw(latestTx('rooms.id'))}, kind, title, metadata
    from rooms where id = ${roomId}`)
  await executor.execute(sql`delete from webhook_dead_letters using rooms
    where rooms.id = ${roomId} and webhook_dead_letters.number = rooms.number`)
}

/** Forgets ends that are older than they are kept. */
export const forgetEnds = async (executor: Executor): Promise<void> => {
  await executor.execute(sql`
    with gone as (
      delete from deleted_rooms where at < now() - make_interval(secs => ${LIMITS.deletedRoomsKeptMs / 1_000}) returning number
    )
    delete from webhook_dead_letters using gone where webhook_dead_letters.number = gone.number`)
}
