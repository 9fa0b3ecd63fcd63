import { LIMITS, TrunklineError } from '@trunkline/protocol'
import { and, eq, isNotNull } from 'drizzle-orm'
import type { EventLog } from '../log/event-log.ts'
import { type Actor, command } from '../rooms/command.ts'
import { messages } from '../schema.ts'
import { assertOpen, messageState, standingMessage } from './message-state.ts'

type Message = { roomId: string; seq: number }

/** Messages kept in sight. Idempotent: what is pinned is not pinned again. */
export class Pins {
  readonly #log: EventLog

  constructor(log: EventLog) {
    this.#log = log
  }

  /** @throws TrunklineError `limit_reached`, `not_found`, `conflict` for a message that was deleted */
  pin({ roomId, seq }: Message, actor: Actor): Promise<void> {
    return command(this.#log, { roomId, actor, right: 'pin' }, async ({ executor, append, room, sender }) => {
      assertOpen(room)
      const state = await standingMessage(executor, roomId, seq)
      if (state.pinnedAt !== null) return
      const pinned = await executor.$count(
        messages,
        and(eq(messages.roomId, roomId), isNotNull(messages.pinnedAt)),
      )
      if (pinned >= LIMITS.pinsPerRoom) {
        throw new TrunklineError(
          'limit_reached',
          `At most ${LIMITS.pinsPerRoom} messages may be pinned in a room; unpin another first.`,
          { details: { limit: LIMITS.pinsPerRoom } },
        )
      }
      await append({ type: 'message.pinned', sender, data: { messageSeq: seq } })
    })
  }

  /** @throws TrunklineError `not_found` */
  unpin({ roomId, seq }: Message, actor: Actor): Promise<void> {
    return command(this.#log, { roomId, actor, right: 'pin' }, async ({ executor, append, room, sender }) => {
      assertOpen(room)
      const state = await messageState(executor, roomId, seq)
      if (state.pinnedAt === null) return
      await append({ type: 'message.unpinned', sender, data: { messageSeq: seq } })
    })
  }
}
