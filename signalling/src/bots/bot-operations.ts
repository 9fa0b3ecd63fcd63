import type { OperationHandlers, Performance } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import type { Asker } from './interactions.ts'

type Asked = Pick<Performance<'command:run'>, 'principal' | 'user' | 'session' | 'retryKey'>

/** `command:*`, `button:press`, `form:submit`, `ephemeral:show`. */
export const botOperations = ({ interactions, roomBots, ephemerals, limits, fairShare }: Services) => {
  const asker = async (asked: Asked, clientId?: string): Promise<Asker> => {
    const { principal, user, session, retryKey } = asked
    await limits.message(principal)
    return {
      user,
      session,
      retryKey: clientId ?? retryKey,
      // A bot that is slow holds up nothing else of who asked it.
      aside: wait => (principal.type === 'user' ? fairShare.aside(principal.user.id, wait) : wait()),
    }
  }

  return {
    'command:list': async ({ roomId }) => ({ data: await roomBots.commands(roomId) }),

    'command:run': async ({ clientId, ...command }, performance) =>
      interactions.run(command, await asker(performance, clientId)),

    'command:complete': async (asked, performance) => ({
      data: await interactions.complete(asked, await asker(performance)),
    }),

    'button:press': async ({ clientId, ...button }, performance) =>
      interactions.press(button, await asker(performance, clientId)),

    'form:submit': async ({ clientId, ...form }, performance) =>
      interactions.submit(form, await asker(performance, clientId)),

    'ephemeral:show': async (shown, { principal, user }) => {
      await limits.message(principal)
      return ephemerals.show(shown, user)
    },
  } satisfies Partial<OperationHandlers>
}
