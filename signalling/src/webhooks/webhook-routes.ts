import type { Router } from 'express'
import type { Authenticate } from '../identity/authenticate.ts'
import { mount } from '../rest/route.ts'
import type { Deliveries } from './deliveries.ts'
import type { Webhooks } from './webhooks.ts'

/** REST routes of webhooks, for API keys. */
export const webhookRoutes = (
  router: Router,
  {
    authenticate,
    webhooks,
    deliveries,
  }: { authenticate: Authenticate; webhooks: Webhooks; deliveries: Deliveries },
): void => {
  mount(router, authenticate, 'createWebhook', ({ body }) => webhooks.create(body))
  mount(router, authenticate, 'listWebhooks', () => webhooks.list())
  mount(router, authenticate, 'getWebhook', ({ params }) => webhooks.get(params.id))
  mount(router, authenticate, 'updateWebhook', ({ params, body }) => webhooks.update(params.id, body))
  mount(router, authenticate, 'deleteWebhook', async ({ params }) => {
    await webhooks.remove(params.id)
    return {}
  })
  mount(router, authenticate, 'rotateWebhookSecret', ({ params }) => webhooks.rotateSecret(params.id))
  mount(router, authenticate, 'testWebhook', ({ params }) => deliveries.test(params.id))
  mount(router, authenticate, 'replayWebhook', ({ params, body }) => webhooks.replay(params.id, body))
  mount(router, authenticate, 'listWebhookAttempts', ({ params, query }) =>
    deliveries.attempts(params.id, query),
  )
  mount(router, authenticate, 'listDeadLetters', ({ params, query }) =>
    deliveries.deadLetters(params.id, query),
  )
  mount(router, authenticate, 'retryDeadLetters', ({ params }) => deliveries.retryDeadLetters(params.id))
}
