import { TrunklineError } from '@trunkline/protocol'
import type { Router } from 'express'
import type { Authenticate, Principal } from '../identity/authenticate.ts'
import { mount } from '../rest/route.ts'
import type { Bots } from './bots.ts'

/** A bot looks after its own commands; everything else is an app's server's. */
const assertOwn = (principal: Principal | undefined, id: string): void => {
  if (principal?.type === 'key' || principal?.user.id === id) return
  throw new TrunklineError('forbidden', 'This needs an API key, or the token of this bot.')
}

/** REST routes of bots. */
export const botRoutes = (
  router: Router,
  { authenticate, bots }: { authenticate: Authenticate; bots: Bots },
): void => {
  mount(router, authenticate, 'createBot', ({ body, retryKey }) => bots.create(body, retryKey))
  mount(router, authenticate, 'listBots', ({ query }) => bots.list(query.cursor, query.limit))
  mount(router, authenticate, 'getBot', ({ params, principal }) => {
    assertOwn(principal, params.id)
    return bots.get(params.id)
  })
  mount(router, authenticate, 'updateBot', ({ params, body }) => bots.update(params.id, body))
  mount(router, authenticate, 'deleteBot', async ({ params }) => {
    await bots.remove(params.id)
    return {}
  })
  mount(router, authenticate, 'setBotCommands', ({ params, body, principal }) => {
    assertOwn(principal, params.id)
    return bots.setCommands(params.id, body.commands)
  })
  mount(router, authenticate, 'rotateBotToken', ({ params }) => bots.rotateToken(params.id))
  mount(router, authenticate, 'rotateBotSecret', ({ params }) => bots.rotateSecret(params.id))
}
