import type { Composition } from './platform.ts'

/**
 * `GET /healthz` (the process runs), `/readyz` (it takes new work; 503 while draining or without its database) and
 * `/metrics` (Prometheus).
 */
export const mountHealth = (
  { app, lifecycle, metrics }: Composition,
  state: { readonly draining: boolean },
  check: () => Promise<void>,
): void => {
  app.get('/healthz', (_request, response) => {
    response.json({ status: 'ok' })
  })
  app.get('/readyz', async (_request, response) => {
    if (lifecycle.closing || state.draining) {
      response.status(503).json({ status: 'draining' })
      return
    }
    try {
      await check()
      response.json({ status: 'ready' })
    } catch {
      response.status(503).json({ status: 'unavailable', detail: 'The database cannot be reached.' })
    }
  })
  app.get('/metrics', async (_request, response) => {
    response.type(metrics.contentType).send(await metrics.metrics())
  })
}
