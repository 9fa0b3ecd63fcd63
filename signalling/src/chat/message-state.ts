import { TrunklineError } from '@trunkline/protocol'
import { and, eq } from 'drizzle-orm'
import type { Executor } from '../database.ts'
import { refusedByArchive } from '../rooms/roles.ts'
import { messages, type rooms } from '../schema.ts'

export type MessageState = typeof messages.$inferSelect

export const noSuchMessage = (seq: number): TrunklineError =>
  new TrunklineError('not_found', `There is no message with the number ${seq} in this room.`)

/**
 * What became of a message.
 * @throws TrunklineError `not_found`
 */
export const messageState = async (
  executor: Executor,
  roomId: string,
  seq: number,
): Promise<MessageState> => {
  const [state] = await executor
    .select()
    .from(messages)
    .where(and(eq(messages.roomId, roomId), eq(messages.seq, seq)))
  if (!state) throw noSuchMessage(seq)
  return state
}

/** @throws TrunklineError `not_found`, or `conflict` for one that was deleted */
export const standingMessage = async (
  executor: Executor,
  roomId: string,
  seq: number,
): Promise<MessageState> => {
  const state = await messageState(executor, roomId, seq)
  if (state.deletedAt === null) return state
  throw new TrunklineError('conflict', `The message with the number ${seq} was deleted.`)
}

/**
 * What a message answers must be a message of the room from before it, that was not deleted; a thread hangs on a
 * message, not on an answer in another thread.
 * @param seq the number of the message itself, when it has one already
 * @throws TrunklineError `invalid_request`
 */
export const assertPlace = async (
  executor: Executor,
  roomId: string,
  place: { replyTo?: number | undefined; threadOf?: number | undefined },
  seq = Number.POSITIVE_INFINITY,
): Promise<void> => {
  for (const field of ['replyTo', 'threadOf'] as const) {
    const to = place[field]
    if (to === undefined) continue
    const state =
      to < seq
        ? await messageState(executor, roomId, to).catch((error: unknown) => {
            if (error instanceof TrunklineError) return undefined
            throw error
          })
        : undefined
    if (!state || state.deletedAt !== null) {
      const fault = state ? 'was deleted' : 'is no message of this room'
      throw new TrunklineError('invalid_request', `${field} names ${to}, which ${fault}.`)
    }
    if (field === 'threadOf' && state.threadOf !== null) {
      throw new TrunklineError(
        'invalid_request',
        `threadOf names ${to}, an answer in a thread itself: name the message the thread began with, ${state.threadOf}.`,
      )
    }
  }
}

/** @throws TrunklineError `forbidden` for a room nobody writes in any more */
export const assertOpen = (room: Pick<typeof rooms.$inferSelect, 'archivedAt'>): void => {
  if (room.archivedAt === null) return
  throw refusedByArchive()
}
