import type { OperationHandlers, Performance } from '../operations/operation.ts'
import type { Services } from '../services.ts'
import type { Asker } from './interactions.ts'

type Asked = Pick<Performance<'command:run'>, 'principal' | 'user' | 'session' | 'retryKey'>

/** `command:*`, `button:press`, `form:submit`, `ephemeral:show`. */
export const botOperations = ({ interactions, roomBots, ephemerals, limits, fairShare }: Services) => {
  const asker = ({ user, session, retryKey }: Asked, clientId?: string): Asker => ({
    user,
    session,
    retryKey: clientId ?? retryKey,
  })

  /** A bot that is slow holds up nothing else of who asked it. */
  const waitFor = async <R>({ principal }: Asked, work: () => Promise<R>): Promise<R> => {
    await limits.message(principal)
    return principal.type === 'user' ? fairShare.aside(principal.user.id, work) : work()
  }

  return {
    'command:list': async ({ roomId }) => ({ data: await roomBots.commands(roomId) }),

    'command:run': ({ clientId, ...command }, performance) =>
      waitFor(performance, () => interactions.run(command, asker(performance, clientId))),

    'command:complete': (asked, performance) =>
      waitFor(performance, async () => ({ data: await interactions.complete(asked, asker(performance)) })),

    'button:press': ({ clientId, ...button }, performance) =>
      waitFor(performance, () => interactions.press(button, asker(performance, clientId))),

    'form:submit': ({ clientId, ...form }, performance) =>
      waitFor(performance, () => interactions.submit(form, asker(performance, clientId))),

    'ephemeral:show': async (shown, { principal, user }) => {
      await limits.message(principal)
      return ephemerals.show(shown, user)
    },
  } satisfies Partial<OperationHandlers>
}
