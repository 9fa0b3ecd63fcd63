import { partsOf, TrunklineError } from '@trunkline/protocol'
import { assertMayOffer } from '../bots/offers.ts'
import { rightToWrite } from '../operations/acting-user.ts'
import type { OperationHandlers, Performance } from '../operations/operation.ts'
import type { Services } from '../services.ts'

/** `message:*` but for `message:send`. */
export const messageOperations = ({ rooms, limits, chat }: Services) => {
  const { reader, edits, deletions, reactions, pins, forwards, scheduled } = chat

  /** What goes into the log is counted like messages are. */
  const count = ({ principal }: Pick<Performance, 'principal'>) => limits.message(principal)

  return {
    'message:list': ({ roomId, ...paging }) => reader.list(roomId, paging),
    'message:get': key => reader.get(key),
    'message:thread': ({ roomId, seq, ...paging }) => reader.thread({ roomId, seq }, paging),
    'message:pins': ({ roomId, ...paging }) => reader.pins(roomId, paging),
    'message:history': ({ roomId, seq, ...paging }) => edits.history({ roomId, seq }, paging),

    'message:edit': async ({ clientId, ...edit }, performance) => {
      assertMayOffer(performance.user, edit)
      await count(performance)
      return { event: await edits.edit({ ...edit, clientId: clientId ?? performance.retryKey }, performance) }
    },

    'message:delete': async (message, performance) => {
      await count(performance)
      return { event: await deletions.delete(message, performance) }
    },

    'message:react': async (reaction, performance) => {
      await count(performance)
      await reactions.add({ ...reaction, userId: performance.user.id }, performance)
      return reader.get(reaction)
    },

    'message:unreact': async (reaction, performance) => {
      await count(performance)
      await reactions.remove({ ...reaction, userId: performance.user.id }, performance)
      return reader.get(reaction)
    },

    'message:pin': async (message, performance) => {
      await count(performance)
      await pins.pin(message, performance)
      return reader.get(message)
    },

    'message:unpin': async (message, performance) => {
      await count(performance)
      await pins.unpin(message, performance)
      return reader.get(message)
    },

    'message:forward': async ({ roomId, seq, toRoomId, clientId }, performance) => {
      await count(performance)
      const { principal, user, retryKey } = performance
      await rooms.authorise(principal, toRoomId, 'write', user)
      const forward = {
        message: await reader.get({ roomId, seq }),
        toRoomId,
        sender: user.id,
        clientId: clientId ?? retryKey,
      }
      return { event: await forwards.forward(forward, performance) }
    },

    'message:schedule': async ({ clientId, text, ...message }, performance) => {
      assertMayOffer(performance.user, message)
      await count(performance)
      const { principal, user, retryKey } = performance
      return scheduled.add({
        ...message,
        parts: partsOf({ text, parts: message.parts }),
        sender: user.id,
        clientId: clientId ?? retryKey,
        right: rightToWrite(principal),
      })
    },

    'message:scheduled': ({ roomId, ...paging }, { user }) =>
      scheduled.list({ roomId, sender: user.id }, paging),

    'message:unschedule': async ({ roomId, scheduleId }, { principal, user }) => {
      if (await scheduled.remove({ roomId, sender: user.id, id: scheduleId })) return {}
      // Who is not in the room any more may take back what waits, and learns nothing else of the room.
      await rooms.authorise(principal, roomId, 'read', user)
      throw new TrunklineError(
        'not_found',
        'There is no such message of yours waiting: it may have been sent.',
      )
    },
  } satisfies Partial<OperationHandlers>
}
