import type { Router } from 'express'
import type { Authenticate } from '../identity/authenticate.ts'
import { mount } from '../rest/route.ts'
import type { Push } from './push.ts'

/** REST routes of templates, for API keys. */
export const pushRoutes = (
  router: Router,
  { authenticate, push: { templates } }: { authenticate: Authenticate; push: Push },
): void => {
  mount(router, authenticate, 'listPushTemplates', async () => ({ data: await templates.list() }))
  mount(router, authenticate, 'putPushTemplate', ({ body }) => templates.put(body))
  mount(router, authenticate, 'deletePushTemplate', async ({ query }) => {
    await templates.remove(query.type, query.locale)
    return {}
  })
  mount(router, authenticate, 'previewPushTemplate', ({ body }) => templates.preview(body))
}
