import { LIMITS, TrunklineError } from '@trunkline/protocol'
import { and, eq } from 'drizzle-orm'
import { assertMaySpeak } from '../identity/blocks.ts'
import type { EventLog } from '../log/event-log.ts'
import { type Actor, command } from '../rooms/command.ts'
import { reactions } from '../schema.ts'
import { assertOpen, messageState, standingMessage } from './message-state.ts'

type Reacted = { roomId: string; seq: number; reaction: string; userId: string }

/** What people leave on messages. Idempotent: what is so already is not said again. */
export class Reactions {
  readonly #log: EventLog

  constructor(log: EventLog) {
    this.#log = log
  }

  /** @throws TrunklineError `limit_reached`, `not_found`, `conflict` for a message that was deleted */
  add({ roomId, seq, reaction, userId }: Reacted, actor: Actor): Promise<void> {
    return command(this.#log, { roomId, actor, right: 'react' }, async ({ executor, append, room }) => {
      assertOpen(room)
      await standingMessage(executor, roomId, seq)
      await assertMaySpeak(executor, room, userId)
      const left = await executor
        .select({ reaction: reactions.reaction })
        .from(reactions)
        .where(and(eq(reactions.roomId, roomId), eq(reactions.seq, seq), eq(reactions.userId, userId)))
      if (left.some(row => row.reaction === reaction)) return
      if (left.length >= LIMITS.reactionsPerUser) {
        throw new TrunklineError(
          'limit_reached',
          `At most ${LIMITS.reactionsPerUser} reactions of one user on a message; take another back first.`,
          { details: { limit: LIMITS.reactionsPerUser } },
        )
      }
      await append({ type: 'reaction.added', sender: userId, data: { messageSeq: seq, reaction } })
    })
  }

  /** @throws TrunklineError `not_found` */
  remove({ roomId, seq, reaction, userId }: Reacted, actor: Actor): Promise<void> {
    return command(this.#log, { roomId, actor, right: 'react' }, async ({ executor, append, room }) => {
      assertOpen(room)
      await messageState(executor, roomId, seq)
      const [left] = await executor
        .select({ seq: reactions.seq })
        .from(reactions)
        .where(
          and(
            eq(reactions.roomId, roomId),
            eq(reactions.seq, seq),
            eq(reactions.userId, userId),
            eq(reactions.reaction, reaction),
          ),
        )
      if (!left) return
      await append({ type: 'reaction.removed', sender: userId, data: { messageSeq: seq, reaction } })
    })
  }
}
